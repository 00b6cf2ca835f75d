import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "../../src/index.js";
import { temporaryFolder, writeLarge } from "../helpers/files.js";
import { portOf } from "../helpers/processes.js";
import { Random } from "../sim/random.js";

const MIB = 1_048_576;
const CLIENTS = 300;
const RESIDENT_MIB_MAX = 150;
/** NTFTP_FULL=1 lets every client read all of the 64 MiB, which takes minutes; else each reads a part. */
const FULL = process.env["NTFTP_FULL"] === "1";

test(`${CLIENTS} concurrent GETs of one file of 64 MiB stay under ${RESIDENT_MIB_MAX} MiB in all`, {
  timeout: 540_000,
}, async (context) => {
  const root = await temporaryFolder(context);
  await writeLarge(join(root, "image"), 64 * MIB);
  const command = join(__dirname, "../../src/cli/main.js");
  const server = spawn(process.execPath, [command, "-b", "8192", "-w", "16", "-l", root, "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  context.after(() => server.kill("SIGKILL"));
  await once(server.stdout, "data");
  server.stdout.resume();
  const port = await portOf(server);
  const client = createClient({ host: "127.0.0.1", port, blockSize: 8192, windowSize: 16, timeout: 10_000 });
  const random = new Random(64n);

  let standing = 0;
  let wakeUp: () => void = () => undefined;
  const everybodyStands = new Promise<void>((resolve) => {
    wakeUp = resolve;
  });
  const readOne = async (limit: number): Promise<void> => {
    const stream = client.createGetStream("image");
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      if (bytes < limit || FULL) continue;
      // Each keeps its transfer open, at a place of its own, until all are that far.
      if (++standing === CLIENTS) wakeUp();
      await everybodyStands;
      break;
    }
    assert.ok(bytes >= limit, `${bytes} bytes arrived`);
  };
  const limits = Array.from({ length: CLIENTS }, () => (FULL ? 64 * MIB : random.between(1, 8 * MIB)));
  await Promise.all(limits.map(readOne));
  const peakMiB =
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]) / 1024;
  context.diagnostic(`the server's peak was ${peakMiB.toFixed(0)} MiB`);
  assert.ok(peakMiB > 20 && peakMiB < RESIDENT_MIB_MAX, `${peakMiB} MiB`);
});
