import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { type NativeBinding, nativeBinding } from "../../src/io/native-binding.js";
import { NativeSockets } from "../../src/io/native-socket.js";

const TIME_LIMIT = { timeout: 60_000 };

const BLOCKS = 3000;
const DATAGRAM_BYTES = 104;

/** Every so many blocks, one is shorter: it is no block that was foreseen. */
const SHORT_EVERY = 50;

/** This one is sent twice at once. */
const DOUBLED = 777;

/** A short one, which comes again in full behind its ACK: what had been allowed for it is void by then. */
const REPEATED = 1050;

/** Behind this one, nothing is answered in advance any more. */
const LAST_AHEAD = 2000;

/** A sender in lock-step in a thread of its own; says at the end which ACKs it got. */
const SENDER = `
  const { parentPort } = require("node:worker_threads");
  const socket = require("node:dgram").createSocket("udp4");
  const acks = [];
  socket.on("message", (bytes, { port, address }) => {
    const send = (number, isShort) => {
      const block = Buffer.alloc(isShort ? ${DATAGRAM_BYTES - 1} : ${DATAGRAM_BYTES}, number);
      block.set([0, 3, number >> 8, number & 255]);
      socket.send(block, port, address);
    };
    const number = bytes.readUInt16BE(2);
    acks.push(number);
    if (number === ${BLOCKS}) return parentPort.postMessage(acks);
    const isSecond = acks.at(-2) === number;
    if (number === ${REPEATED} && !isSecond) return send(number, false);
    // The second ACK of a block that was sent twice.
    if (isSecond && number === ${DOUBLED}) return;
    send(number + 1, (number + 1) % ${SHORT_EVERY} === 0);
    if (number + 1 === ${DOUBLED}) send(number + 1, false);
  });
  socket.bind(0, "127.0.0.1", () => parentPort.postMessage(socket.address().port));
`;

const { binding, reason } = nativeBinding();

test(
  "a sleeping thread answers in advance, in order and once, what was foreseen and nothing else",
  TIME_LIMIT,
  async (context) => {
    if (binding === null) {
      assert.notEqual(process.env.NTFTP_NATIVE, "1", reason);
      context.diagnostic(`no addon here: ${reason}`);
      return;
    }
    const { acks, heard, answered } = await receiveBlocks(context, binding);
    const blocks = Array.from({ length: BLOCKS }, (_, index) => index + 1);
    const twice = blocks.flatMap((number) =>
      number === DOUBLED || number === REPEATED ? [number, number] : [number],
    );
    assert.deepEqual(acks, [0, ...twice]);
    assert.deepEqual(heard, twice);
    assert.ok(answered.every((number) => number <= LAST_AHEAD + 20 && number % SHORT_EVERY !== 0));
    context.diagnostic(`${answered.length} were answered in advance`);
    // A thread that is often not scheduled sleeps seldom.
    assert.ok(answered.length > 0);
  },
);

/** The numbers of all blocks in the order in which they were handed over, and of those that were answered in advance. */
async function receiveBlocks(context: TestContext, native: NativeBinding) {
  const sender = new Worker(SENDER, { eval: true });
  context.after(() => sender.terminate());
  const port = await new Promise<number>((resolve) => sender.once("message", resolve));
  const peer = { address: "127.0.0.1", port };
  const heard: number[] = [];
  const answered: number[] = [];
  const onDatagram = (bytes: Uint8Array, _peer: unknown, _local: string, isAnswered?: boolean): void => {
    const number = ((bytes[2] as number) << 8) | (bytes[3] as number);
    assert.equal(bytes.at(-1), number & 255);
    heard.push(number);
    if (isAnswered) {
      answered.push(number);
      return;
    }
    socket.sendDatagram(Uint8Array.of(0, 4, number >> 8, number & 255), peer);
    if (number > LAST_AHEAD || (number === REPEATED && heard.at(-2) !== number)) return;
    const rest = { count: 20, datagramBytes: DATAGRAM_BYTES, answerOpcode: 4 };
    socket.answerAhead?.({ opcode: 3, firstNumber: number + 1, ...rest });
  };
  const socket = await new NativeSockets(native).open(
    { address: "127.0.0.1", port: 0, datagramBytes: 516, mayBlock: true },
    { onDatagram, onError: (error) => assert.fail(error) },
  );
  context.after(() => socket.close());
  socket.setPeer(peer);
  const acks = new Promise<number[]>((resolve) => sender.once("message", resolve));
  socket.sendDatagram(Uint8Array.of(0, 4, 0, 0), peer);
  return { acks: await acks, heard, answered };
}
