import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { nativeBinding } from "../../src/io/native-binding.js";

/** Thread ends in the normal run; `NTFTP_FULL=1` does the thousand that a release is worth. */
const CYCLES = process.env.NTFTP_FULL === "1" ? 1000 : 60;

const TIME_LIMIT = { timeout: CYCLES * 10_000 };

const { binding, reason } = nativeBinding();

/**
 * A thread with sockets that send to each other without a pause. `how` says how it ends: by itself, by process.exit in
 * the middle of a batch, or by its parent.
 */
const PROGRAM = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { nativeBinding } = require(workerData.io + "/native-binding.js");
  const { NativeSockets } = require(workerData.io + "/native-socket.js");
  const factory = new NativeSockets(nativeBinding().binding);
  const memory = new Uint8Array(20_000);
  let left = 200;
  const sockets = [];
  const open = () => factory.open({ address: "127.0.0.1", port: 0, datagramBytes: sockets.length === 0 ? 1500 : 0 }, {
    onDatagram: (bytes, peer) => {
      left--;
      if (left === 190) parentPort.postMessage("running");
      if (left < 100 && workerData.how === "exit") process.exit();
      if (left < 0 && workerData.how === "end") { for (const socket of sockets) socket.close(); return; }
      for (const socket of sockets.slice(0, 2)) {
        socket.sendRun({ opcode: 3, firstNumber: 1, count: 14, payloadBytesEach: 1428, payload: { memory, offset: 0, length: 19_000 } });
        socket.sendDatagram(Uint8Array.of(0, 4, 0, 1), socket.peer);
      }
    },
    onError: () => undefined,
  });
  (async () => {
    for (let i = 0; i < 20; i++) sockets.push(await open());
    sockets[0].setPeer({ address: "127.0.0.1", port: sockets[1].localPort });
    sockets[1].setPeer({ address: "127.0.0.1", port: sockets[0].localPort });
    sockets[0].sendDatagram(Uint8Array.of(0, 4, 0, 1), sockets[0].peer);
  })();
`;

async function runThread(how: "end" | "exit" | "terminate"): Promise<void> {
  const io = join(__dirname, "..", "..", "src", "io");
  const worker = new Worker(PROGRAM, { eval: true, workerData: { io, how } });
  const exited = once(worker, "exit");
  await once(worker, "message");
  if (how === "terminate") await worker.terminate();
  await exited;
}

const descriptors = () => readdirSync("/proc/self/fd").length;

test("threads with open sockets come and go under load, and leave nothing", TIME_LIMIT, async (context) => {
  if (binding === null) {
    assert.notEqual(process.env.NTFTP_NATIVE, "1", reason);
    context.diagnostic(`no addon here: ${reason}`);
    return;
  }
  const ways = ["end", "exit", "terminate"] as const;
  await Promise.all(ways.map(runThread));
  const before = descriptors();
  let bytesBefore = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    // Two at a time: the addon is loaded, used and torn down in several threads at once.
    await Promise.all([runThread(ways[cycle % 3] ?? "end"), runThread(ways[(cycle + 1) % 3] ?? "end")]);
    if (cycle === CYCLES >> 1) bytesBefore = process.memoryUsage().rss;
  }
  assert.equal(descriptors(), before, "every descriptor is back");
  const grownMiB = (process.memoryUsage().rss - bytesBefore) / 1_048_576;
  // A leak of one inbox (4 MiB) per thread would show as hundreds.
  assert.ok(grownMiB < 64, `resident memory grew by ${grownMiB.toFixed()} MiB in the second half`);
});
