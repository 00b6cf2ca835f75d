import assert from "node:assert/strict";
import { Socket } from "node:dgram";
import { test } from "node:test";
import { dgramSockets } from "../../src/io/dgram-socket.js";

const TIME_LIMIT = { timeout: 30_000 };
const BLOCKS = 16;
const BLOCK_BYTES = 1428;

/** Node keeps what the kernel has no room for. On loopback there always is: here it keeps everything until the next turn. */
function keepAll(): () => void {
  const { send, getSendQueueCount } = Socket.prototype;
  const kept: (() => void)[] = [];
  Socket.prototype.send = function (this: Socket, ...args: unknown[]) {
    kept.push(() => (send as (...args: unknown[]) => void).apply(this, args));
    setImmediate(() => {
      for (const sendNow of kept.splice(0)) sendNow();
    });
  } as typeof send;
  Socket.prototype.getSendQueueCount = () => kept.length;
  return () => {
    Object.assign(Socket.prototype, { send, getSendQueueCount });
  };
}

/** Sends two windows to itself; the number of each block that came, and the bytes that it is filled with. */
async function sendTwoWindows(): Promise<(readonly [number, number[]])[]> {
  const memory = Uint8Array.from(
    { length: BLOCKS * BLOCK_BYTES },
    (_, at) => Math.floor(at / BLOCK_BYTES) + 1,
  );
  const came: (readonly [number, number[]])[] = [];
  let close = (): void => undefined;
  const arrived = new Promise<void>((resolve, reject) => {
    const onDatagram = (bytes: Uint8Array): void => {
      came.push([bytes[3] as number, [...new Set(bytes.subarray(4))]]);
      if (came.length === 2 * BLOCKS) resolve();
    };
    const options = { address: "127.0.0.1", port: 0, receiveBufferBytes: 400_000 };
    dgramSockets.open(options, { onDatagram, onError: reject }).then((socket) => {
      close = () => socket.close();
      socket.setPeer({ address: "127.0.0.1", port: socket.localPort });
      // The last block is shorter: its buffer is another view.
      const payload = { memory, offset: 0, length: memory.length - 100 };
      const run = { opcode: 3, count: BLOCKS, payloadBytesEach: BLOCK_BYTES, payload };
      socket.sendRun({ ...run, firstNumber: 1 });
      socket.sendRun({ ...run, firstNumber: 1 + BLOCKS });
    }, reject);
  });
  await arrived.finally(() => close());
  return came;
}

test("a kernel that grants no larger buffer is no reason not to receive", TIME_LIMIT, async (context) => {
  const refuse = (): never => {
    throw new Error("no buffer space available");
  };
  const { mock } = context.mock.method(Socket.prototype, "setRecvBufferSize", refuse);
  assert.equal((await sendTwoWindows()).length, 2 * BLOCKS);
  assert.equal(mock.callCount(), 1);
});

for (const isKept of [false, true]) {
  const how = isKept ? "kept for later by node" : "sent at once";
  test(`every block arrives with its own bytes, ${how}`, TIME_LIMIT, async (context) => {
    if (isKept) context.after(keepAll());
    const expected = Array.from({ length: 2 * BLOCKS }, (_, at) => [at + 1, [(at % BLOCKS) + 1]]);
    assert.deepEqual(await sendTwoWindows(), expected);
  });
}
