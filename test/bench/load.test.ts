import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { parseLoadCommand } from "../../bench/load/args.js";
import type { LoadPlan } from "../../bench/load/plan.js";
import { formatProgressLine, formatResult, warningFor } from "../../bench/load/report.js";
import { type LoadResult, runLoad } from "../../bench/load/run-load.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";

const command = join(__dirname, "../../bench/load/main.js");
const FILE_BYTES = 100_000;

function planFor(port: number, ...words: string[]): LoadPlan {
  const invocation = parseLoadCommand([`127.0.0.1:${port}`, ...words]);
  assert.ok(invocation.kind === "run");
  return { ...invocation.plan, address: "127.0.0.1" };
}

/** Runs the command; a failed run's status is part of the answer. */
async function run(...words: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  try {
    const result = await promisify(execFile)(process.execPath, [command, ...words], { timeout: 120_000 });
    return { status: 0, ...result };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

test("an amount of downloads is what the threads move together, byte for byte", async (context) => {
  const root = await temporaryFolder(context);
  const content = sampleBytes(FILE_BYTES);
  await writeFile(join(root, "f"), content);
  const { port } = await startServer(context, { root, windowSize: 16, workers: 0 });
  const plan = planFor(port, "f", ..."-a 23 -c 5 --threads 2 -w 8 --verify".split(" "));
  const result = await runLoad(plan, new Map([["f", content]]));
  assert.deepEqual(
    { completed: result.completed, failed: result.failed, cut: result.cut, bytes: result.bytes },
    { completed: 23, failed: 0, cut: 0, bytes: 23 * FILE_BYTES },
  );
  assert.deepEqual(result.granted, { blockSize: 1428, windowSize: 8 });
  assert.equal(result.latency.count, 23);
  assert.equal(result.generator.threads, 2);
  assert.ok(result.generator.cpuSeconds > 0 && result.seconds > 0);
});

test("content that is not what was expected fails every transfer", async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(FILE_BYTES));
  const { port } = await startServer(context, { root, workers: 0 });
  const other = sampleBytes(FILE_BYTES);
  other.writeUInt8(1 + other.readUInt8(70_000), 70_000);
  const plan = planFor(port, "f", ..."-a 3 -c 2 --threads 1".split(" "));
  const result = await runLoad(plan, new Map([["f", other]]));
  assert.equal(result.failed, 3);
  assert.deepEqual(
    result.errors.map(({ code, count }) => ({ code, count })),
    [{ code: "content", count: 3 }],
  );
});

test("with loss each way every byte still arrives, and the loss is counted", async (context) => {
  const root = await temporaryFolder(context);
  const content = sampleBytes(FILE_BYTES);
  await writeFile(join(root, "f"), content);
  const { port } = await startServer(context, { root, windowSize: 16, workers: 0 });
  const plan = planFor(port, "f", ..."-a 20 -c 4 --threads 2 -w 4 -t 200 --loss 5 --seed 3 -r 50".split(" "));
  const result = await runLoad(plan, new Map([["f", content]]));
  assert.deepEqual([result.completed, result.failed], [20, 0]);
  // 20 transfers of 71 blocks and 18 ACKs: some 90 of them fall to 5 %.
  assert.ok(result.dropped > 30, `${result.dropped} dropped`);
  assert.ok(result.gaps + result.duplicates + result.retransmissions > 0);
});

test("uploads arrive, each under the name of its connection", async (context) => {
  const root = await temporaryFolder(context);
  const { port } = await startServer(context, { root, windowSize: 16, workers: 0 });
  const words = "-a 9 -c 3 --threads 2 -w 4 --put --size 50000 --seed 5 --verify --json".split(" ");
  const { status, stdout, stderr } = await run(`127.0.0.1:${port}`, "up-%n", ...words);
  assert.equal(status, 0, stderr);
  const result = JSON.parse(stdout);
  assert.deepEqual([result.completed, result.bytes, result.wrong], [9, 9 * 50_000, []]);
  const hashes = new Set<string>();
  for (const number of [0, 1, 2]) {
    const stored = await readFile(join(root, `up-${number}`));
    assert.equal(stored.length, 50_000);
    hashes.add(createHash("sha256").update(stored).digest("hex"));
  }
  assert.equal(hashes.size, 1);
});

