import assert from "node:assert/strict";
import { test } from "node:test";
import { Download } from "../../bench/load/download.js";
import type { Exchange, Outlet } from "../../bench/load/exchange.js";
import { emptyTally } from "../../bench/load/tally.js";
import { Upload } from "../../bench/load/upload.js";
import { encodeAck, encodeData, encodeError, encodeOack } from "../../src/engine/index.js";

/** Writes down what a transfer sends: requests as text, ACKs and runs of DATA by their numbers. */
class Recorder implements Outlet {
  readonly sent: string[] = [];

  send(bytes: Uint8Array): void {
    const number = ((bytes[2] as number) << 8) | (bytes[3] as number);
    if (bytes[1] === 4) this.sent.push(`ACK ${number}`);
    else if (bytes[1] === 5) this.sent.push("ERROR");
    else this.sent.push(Buffer.from(bytes.subarray(2)).toString().split("\0").slice(0, -1).join(" "));
  }

  sendBlocks(firstWireBlock: number, count: number, blockBytes: number, payload: Uint8Array): void {
    this.sent.push(
      `DATA ${firstWireBlock}-${firstWireBlock + count - 1} (${payload.length} by ${blockBytes})`,
    );
  }

  take(): string[] {
    return this.sent.splice(0);
  }
}

const CONTENT = Uint8Array.from({ length: 36 }, (_, index) => index);

function download(windowSize: number, expected: Uint8Array | null = CONTENT) {
  const outlet = new Recorder();
  const tally = emptyTally();
  const exchange = new Download({ fileName: "f", blockSize: 8, windowSize }, outlet, tally, expected);
  exchange.start();
  return { outlet, tally, exchange };
}

function upload(windowSize: number, content = CONTENT) {
  const outlet = new Recorder();
  const tally = emptyTally();
  const exchange = new Upload({ fileName: "f", blockSize: 8, windowSize }, outlet, tally, content);
  exchange.start();
  return { outlet, tally, exchange };
}

const oack = (options: Record<string, number>): Uint8Array =>
  encodeOack(Object.entries(options).map(([name, value]) => ({ name, value: String(value) })));

function data(exchange: Exchange, blocks: readonly number[], nowMs = 0): void {
  for (const block of blocks) {
    exchange.handle(encodeData(block, CONTENT.subarray((block - 1) * 8, block * 8)), nowMs);
  }
}

test("a download acknowledges each window and the end", () => {
  const { outlet, tally, exchange } = download(2);
  assert.deepEqual(outlet.take(), ["f octet tsize 0 blksize 8 windowsize 2"]);
  exchange.handle(oack({ tsize: 36, blksize: 8, windowsize: 2 }), 0);
  data(exchange, [1, 2, 3, 4, 5]);
  assert.deepEqual(outlet.take(), ["ACK 0", "ACK 2", "ACK 4", "ACK 5"]);
  assert.equal(exchange.outcome?.code, null);
  assert.deepEqual({ bytes: tally.bytes, gaps: tally.gaps }, { bytes: 36, gaps: 0 });
});

test("a download from a server without options goes on in blocks of 512", () => {
  const { outlet, exchange } = download(4, null);
  exchange.handle(encodeData(1, new Uint8Array(512)), 0);
  exchange.handle(encodeData(2, new Uint8Array(3)), 0);
  assert.deepEqual(outlet.take().slice(1), ["ACK 1", "ACK 2"]);
  assert.equal(exchange.outcome?.code, null);
});

test("a gap is told once, and again after a pause", () => {
  const { outlet, tally, exchange } = download(4);
  exchange.handle(oack({ blksize: 8, windowsize: 4 }), 0);
  outlet.take();
  data(exchange, [1, 3, 4], 1);
  assert.deepEqual(outlet.take(), ["ACK 1"]);
  data(exchange, [4], 20);
  assert.deepEqual(outlet.take(), ["ACK 1"]);
  data(exchange, [2, 3, 4, 5], 21);
  assert.deepEqual(outlet.take(), ["ACK 5"]);
  assert.equal(tally.gaps, 3);
});

test("in lock-step a block that comes twice is acknowledged twice", () => {
  const { outlet, tally, exchange } = download(1);
  exchange.handle(oack({ blksize: 8 }), 0);
  outlet.take();
  data(exchange, [1, 1]);
  assert.deepEqual(outlet.take(), ["ACK 1", "ACK 1"]);
  assert.equal(tally.duplicates, 1);
});

