import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { runLoad } from "../../bench/load/run-load.js";
import { createClient, type Server, startMonitor } from "../../src/index.js";
import type { LiveHello, LiveTick } from "../../src/observe/live-messages.js";
import { readEvents } from "../helpers/event-stream.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { exactPlan } from "../helpers/load-plan.js";
import { parseMetrics } from "../helpers/prometheus.js";
import { ACK, RRQ, rawPeer } from "../helpers/raw-peer.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 240_000 };

async function fetchText(port: number, path: string): Promise<{ response: IncomingMessage; text: string }> {
  const [response] = (await once(get({ host: "127.0.0.1", port, path, agent: false }), "response")) as [
    IncomingMessage,
  ];
  let text = "";
  for await (const chunk of response) text += chunk;
  return { response, text };
}

async function watched(
  context: { after(cleanUp: () => Promise<void> | void): void },
  server: Server,
): Promise<number> {
  const monitor = await startMonitor(server, { metrics: 0, dashboard: 0 });
  context.after(() => monitor.close());
  assert.deepEqual(monitor.metrics, monitor.dashboard, "one address, one server");
  return monitor.dashboard?.port ?? 0;
}

test(
  "the page and all it needs come from here, under a policy that lets nothing else in",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const { server } = await startServer(context, { root, workers: 0 });
    const port = await watched(context, server);
    const page = await fetchText(port, "/");
    assert.equal(page.response.headers["content-type"], "text/html; charset=utf-8");
    const policy = page.response.headers["content-security-policy"] as string;
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    assert.equal(page.response.headers["x-content-type-options"], "nosniff");
    assert.doesNotMatch(page.text, /<script>|style="|onload=|https?:\/\/(?!www\.w3\.org)/);
    const seen = new Set<string>();
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const { response, text } = await fetchText(port, path);
      assert.equal(response.statusCode, 200, path);
      assert.doesNotMatch(
        text,
        /innerHTML|insertAdjacentHTML|document\.write|eval\(|https?:\/\/(?!www\.w3\.org)/,
        path,
      );
      for (const [, name = ""] of text.matchAll(/from "\.\/([a-z-]+\.js)"/g)) await visit(`/${name}`);
    };
    for (const [, path = ""] of page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)) await visit(path);
    assert.ok(seen.has("/style.css") && seen.has("/plot.js") && seen.size >= 7, [...seen].join());
  },
);

test(
  "events: a hello with the past, then a tick each second with what runs and what ended",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(50_000));
    const { server, port } = await startServer(context, { root, workers: 1 });
    const http = await watched(context, server);
    await createClient({ host: "127.0.0.1", port }).get("f", join(root, "copy"));
    while (server.transferCount > 0) await once(server, "transferEnd");
    const events = await readEvents(http);
    assert.equal(events.response.headers["content-type"], "text/event-stream");
    const { name, data } = await events.next();
    const hello = data as LiveHello;
    assert.equal(name, "hello");
    assert.deepEqual(
      hello.ended.map(({ file, outcome, bytes, sizeBytes }) => [file, outcome, bytes, sizeBytes]),
      [["f", "done", 50_000, 50_000]],
    );
    assert.deepEqual([hello.totals.ended, hello.totals.getBytes, hello.active], [1, 50_000, 0]);
    const peer = await rawPeer(context, port);
    peer.ask(RRQ("f"));
    await peer.until("\0\x03\0\x01");
    peer.answer(ACK(1));
    await peer.until("\0\x03\0\x02");
    for (;;) {
      const tick = (await events.next()).data as LiveTick;
      const [row, ...others] = tick.running;
      if (row?.bytes !== 512) continue;
      assert.deepEqual(others, []);
      assert.deepEqual([row.file, row.client, row.sizeBytes], ["f", `127.0.0.1:${peer.port}`, 50_000]);
      assert.deepEqual([tick.totals.started, tick.totals.getBytes, tick.active], [2, 50_512, 1]);
      assert.deepEqual(
        tick.threads.map((thread) => thread.name),
        ["main", "0"],
      );
      break;
    }
    events.close();
  },
);

test("pages that watch are few, and one that does not read is let go", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const { server } = await startServer(context, { root, workers: 0 });
  const port = await watched(context, server);
  const pages = await Promise.all(Array.from({ length: 16 }, () => readEvents(port)));
  assert.ok(pages.every(({ response }) => response.statusCode === 200));
  const refused = await fetchText(port, "/events");
  assert.equal(refused.response.statusCode, 503);
  assert.equal((await fetchText(port, "/metrics")).response.statusCode, 200, "others are still answered");
  pages[0]?.close();
  for (;;) {
    const again = await readEvents(port);
    if (again.response.statusCode === 200) break;
    await again.response.resume();
  }
  for (const page of pages) page.close();
});