test("a duration ends transfers that run, and tells the server", async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(8 << 20));
  const ends: (string | undefined)[] = [];
  const { server, port } = await startServer(context, { root, blockSize: 512, workers: 0 });
  server.on("transferEnd", (_info, { error }) => ends.push(error?.message));
  const plan = planFor(port, "f", ..."-d 0.5 -c 2 --threads 1 -b 8".split(" "));
  const result = await runLoad(plan, new Map());
  assert.deepEqual([result.completed, result.failed, result.cut], [0, 0, 2]);
  assert.ok(result.bytes > 0);
  while (ends.length < 2) await once(server, "transferEnd");
  assert.deepEqual(ends, ["The load test is over", "The load test is over"]);
});

test("errors are told by code, and the status says that there were some", async (context) => {
  const root = await temporaryFolder(context);
  const { port } = await startServer(context, { root, workers: 0 });
  const { status, stdout } = await run(`127.0.0.1:${port}`, "nothing", ..."-a 4 -c 2 --json".split(" "));
  assert.equal(status, 1);
  const { failed, errors } = JSON.parse(stdout);
  assert.equal(failed, 4);
  assert.deepEqual(errors, [{ code: "ERROR 1", count: 4, example: "File not found" }]);
});

test("a server that says nothing costs each transfer its time-outs", async (context) => {
  const silent = createSocket("udp4");
  context.after(() => silent.close());
  silent.bind(0, "127.0.0.1");
  await once(silent, "listening");
  let requests = 0;
  silent.on("message", () => requests++);
  const plan = planFor(silent.address().port, "f", ..."-a 2 -c 2 --threads 1 -t 50 -r 2".split(" "));
  const result = await runLoad(plan, new Map());
  assert.deepEqual([result.failed, result.errors[0]?.code, result.retransmissions], [2, "timeout", 4]);
  assert.equal(requests, 6);
});

test("the command prints what people need, and refuses nonsense with status 2", async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(2000));
  const { port } = await startServer(context, { root, workers: 0 });
  const fine = await run(`127.0.0.1:${port}`, "f", ..."-a 5 -c 2 -R 1000 --verify".split(" "));
  assert.equal(fine.status, 0, fine.stderr);
  assert.match(fine.stdout, /5 done, 0 failed, 0 cut off/);
  assert.match(fine.stdout, /from when it was due \(1000 \/s\)/);
  const wrong = await run("h", "f", "-c", "none");
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /^load: .*see --help\)\n$/);
});

const RESULT: LoadResult = {
  completed: 10,
  failed: 1,
  cut: 0,
  bytes: 1_048_576,
  retransmissions: 2,
  duplicates: 0,
  gaps: 0,
  dropped: 7,
  strays: 1,
  seconds: 2,
  mibPerSecond: 0.5,
  transfersPerSecond: 5,
  latency: { count: 10, meanMs: 1, deviationMs: 0, minMs: 1, maxMs: 1, percentilesMs: { p50: 1, p99: 12 } },
  errors: [{ code: "timeout", count: 1, example: "silence" }],
  granted: { blockSize: 1428, windowSize: 1 },
  generator: { threads: 2, sockets: "dgram", cpuSeconds: 1, cores: 0.5, busiestThread: 0.5 },
};

test("a warning says when the generator was the limit, and when it had to share its cores", () => {
  const busy = (cores: number): LoadResult => ({
    ...RESULT,
    generator: { ...RESULT.generator, cores, busiestThread: 0.99 },
  });
  assert.equal(warningFor(RESULT), null);
  assert.match(warningFor(busy(1.95)) ?? "", /not the server, is the limit/);
  assert.match(warningFor(busy(0.9)) ?? "", /got 0\.90 of 2 cores/);
});

test("the report has a line for everything that happened", () => {
  const plan = planFor(1, "f", "--loss", "1");
  const text = formatResult(plan, RESULT);
  for (const part of ["0.5 MiB/s", "p99 12 ms", "1 x timeout: silence", "7 (1.0 % each way", "strays"]) {
    assert.ok(text.includes(part), `${part}\n${text}`);
  }
  const line = formatProgressLine({
    seconds: 2,
    completed: 4,
    failed: 0,
    bytes: 2 << 20,
    retransmissions: 1,
  });
  assert.equal(line, "2 s  1.0 MiB/s  4 done (2 /s)  0 failed  1 sent again");
});
