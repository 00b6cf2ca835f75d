import assert from "node:assert/strict";
import { test } from "node:test";
import { ack, client, data, error, oack, type Script, server } from "./script.js";

/** A client that has begun to receive blocks of 4 bytes. */
function receiving(windowSize: number, more = ""): Script {
  const script = client("GET", { blockSize: 8, windowSize: 64 });
  script.start();
  script.receive(oack(`blksize=8 windowsize=${windowSize} ${more}`));
  return script;
}

const block = (index: number) => data(index, `block ${index % 10}.`);
const finished = { kind: "finished" } as const;

test("lock-step: every block is written and acknowledged", () => {
  const script = receiving(1);
  assert.deepEqual(script.receive(block(1)), ["write block 1.", "ACK 1"]);
  assert.deepEqual(script.receive(block(2)), ["write block 2.", "ACK 2"]);
});

test("lock-step: some blocks may be acknowledged in advance, no more than the file has or the store likes", () => {
  const script = receiving(1);
  const { transfer } = script;
  assert.deepEqual(transfer.acksAhead, { firstNumber: 1, count: 32 });
  script.receive(block(1));
  assert.deepEqual(transfer.acksAhead, { firstNumber: 2, count: 32 });
  script.store({ kind: "saturated" });
  assert.equal(transfer.acksAhead, null);
  script.store({ kind: "drained" });
  assert.deepEqual(transfer.acksAhead, { firstNumber: 2, count: 32 });
  script.receive(data(2, "end"));
  assert.equal(transfer.acksAhead, null);
  const short = receiving(1, "tsize=20");
  assert.deepEqual(short.transfer.acksAhead, { firstNumber: 1, count: 2 });
  short.receive(block(1), block(2));
  assert.equal(short.transfer.acksAhead, null);
  assert.equal(receiving(2).transfer.acksAhead, null, "windows have few ACKs");
  const large = client("GET", { blockSize: 65_464 });
  large.start();
  assert.equal(large.transfer.acksAhead, null);
  large.receive(oack("blksize=65464"));
  assert.deepEqual(large.transfer.acksAhead, { firstNumber: 1, count: 1 });
});

test("lock-step: blocks acknowledged in advance are written, and no ACK leaves twice", () => {
  const script = receiving(1);
  assert.deepEqual(script.receiveAcknowledged(block(1), block(2)), ["write block 1.", "write block 2."]);
  assert.deepEqual(script.receive(block(3)), ["write block 3.", "ACK 3"]);
  script.store({ kind: "saturated" });
  assert.deepEqual(script.receiveAcknowledged(block(4)), ["write block 4."], "its ACK has left");
  assert.deepEqual(script.receive(block(5)), ["write block 5."]);
  assert.deepEqual(script.store({ kind: "drained" }), ["ACK 5"]);
  assert.deepEqual(script.receiveAcknowledged(block(6)), ["write block 6."]);
  assert.deepEqual(script.timeout(), ["ACK 6"]);
  assert.deepEqual(script.receiveAcknowledged(data(7, "end")), ["write end", "finish"]);
  assert.deepEqual(script.store(finished), ["ACK 7", "completed"]);
});

test("lock-step: ACKs in advance end where wire numbers roll over", () => {
  for (const rollover of [0, 1]) {
    const script = receiving(1, `rollover=${rollover}`);
    for (let index = 1; index <= 65_530; index++) script.receiveAcknowledged(block(index));
    assert.deepEqual(script.transfer.acksAhead, { firstNumber: 65_531, count: 5 });
    for (let index = 65_531; index <= 65_535; index++) script.receiveAcknowledged(block(index));
    assert.deepEqual(script.transfer.acksAhead, { firstNumber: rollover, count: 32 });
    assert.deepEqual(script.receive(data(rollover, "block r.")), ["write block r.", `ACK ${rollover}`]);
  }
});