test("a page that reads nothing costs a bounded amount of memory", TIME_LIMIT, async (context) => {
  // Many long names make ticks large: the socket fills, then what waits for it.
  const { LiveFeed } = await import("../../src/observe/live-feed.js");
  const { HttpEndpoint } = await import("../../src/observe/http-endpoint.js");
  const { Totals } = await import("../../src/observe/totals.js");
  const { EventEmitter } = await import("node:events");
  context.mock.timers.enable({ apis: ["setInterval"] });
  const info = { method: "GET", file: "x".repeat(480), remoteAddress: "192.0.2.1", remotePort: 9 };
  const server = Object.assign(new EventEmitter(), {
    status: () => ({ activeTransfers: 1000, queuedRequests: 0, threads: [] }),
    *progress() {
      for (let id = 0; id < 5000; id++) yield { info: { ...info, id }, sizeBytes: 9, transferredBytes: 1 };
    },
    address: () => ({}),
  });
  const feed = new LiveFeed(server as never, new Totals(server as never));
  const endpoint = new HttpEndpoint();
  context.after(() => endpoint.close());
  endpoint.route("/events", (response) => feed.serve(response));
  const { port } = await endpoint.listen({ host: "127.0.0.1", port: 0 });
  const deaf = connect(port, "127.0.0.1");
  deaf.on("error", () => undefined);
  deaf.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  deaf.pause();
  while (feed.clientCount === 0) await new Promise(setImmediate);
  let ticks = 0;
  for (; feed.clientCount > 0 && ticks < 100; ticks++) {
    context.mock.timers.tick(1000);
    await new Promise(setImmediate);
  }
  assert.ok(ticks > 1 && ticks < 100, `it was still there after ${ticks} ticks of 600 kB`);
  feed.close();
  deaf.destroy();
});

for (const workers of [0, 2]) {
  test(
    `500 clients: metrics and page agree exactly with the load generator (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      for (const [name, size] of [
        ["small", 1],
        ["middle", 40_000],
        ["large", 300_001],
      ] as const)
        await writeFile(join(root, name), sampleBytes(size));
      const { server, port } = await startServer(context, { root, workers, windowSize: 16 });
      const http = await watched(context, server);
      const content = new Map([["up-%n", sampleBytes(30_000)]]);
      const files = ["small", "middle", "large"];
      const [gets, misses, puts] = await Promise.all([
        runLoad(exactPlan(port, { method: "GET", files, connections: 500, amount: 1000 }), new Map()),
        runLoad(exactPlan(port, { method: "GET", files: ["none"], connections: 20, amount: 100 }), new Map()),
        runLoad(
          exactPlan(port, { method: "PUT", files: ["up-%n"], connections: 50, amount: 150 }, 30_000),
          content,
        ),
      ]);
      assert.deepEqual([gets.completed, gets.failed, misses.failed], [1000, 0, 100]);
      assert.deepEqual([puts.completed, puts.errors], [150, []]);
      while (server.transferCount > 0) await once(server, "transferEnd");
      const metrics = parseMetrics((await fetchText(http, "/metrics")).text);
      const count = (method: string, outcome: string): number =>
        metrics.value(`ntftp_transfers_total{method="${method}",outcome="${outcome}"}`);
      assert.equal(count("GET", "done") + count("GET", "last-ack-missing"), gets.completed);
      assert.equal(count("PUT", "done"), puts.completed);
      assert.equal(count("GET", "not-found"), misses.failed);
      const all = metrics.names.filter((name) => name.startsWith("ntftp_transfers_total"));
      const ended = all.reduce((sum, name) => sum + metrics.value(name), 0);
      assert.equal(ended, gets.completed + misses.failed + puts.completed);
      assert.equal(metrics.value('ntftp_transfers_started_total{method="GET"}'), 1100);
      assert.equal(metrics.value('ntftp_transferred_bytes_total{method="GET"}'), gets.bytes);
      assert.equal(metrics.value('ntftp_transferred_bytes_total{method="PUT"}'), puts.bytes);
      assert.equal(metrics.value('ntftp_transfer_duration_seconds_count{method="GET"}'), gets.completed);
      assert.deepEqual(
        [metrics.value("ntftp_transfers_active"), metrics.value("ntftp_requests_queued")],
        [0, 0],
      );
      const events = await readEvents(http);
      const { totals } = (await events.next()).data as LiveHello;
      events.close();
      assert.deepEqual(
        [totals.ended, totals.getBytes, totals.putBytes, totals.outcomes["not-found"]],
        [ended, gets.bytes, puts.bytes, misses.failed],
      );
      context.diagnostic(`${ended} transfers, ${gets.bytes} and ${puts.bytes} bytes`);
    },
  );
}
