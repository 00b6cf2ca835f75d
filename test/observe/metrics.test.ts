import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { get } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { createClient, startMonitor } from "../../src/index.js";
import { isLoopback, parseListenAddress } from "../../src/observe/listen-address.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { parseMetrics, type Samples } from "../helpers/prometheus.js";
import { ACK, RRQ, rawPeer, WRQ } from "../helpers/raw-peer.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 60_000 };

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Answer> {
  const request = get({ host: "127.0.0.1", port, path, headers, method, agent: false });
  const [response] = await once(request, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, type: response.headers["content-type"], text };
}

async function samples(port: number): Promise<Samples> {
  return parseMetrics((await ask(port, "/metrics")).text);
}

for (const workers of [0, 2]) {
  test(`metrics count what happened, exactly (${workers} workers)`, TIME_LIMIT, async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(50_000));
    const { server, port } = await startServer(context, { root, workers, maxTransfers: 64 });
    const monitor = await startMonitor(server, { metrics: 0, logLinesLeftOut: () => 5 });
    context.after(() => monitor.close());
    const at = monitor.metrics?.port ?? 0;
    const before = await samples(at);
    assert.equal(before.value('ntftp_transfers_total{method="GET",outcome="done"}'), 0);
    const client = createClient({ host: "127.0.0.1", port });
    for (let round = 0; round < 3; round++) await client.get("f", join(root, "copy"));
    await client.put(join(root, "copy"), "stored");
    await assert.rejects(client.get("none", join(root, "copy")));
    const peer = await rawPeer(context, port);
    peer.ask(WRQ("../x"));
    await peer.until("\0\x05");
    // One that stands in the middle counts with what it has.
    peer.ask(RRQ("f"));
    await peer.until("\0\x03\0\x01");
    peer.answer(ACK(1));
    await peer.until("\0\x03\0\x02");
    while (server.transferCount > 1) await once(server, "transferEnd");
    while ([...server.progress()][0]?.transferredBytes !== 512) await new Promise(setImmediate);
    const now = await samples(at);
    const expected = {
      'ntftp_transfers_started_total{method="GET"}': 5,
      'ntftp_transfers_started_total{method="PUT"}': 1,
      'ntftp_transfers_total{method="GET",outcome="done"}': 3,
      'ntftp_transfers_total{method="PUT",outcome="done"}': 1,
      'ntftp_transfers_total{method="GET",outcome="not-found"}': 1,
      'ntftp_transfers_total{method="GET",outcome="peer-gone"}': 0,
      'ntftp_transferred_bytes_total{method="GET"}': 150_512,
      'ntftp_transferred_bytes_total{method="PUT"}': 50_000,
      'ntftp_requests_refused_total{reason="bad-name"}': 1,
      'ntftp_transfer_duration_seconds_count{method="GET"}': 3,
      'ntftp_first_answer_seconds_count{method="GET"}': 3,
      ntftp_transfers_active: 1,
      ntftp_requests_queued: 0,
      ntftp_log_lines_left_out_total: 5,
      ntftp_worker_errors_total: 0,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(now.value(name), value, name);
    // A busy machine may have some sent again.
    const sent = now.value('ntftp_blocks_sent_total{method="GET"}');
    assert.equal(sent - now.value('ntftp_retransmissions_total{method="GET"}'), 105);
    const names = workers === 0 ? ["main"] : ["0", "1"];
    for (const name of names) assert.ok(now.value(`ntftp_worker_busy_seconds_total{worker="${name}"}`) > 0);
    assert.equal(now.value("ntftp_native_path"), server.native.isNative ? 1 : 0);
    assert.ok(now.value("process_cpu_seconds_total") > 0);
  });
}