test("a window gets one ACK, at its end", () => {
  const script = receiving(3);
  assert.deepEqual(script.receive(block(1), block(2)), ["write block 1.", "write block 2."]);
  assert.deepEqual(script.receive(block(3)), ["write block 3.", "ACK 3"]);
});

test("the last ACK leaves only when the file is stored, then the port is kept for a while", () => {
  const script = receiving(1);
  assert.deepEqual(script.receive(data(1, "end")), ["write end", "finish"]);
  assert.equal(
    script.transfer.pollTimeout(),
    Number.POSITIVE_INFINITY,
    "our store's time is nobody's silence",
  );
  assert.deepEqual(script.receive(data(1, "end")), [], "not stored yet");
  assert.deepEqual(script.store(finished), ["ACK 1", "completed"]);
  assert.deepEqual(script.receive(data(1, "end")), ["ACK 1"], "the sender missed it");
  assert.equal(script.waitsMs, 3500, "npm tftp repeats its block after 3 s, and the copy has to travel");
  script.transfer.handleTimeout(script.nowMs + 1);
  assert.deepEqual(script.drain(), []);
  assert.deepEqual(script.timeout(), ["ended"]);
});

test("each repetition of the last block renews the stay, within the patience for a silent peer", () => {
  const script = server("PUT", "timeout=4");
  script.accept();
  script.receive(data(1, "end"));
  script.store(finished);
  const endsMs = script.nowMs + 4 * 4000;
  assert.equal(script.waitsMs, 4500, "a sender that missed the ACK repeats its block after a whole time-out");
  assert.deepEqual(script.pass(4000).receive(data(1, "end")), ["ACK 1"]);
  assert.equal(script.waitsMs, 4500);
  for (let copy = 0; copy < 2; copy++) script.pass(4000).receive(data(1, "end"));
  assert.equal(script.nowMs + script.waitsMs, endsMs);
});

test("curl, which may repeat a block after 72 s only, gets the last ACK a few times unasked", () => {
  const script = server("PUT", "tsize=3 blksize=8 timeout=6");
  script.accept();
  script.receive(data(1, "abc"));
  assert.deepEqual(script.store({ kind: "finished" }), ["ACK 1", "completed"]);
  const startedMs = script.nowMs;
  const again: number[] = [];
  let out = script.timeout();
  for (; !out.includes("ended"); out = script.timeout()) {
    assert.deepEqual(out, ["ACK 1"]);
    again.push(script.nowMs - startedMs);
  }
  assert.deepEqual(again, [250, 750, 1750, 3750]);
  assert.equal(script.nowMs - startedMs, 6_500);
});

test("who answers with an ERROR gets no further last ACK unasked", () => {
  const script = server("PUT", "tsize=3 blksize=8 timeout=6");
  script.accept();
  script.receive(data(1, "abc"));
  script.store({ kind: "finished" });
  assert.deepEqual(script.receive(error(5, "Unknown transfer ID")), []);
  assert.deepEqual(script.timeout(), ["ended"]);
});

test("while it dallies, errors, aborts and the store change nothing", () => {
  const script = receiving(1);
  script.receive(data(1, "end"));
  script.store(finished);
  assert.deepEqual(script.receive(error(0, "x")), []);
  assert.deepEqual(script.abort(0, "x"), []);
  assert.deepEqual(script.store({ kind: "drained" }), []);
  assert.equal(script.transfer.ended, false);
});

test("an empty last block writes nothing and ends the file", () => {
  const script = receiving(1);
  assert.deepEqual(script.receive(data(1, "")), ["finish"]);
});

test("a gap is told once; the blocks behind it are kept and used when it is filled", () => {
  const script = receiving(4);
  assert.deepEqual(script.receive(block(1), block(3)), ["write block 1."]);
  assert.equal(script.waitsMs, 1, "a moment for blocks that overtook one another");
  assert.deepEqual(script.timeout(), ["ACK 1"]);
  assert.deepEqual(script.receive(block(4), block(3)), []);
  assert.ok(script.waitsMs > 100, "once per gap");
  assert.deepEqual(script.receive(block(2)), ["write block 2.", "write block 3.", "write block 4."]);
  assert.deepEqual(script.receive(block(5)), ["write block 5.", "ACK 5"], "a window behind the reported gap");
});