test("a download that hears nothing repeats its request, then its ACK", () => {
  const { outlet, tally, exchange } = download(1);
  exchange.repeat();
  assert.equal(new Set(outlet.take()).size, 1);
  exchange.handle(oack({ blksize: 8 }), 0);
  data(exchange, [1]);
  exchange.repeat();
  assert.deepEqual(outlet.take(), ["ACK 0", "ACK 1", "ACK 1"]);
  assert.equal(tally.retransmissions, 2);
});

test("a wrong byte, a wrong length, an ERROR and a bold OACK are failures with a code", () => {
  const wrong = download(1);
  wrong.exchange.handle(oack({ blksize: 8 }), 0);
  wrong.exchange.handle(encodeData(1, new Uint8Array(8).fill(9)), 0);
  assert.equal(wrong.exchange.outcome?.code, "content");
  assert.equal(wrong.outlet.take().at(-1), "ERROR");

  const short = download(1, null);
  short.exchange.handle(oack({ tsize: 5, blksize: 8 }), 0);
  short.exchange.handle(encodeData(1, new Uint8Array(4)), 0);
  assert.equal(short.exchange.outcome?.code, "length");

  const long = download(1, null);
  long.exchange.handle(oack({ blksize: 8 }), 0);
  long.exchange.handle(encodeData(1, new Uint8Array(9)), 0);
  assert.equal(long.exchange.outcome?.code, "length");

  const refused = download(1);
  refused.exchange.handle(encodeError(1, "File not found"), 0);
  assert.deepEqual(refused.exchange.outcome, { code: "ERROR 1", message: "File not found" });

  const bold = download(1);
  bold.exchange.handle(oack({ blksize: 9 }), 0);
  assert.equal(bold.exchange.outcome?.code, "negotiation");
});

test("a download counts past 65535", () => {
  const { outlet, exchange } = download(1, null);
  exchange.handle(oack({ blksize: 8 }), 0);
  const block = new Uint8Array(8);
  for (let number = 1; number <= 65_537; number++) exchange.handle(encodeData(number % 65_536, block), 0);
  assert.deepEqual(outlet.take().slice(-3), ["ACK 65535", "ACK 0", "ACK 1"]);
});

test("an ended download answers its last block again", () => {
  const { outlet, exchange } = download(8);
  exchange.handle(oack({ blksize: 8, windowsize: 8 }), 0);
  data(exchange, [1, 2, 3, 4, 5]);
  outlet.take();
  exchange.dally(encodeData(4, CONTENT.subarray(24, 32)));
  exchange.dally(encodeData(5, CONTENT.subarray(32)));
  assert.deepEqual(outlet.take(), ["ACK 5"]);
});

test("an upload sends window after window, and is done with the last ACK", () => {
  const { outlet, tally, exchange } = upload(3);
  assert.deepEqual(outlet.take(), ["f octet tsize 36 blksize 8 windowsize 3"]);
  exchange.handle(oack({ tsize: 36, blksize: 8, windowsize: 3 }), 0);
  exchange.handle(encodeAck(3), 0);
  exchange.handle(encodeAck(3), 0);
  exchange.handle(encodeAck(5), 0);
  assert.deepEqual(outlet.take(), ["DATA 1-3 (24 by 8)", "DATA 4-5 (12 by 8)"]);
  assert.equal(exchange.outcome?.code, null);
  assert.deepEqual({ bytes: tally.bytes, duplicates: tally.duplicates }, { bytes: 36, duplicates: 1 });
});

test("an upload goes on behind the block that an early ACK names", () => {
  const { outlet, exchange } = upload(3);
  exchange.handle(oack({ blksize: 8, windowsize: 3 }), 0);
  exchange.handle(encodeAck(1), 0);
  assert.deepEqual(outlet.take().slice(1), ["DATA 1-3 (24 by 8)", "DATA 2-4 (24 by 8)"]);
});

test("an upload of a multiple of the block size ends with an empty block", () => {
  const { outlet, exchange } = upload(1, CONTENT.subarray(0, 8));
  exchange.handle(encodeAck(0), 0);
  assert.equal(outlet.take().at(-1), "DATA 1-1 (8 by 512)");
  const even = upload(4, CONTENT.subarray(0, 16));
  even.exchange.handle(oack({ blksize: 8, windowsize: 4 }), 0);
  assert.equal(even.outlet.take().at(-1), "DATA 1-3 (16 by 8)");
});