test("the endpoint answers reading from this machine, and nothing else", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const { server } = await startServer(context, { root, workers: 0 });
  const monitor = await startMonitor(server, { metrics: 0 });
  const port = monitor.metrics?.port ?? 0;
  assert.equal(monitor.metrics?.address, "127.0.0.1");
  const metrics = await ask(port, "/metrics");
  assert.deepEqual([metrics.status, metrics.type], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  assert.equal((await ask(port, "/metrics?x=1")).status, 200);
  assert.deepEqual(await ask(port, "/healthz"), {
    status: 200,
    type: "text/plain; charset=utf-8",
    text: "ok\n",
  });
  assert.equal((await ask(port, "/../etc/passwd")).status, 404);
  assert.equal((await ask(port, "/metrics", {}, "POST")).status, 405);
  for (const host of ["evil.example", "evil.example:80", "localhost.evil.example"])
    assert.equal((await ask(port, "/metrics", { host })).status, 403, host);
  for (const host of ["localhost", `localhost:${port}`, "127.0.0.1", "[::1]:80"])
    assert.equal((await ask(port, "/metrics", { host })).status, 200, host);
  const junk = connect(port, "127.0.0.1");
  junk.end("\0\xff junk\r\n\r\n");
  junk.resume();
  await once(junk, "close");
  await server.close();
  assert.equal((await ask(port, "/healthz")).status, 503);
  const taken = startMonitor(server, { metrics: port });
  await assert.rejects(taken, { code: "EADDRINUSE" });
  await assert.rejects(startMonitor(server, { metrics: "example.com:1" }), RangeError);
  monitor.close();
  await assert.rejects(ask(port, "/metrics"), { code: "ECONNREFUSED" });
  assert.deepEqual(
    ["transferStart", "transferEnd", "requestRefused", "workerError"].map((name) =>
      server.listenerCount(name),
    ),
    [0, 0, 0, 0],
    "a closed monitor lets go of its server",
  );
});

test("an address is [HOST:]PORT, and stays on this machine unless it says otherwise", () => {
  assert.deepEqual(parseListenAddress("9469"), { host: "127.0.0.1", port: 9469 });
  assert.deepEqual(parseListenAddress("0.0.0.0:80"), { host: "0.0.0.0", port: 80 });
  assert.deepEqual(parseListenAddress("[::1]:0"), { host: "::1", port: 0 });
  assert.deepEqual(parseListenAddress("localhost:1"), { host: "localhost", port: 1 });
  for (const text of ["", "x", ":1", "1.2.3:4", "::1:80", "[::1]", "65536", "a:b", "host:80", "1:2:3", "-1"])
    assert.throws(() => parseListenAddress(text), RangeError, text);
  assert.ok(isLoopback("127.9.9.9") && isLoopback("::1") && !isLoopback("0.0.0.0") && !isLoopback("::"));
});

test("the Grafana dashboard asks for nothing but metrics that exist", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const { server } = await startServer(context, { root, workers: 0 });
  const monitor = await startMonitor(server, { metrics: 0 });
  context.after(() => monitor.close());
  const text = (await ask(monitor.metrics?.port ?? 0, "/metrics")).text;
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]),
  );
  const names = new Set<string>();
  for (const [name, type] of types) {
    names.add(name);
    if (type === "histogram") for (const end of ["_bucket", "_sum", "_count"]) names.add(name + end);
  }
  const file = readFileSync(join(__dirname, "../../../docs/grafana-dashboard.json"), "utf8");
  const dashboard = JSON.parse(file) as { panels: { title: string; targets?: { expr: string }[] }[] };
  const asked = new Set<string>();
  for (const { title, targets } of dashboard.panels) {
    for (const { expr } of targets ?? []) {
      const found = expr.match(/\b(?:ntftp|process|nodejs)_[a-z_]+/g) ?? [];
      assert.ok(found.length > 0, `${title}: ${expr} names no metric`);
      for (const name of found) {
        asked.add(name);
        assert.ok(names.has(name), `${title}: ${name} does not exist`);
      }
    }
  }
  const ours = [...types.keys()].filter((name) => name.startsWith("ntftp_"));
  const shown = (name: string): boolean =>
    [name, `${name}_bucket`, `${name}_count`].some((one) => asked.has(one));
  const unseen = ours.filter((name) => !shown(name));
  assert.deepEqual(unseen.sort(), ["ntftp_transfers_started_total", "ntftp_worker_idle_seconds_total"]);
  const documented = readFileSync(join(__dirname, "../../../docs/monitoring.md"), "utf8");
  for (const name of ours) assert.ok(documented.includes(`\`${name}\``), `docs/monitoring.md lacks ${name}`);
});
