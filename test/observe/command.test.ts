import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { createClient } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { portOf } from "../helpers/processes.js";
import { parseMetrics } from "../helpers/prometheus.js";

const COMMAND = join(__dirname, "../../src/cli/main.js");
const TIME_LIMIT = { timeout: 60_000 };

interface ServerProcess {
  readonly child: ChildProcess;
  readonly port: number;
  /** What was written so far. */
  readonly out: () => string;
  /** Ends it and gives its whole output. */
  stop(): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** `ntftp -l ROOT` with these options, listening. */
async function serve(
  context: { after(cleanUp: () => void): void },
  root: string,
  ...options: string[]
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [COMMAND, "127.0.0.1:0", "-l", root, "--workers", "1", ...options]);
  context.after(() => child.kill("SIGKILL"));
  const text = { stdout: "", stderr: "" };
  const closed = once(child, "close");
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].on("data", (chunk: Buffer) => {
      text[stream] += chunk;
    });
  }
  while (!/Listening|"listening"/.test(text.stdout)) {
    await Promise.race([
      once(child.stdout, "data"),
      closed.then(() => Promise.reject(new Error(`ended: ${text.stderr}`))),
    ]);
  }
  return {
    child,
    port: await portOf(child),
    out: () => text.stdout,
    stop: async () => {
      child.kill("SIGTERM");
      const [code] = await closed;
      return { code, ...text };
    },
  };
}

/** Resolves when the command has printed this. */
async function untilOut({ out, child }: Pick<ServerProcess, "out" | "child">, text: string): Promise<void> {
  while (!out().includes(text)) await once(child.stdout as Readable, "data");
}

/** @param firstIsTold - resolves when the end of the first transfer is in the log: a client knows of it before */
async function transferSome(port: number, root: string, firstIsTold?: () => Promise<void>): Promise<void> {
  const client = createClient({ host: "127.0.0.1", port });
  await client.get("f", join(root, "copy"));
  await firstIsTold?.();
  await assert.rejects(client.get("none", join(root, "copy2")), /File not found/);
}

test("--log-format json writes nothing but one object per line", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(50_000));
  const { port, stop } = await serve(context, root, "--log-format", "json");
  await transferSome(port, root);
  const { code, stdout, stderr } = await stop();
  assert.deepEqual([code, stderr], [0, ""]);
  const objects = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    objects.map(({ level, event, outcome, file }) => [level, event, outcome, file]),
    [
      ["info", "listening", undefined, undefined],
      ["info", "transfer", "done", "f"],
      ["info", "transfer", "not-found", "none"],
    ],
  );
  assert.equal(objects[1].transferredBytes, 50_000);
  assert.match(objects[1].time, /^\d{4}-\d\d-\d\dT/);
});

test("--log-format text writes one line per transfer, --log-level bounds it", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(50_000));
  const all = await serve(context, root, "--log-format", "text", "--log-level", "debug");
  await transferSome(all.port, root, () => untilOut(all, "done"));
  const { stdout } = await all.stop();
  const words = stdout
    .split("\n")
    .map((line) => line.split(" ").slice(1).filter(Boolean).slice(0, 3).join(" "));
  assert.deepEqual(words, [
    "info Listening on",
    "debug start GET",
    "info done GET",
    "debug start GET",
    "info not-found GET",
    "",
  ]);
  const quiet = await serve(context, root, "--log-format", "text", "--json");
  await transferSome(quiet.port, root, () => untilOut(quiet, '"close"'));
  const events = (await quiet.stop()).stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  assert.deepEqual(events, ["listening", "connection", "close", "connection", "close", "error"]);
});

test("--metrics and --dashboard say where they are, and end with the server", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(50_000));
  const { port, out, stop, child } = await serve(context, root, "--metrics", "0", "--dashboard", "[::1]:0");
  await untilOut({ out, child }, "Live page on");
  const [, metrics = ""] = /^Metrics on (http:\/\/127\.0\.0\.1:\d+\/metrics)$/m.exec(out()) ?? [];
  const [, page = ""] = /^Live page on (http:\/\/\[::1\]:\d+\/)$/m.exec(out()) ?? [];
  await transferSome(port, root);
  const samples = parseMetrics(await (await fetch(metrics)).text());
  assert.equal(samples.value('ntftp_transferred_bytes_total{method="GET"}'), 50_000);
  assert.equal(samples.value('ntftp_transfers_total{method="GET",outcome="not-found"}'), 1);
  assert.match(await (await fetch(page)).text(), /<title>ntftp<\/title>/);
  assert.equal((await stop()).code, 0, "neither keeps the process alive");
  for (const words of [
    ["--metrics", "example.com:1"],
    ["--dashboard", "70000"],
  ]) {
    const wrong = spawn(process.execPath, [COMMAND, "127.0.0.1:0", "-l", root, ...words]);
    const [text] = await once(wrong.stderr, "data");
    assert.match(String(text), /It has to be a port, or an address and a port, as in 9469/);
    assert.equal((await once(wrong, "close"))[0], 2);
  }
});

test("an address that is taken ends the command with one line", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const taken = createHttpServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  context.after(() => void taken.close());
  const port = (taken.address() as AddressInfo).port;
  const failing = spawn(process.execPath, [COMMAND, "127.0.0.1:0", "-l", root, "--dashboard", String(port)]);
  let text = "";
  failing.stderr.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  assert.equal((await once(failing, "close"))[0], 1);
  assert.match(text, /^Error: Nothing can be shown over HTTP: listen EADDRINUSE.*\n$/);
});
