import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { portOf } from "../helpers/processes.js";

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

async function transferSome(port: number, root: string): Promise<void> {
  const client = createClient({ host: "127.0.0.1", port });
  await client.get("f", join(root, "copy"));
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
  await transferSome(all.port, root);
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
  await transferSome(quiet.port, root);
  const events = (await quiet.stop()).stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  assert.deepEqual(events, ["listening", "connection", "close", "connection", "close", "error"]);
});