test("a short block behind a gap ends the file when the gap is filled", () => {
  const script = receiving(4);
  script.receive(data(2, "end"));
  assert.deepEqual(script.receive(block(1)), ["write block 1.", "write end", "finish"]);
});

test("a lost first block is told with the ACK before it", () => {
  const script = receiving(2);
  script.receive(block(1), block(2));
  script.receive(block(4));
  assert.deepEqual(script.timeout(), ["ACK 2"]);
});

test("reordered blocks of a window are delivered in order, with one ACK", () => {
  const script = receiving(4);
  const out = script.receive(block(2), block(4), block(1), block(3));
  assert.deepEqual(out, ["write block 1.", "write block 2.", "write block 3.", "write block 4.", "ACK 4"]);
});

test("a second gap in a window is told when it has shown for a moment, too", () => {
  const script = receiving(8);
  script.receive(block(2), block(4));
  script.pass(0.5);
  assert.deepEqual(script.receive(block(1)), ["write block 1.", "write block 2."]);
  assert.equal(script.waitsMs, 1);
  assert.deepEqual(script.timeout(), ["ACK 2"]);
});

test("no more than 1 MiB is kept behind a gap", () => {
  const script = server("PUT", "blksize=1468 windowsize=64");
  script.accept();
  const payload = new Uint8Array(1468);
  script.receive(data(2, payload));
  for (let index = 3; index <= 64; index++) script.receive(data(index, payload));
  assert.equal(script.receive(data(1, payload)).filter((line) => line.startsWith("write")).length, 64);
  assert.ok(64 * 1468 < 1_048_576);
  const large = client("GET", { blockSize: 65_464, windowSize: 64 });
  large.start();
  large.receive(oack("blksize=65464 windowsize=64"));
  const big = new Uint8Array(65_464);
  for (let index = 2; index <= 40; index++) large.receive(data(index, big));
  const kept = large.receive(data(1, big)).filter((line) => line.startsWith("write")).length - 1;
  assert.equal(kept, Math.floor(1_048_576 / 65_464));
});

test("a duplicate is never delivered twice; the ACK is repeated when the sender evidently missed it", () => {
  const script = receiving(2);
  script.receive(block(1), block(2));
  assert.deepEqual(script.receive(block(1)), [], "not the block that the ACK names");
  assert.deepEqual(script.receive(block(2)), ["ACK 2"]);
  assert.equal(script.transfer.counters.duplicatesReceived, 2);
});

test("a sender that repeats a window of which a part is here learns which part", () => {
  const script = receiving(4);
  script.receive(block(1), block(2));
  assert.deepEqual(script.receive(block(2), block(1)), [], "copies made by the network");
  script.pass(10);
  assert.deepEqual(script.receive(block(2)), [], "not the first block of the window");
  assert.deepEqual(script.receive(block(1)), ["ACK 2"]);
});

test("blocks outside the window are ignored", () => {
  const script = receiving(2);
  assert.deepEqual(script.receive(block(3), block(0), block(40_000)), []);
});

test("a block longer than negotiated ends the transfer; behind a gap it is merely ignored", () => {
  const script = receiving(2);
  assert.deepEqual(script.receive(data(2, "far too long")), []);
  const out = script.receive(data(1, "far too long"));
  assert.deepEqual(out, ["ERROR 0 Malformed TFTP message", "failed violation EBADMSG", "ended"]);
});

test("a saturated store holds the ACK back until it has room", () => {
  const script = receiving(1);
  script.store({ kind: "saturated" });
  assert.deepEqual(script.receive(block(1)), ["write block 1."]);
  assert.equal(script.transfer.pollTimeout(), Number.POSITIVE_INFINITY);
  assert.deepEqual(script.receive(block(1)), [], "repeated in vain");
  assert.deepEqual(script.store({ kind: "drained" }), ["ACK 1"]);
  assert.deepEqual(script.store({ kind: "drained" }), [], "nothing was held back");
});

test("an ACK that was held back does not leave once the last block is in: only what is stored is acknowledged", () => {
  const script = receiving(1);
  script.receive(block(1));
  script.store({ kind: "saturated" });
  assert.deepEqual(script.receive(block(1)), [], "the repeated ACK 1 waits");
  assert.deepEqual(script.receive(data(2, "end")), ["write end", "finish"]);
  assert.deepEqual(script.store({ kind: "drained" }), [], "not stored yet");
  assert.deepEqual(script.store(finished), ["ACK 2", "completed"]);
});

test("a silent sender gets the newest ACK again, and is given up in time", () => {
  const script = receiving(4);
  script.receive(block(1));
  const silentSinceMs = script.nowMs;
  assert.deepEqual(script.timeout(), ["ACK 1"], "what is here of the window");
  assert.deepEqual(script.timeout(), ["ACK 1"]);
  let out: string[] = [];
  while (!out.includes("ended")) out = script.timeout();
  assert.deepEqual(out, ["failed timeout", "ended"]);
  assert.equal(script.nowMs - silentSinceMs, 4000);
});

test("exactly the announced bytes, or an ERROR: more", () => {
  const script = server("PUT", "blksize=8 tsize=10");
  script.accept();
  script.receive(block(1));
  const out = script.receive(block(2));
  assert.deepEqual(out, ["ERROR 3 Disk full or allocation exceeded", "failed violation ESIZE", "ended"]);
});

test("exactly the announced bytes, or an ERROR: fewer, and nothing is published", () => {
  const script = receiving(1, "tsize=10");
  script.receive(block(1));
  const out = script.receive(data(2, "x"));
  assert.deepEqual(out, ["ERROR 3 Disk full or allocation exceeded", "failed violation ESIZE", "ended"]);
});

test("a server that says tsize 0 may still send: some echo what they were asked", () => {
  const script = receiving(1, "tsize=0");
  assert.deepEqual(script.receive(data(1, "abc")), ["write abc", "finish"]);
});

test("an ACK for a receiver is junk", () => {
  const script = receiving(1);
  assert.deepEqual(script.receive(ack(1)), []);
  assert.equal(script.transfer.counters.junkReceived, 1);
});

test("an ERROR of the sender says whether data had moved", () => {
  assert.deepEqual(receiving(1).receive(error(1, "gone")), ["failed peer-error 1 gone before data", "ended"]);
  assert.deepEqual(receiving(1).receive(block(1), error(1, "gone")).slice(2), [
    "failed peer-error 1 gone",
    "ended",
  ]);
});

test("a silent sender hears the newest ACK four times, then has time for a time-out of its own", () => {
  const script = receiving(1);
  script.pass(1).receive(block(1));
  script.pass(1).receive(block(2));
  const silentSinceMs = script.nowMs;
  let lastAckMs = silentSinceMs;
  const pauses: number[] = [];
  while (script.timeout().includes("ACK 2")) {
    pauses.push(Math.round(script.nowMs - lastAckMs));
    lastAckMs = script.nowMs;
  }
  assert.deepEqual(pauses, [200, 400, 1000], "no more: each ACK starts tftp-hpa's time-out anew");
  assert.equal(script.nowMs - silentSinceMs, 4000);
});

test("after a long pause the newest ACK is repeated again, for senders that fell silent with the link", () => {
  const script = server("PUT", "blksize=8");
  script.accept();
  script.pass(1).receive(block(1));
  script.pass(1).receive(block(2));
  const silentSinceMs = script.nowMs;
  const atMs: number[] = [];
  while (script.timeout().includes("ACK 2")) atMs.push(Math.round(script.nowMs - silentSinceMs));
  assert.deepEqual(atMs, [200, 600, 3600, 9100]);
  assert.equal(script.nowMs - silentSinceMs, 12_000);
});
