import assert from "node:assert/strict";
import { test } from "node:test";
import { ack, data, error, sending, server } from "./script.js";

test("lock-step: one block, one ACK, and an empty block ends a file of whole blocks", () => {
  const script = sending(1, 16);
  assert.deepEqual(script.receive(ack(0)), ["DATA 1"]);
  assert.deepEqual(script.receive(ack(1)), ["DATA 2"]);
  assert.deepEqual(script.receive(ack(2)), ["DATA 3"]);
  assert.deepEqual(script.receive(ack(3)), ["completed", "ended"]);
  assert.equal(script.transfer.counters.transferredBytes, 16);
});

test("an empty file is one empty block", () => {
  const script = sending(4, 0);
  assert.deepEqual(script.receive(ack(0)), ["DATA 1"]);
  assert.deepEqual(script.receive(ack(1)), ["completed", "ended"]);
});

test("a duplicate ACK in lock-step sends nothing, however often it comes", () => {
  const script = sending(1, 100, 1);
  script.receive(ack(0));
  script.receive(ack(1));
  script.pass(100);
  assert.deepEqual(script.receive(ack(1), ack(1), ack(0), ack(1)), []);
  assert.equal(script.transfer.counters.duplicatesReceived, 4);
});

test("an ACK of what was never sent is ignored", () => {
  const script = sending(2, 100);
  script.receive(ack(0));
  assert.deepEqual(script.receive(ack(3), ack(40_000)), []);
});

test("a window leaves at once, its last ACK opens the next", () => {
  const script = sending(4, 100);
  assert.deepEqual(script.receive(ack(0)), ["DATA 1..4"]);
  assert.deepEqual(script.receive(ack(4)), ["DATA 5..8"]);
  assert.deepEqual(script.receive(ack(8)), ["DATA 9..12"]);
});

test("an ACK inside the window slides it, and sending goes on behind the gap", () => {
  const script = sending(4, 100);
  script.receive(ack(0));
  assert.deepEqual(script.receive(ack(2)), ["DATA 3..6"]);
  assert.equal(script.transfer.counters.blocksRetransmitted, 2);
});

test("a duplicate ACK that is as old as a round trip tells once that the first block is lost", () => {
  const script = sending(4, 100, 10);
  script.receive(ack(0));
  script.pass(3);
  assert.deepEqual(script.receive(ack(0)), [], "too early: a copy of the ACK that opened the window");
  script.pass(10);
  assert.deepEqual(script.receive(ack(0)), ["DATA 1..4"]);
  script.pass(20);
  assert.deepEqual(script.receive(ack(0)), [], "once per flight");
});

test("a duplicate ACK is believed once in twenty flights: late copies of all of them cost little", () => {
  const script = sending(4, 8 * 4 * 100, 10);
  script.receive(ack(0));
  let resent = 0;
  for (let block = 4; block <= 4 * 60; block += 4) {
    script.pass(10);
    if (script.receive(ack(block - 4)).length > 0) resent++;
    script.receive(ack(block));
  }
  assert.equal(resent, 3);
});

test("without a measured round trip a duplicate ACK is no news", () => {
  const script = sending(4, 100);
  script.timeout(); // the OACK is repeated: no clean sample
  script.receive(ack(0));
  script.pass(900);
  assert.deepEqual(script.receive(ack(0)), []);
});

test("silence after a window sends it again, from the first unacknowledged block", () => {
  const script = sending(2, 100, 10);
  script.receive(ack(0));
  script.receive(ack(2));
  assert.deepEqual(script.timeout(), ["DATA 3"]);
  assert.deepEqual(script.timeout(), ["DATA 4"], "the rest of the window after a pause");
});

test("a window that lost more of its tail than chance takes leaves in parts until whole windows arrive again", () => {
  const script = sending(8, 10_000, 10);
  assert.deepEqual(script.receive(ack(0)), ["DATA 1..8"]);
  assert.deepEqual(script.timeout(), ["DATA 1..4"]);
  assert.equal(script.waitsMs, 1);
  assert.deepEqual(script.receive(ack(5)), ["DATA 6..9"], "room for five: still in parts");
  assert.deepEqual(script.timeout(), ["DATA 10..13"]);
  let block = 13;
  let parts: string[] = [];
  for (let windows = 0; windows < 20; windows++) {
    parts = script.receive(ack(block));
    block += 8;
    while (script.waitsMs === 1) script.timeout();
  }
  assert.deepEqual(parts, [`DATA ${block - 7}..${block}`]);
});

test("a window of which a block or two at the end, or only the ACK, got lost is no reason for parts", () => {
  const script = sending(8, 10_000, 10);
  assert.deepEqual(script.receive(ack(0)), ["DATA 1..8"]);
  assert.deepEqual(script.timeout(), ["DATA 1..4"]);
  assert.deepEqual(script.receive(ack(6)), ["DATA 7..14"]);
  script.pass(10).receive(ack(14));
  assert.deepEqual(script.timeout(), ["DATA 15..18"]);
  assert.deepEqual(script.receive(ack(22)), ["DATA 23..30"]);
});

test("a receiver that can't say how much it has room for gets parts when windows are lost one after the other", () => {
  const script = sending(8, 10_000, 10);
  for (const [first, expected] of [
    [1, "DATA 9..16"],
    [9, "DATA 17..20"],
  ] as const) {
    if (first === 1) script.receive(ack(0));
    assert.deepEqual(script.timeout(), [`DATA ${first}..${first + 3}`]);
    assert.deepEqual(script.timeout(), [`DATA ${first + 4}..${first + 7}`]);
    assert.deepEqual(script.receive(ack(first + 7)), [expected]);
  }
});

test("a gap tells the round trip too, by the newest block in front of it", () => {
  const script = sending(8, 10_000, 100);
  script.receive(ack(0));
  assert.equal(Math.round(script.waitsMs), 300, "the handshake's");
  script.pass(10).receive(ack(5));
  assert.equal(Math.round(script.waitsMs), 30);
});

test("a part that an ACK made needless is not waited for any more", () => {
  const script = server("GET", "blksize=8 windowsize=8 tsize=0");
  script.accept(1000);
  script.available(64, false);
  assert.deepEqual(script.receive(ack(0)), ["DATA 1..8"]);
  assert.deepEqual(script.timeout(), ["DATA 1..4"]);
  // The window was there, only its ACK was late; the store has nothing new yet.
  assert.deepEqual(script.receive(ack(8)), []);
  assert.equal(script.transfer.pollTimeout(), Number.POSITIVE_INFINITY);
});

test("the time-out adapts to the round trip and grows without progress, up to the ceiling", () => {
  const script = sending(1, 100, 10);
  script.receive(ack(0));
  const pauses: number[] = [];
  for (let i = 0; i < 5; i++) {
    pauses.push(Math.round(script.waitsMs));
    script.timeout();
  }
  assert.deepEqual(pauses, [30, 60, 480, 3000, 3000]);
});

test("a silent peer gets six transmissions, one that says anything gets more in the same time", () => {
  const script = sending(1, 100, 10);
  script.receive(ack(0));
  const silentSinceMs = script.nowMs;
  for (let i = 0; i < 5; i++) assert.deepEqual(script.timeout(), ["DATA 1"]);
  assert.equal(
    Math.round(script.nowMs + script.waitsMs - silentSinceMs),
    12_000,
    "nothing but patience is left",
  );
  script.pass(1000);
  assert.deepEqual(script.receive(ack(0)), [], "a repeated ACK is not answered at once");
  assert.equal(script.waitsMs, 3000);
  assert.deepEqual(script.timeout(), ["DATA 1"]);
  let out: string[] = [];
  while (!out.includes("ended")) out = script.timeout();
  assert.deepEqual(out, ["failed timeout", "ended"]);
  assert.equal(script.nowMs - silentSinceMs, 12_000);
});

test("whoever configures more retries than five gets that many", () => {
  const script = sending(1, 100, 10, 9);
  script.receive(ack(0));
  let repetitions = 0;
  while (script.timeout().includes("DATA 1")) repetitions++;
  assert.equal(repetitions, 9);
});

test("the floor of the time-out is 25 ms on a fast network", () => {
  const script = sending(1, 1000, 0);
  script.receive(ack(0));
  for (let block = 1; block < 20; block++) script.pass(0.1).receive(ack(block));
  assert.equal(Math.round(script.waitsMs), 25);
});

test("the handshake's round trip counts until there is a better one", () => {
  // Its OACK was lost, say: the client answered the repetition, a second late.
  const script = sending(1, 1000, 1000);
  script.receive(ack(0));
  assert.equal(Math.round(script.waitsMs), 3000);
  script.pass(2).receive(ack(1));
  assert.equal(Math.round(script.waitsMs), 25);
});

test("a round trip is not measured on blocks that were sent twice; one that was lost costs no longer pause later", () => {
  const script = sending(1, 1000, 10);
  script.receive(ack(0));
  script.timeout();
  script.timeout();
  script.pass(100).receive(ack(1));
  assert.equal(Math.round(script.waitsMs), 30, "as before the loss");
});

test("where answer after answer had to be asked for again, the back-off stays until a clean sample", () => {
  const script = sending(1, 1000, 10);
  script.receive(ack(0));
  for (let block = 1; block <= 3; block++) {
    script.timeout();
    script.pass(10).receive(ack(block));
  }
  assert.equal(Math.round(script.waitsMs), 120, "30, then 60, kept and doubled");
  script.pass(40).receive(ack(4));
  assert.ok(script.waitsMs < 150, "a clean sample ends the back-off");
  script.timeout();
  script.pass(10).receive(ack(5));
  assert.ok(script.waitsMs < 150, "and with it the doubts");
});

test("a round trip that grew beyond the time-out is learnt within a few blocks", () => {
  const script = sending(1, 10_000, 1);
  script.receive(ack(0));
  let repeated = 0;
  for (let block = 1; block <= 50; block++) {
    const dueMs = script.nowMs + 300;
    while (script.nowMs + script.waitsMs < dueMs) {
      script.timeout();
      repeated++;
    }
    script.pass(dueMs - script.nowMs).receive(ack(block));
  }
  assert.ok(repeated <= 6, `${repeated} repetitions`);
});

test("a peer that falls silent is given up after timeout * (retries + 1), not sooner", () => {
  const script = sending(1, 100, 10);
  script.receive(ack(0));
  const silentSinceMs = script.nowMs;
  let out: string[] = [];
  while (!out.includes("ended")) out = script.timeout();
  assert.deepEqual(out, ["failed timeout", "ended"]);
  assert.equal(script.nowMs - silentSinceMs, 12_000);
});

test("a server whose last ACK is missing has sent the file, and says so", () => {
  const script = sending(1, 5, 10);
  script.receive(ack(0));
  let out: string[] = [];
  while (!out.includes("ended")) out = script.timeout();
  assert.deepEqual(out, ["completed, last ACK missing", "ended"]);
});

test("blocks leave as the store provides them; the ACK is waited for when the window is full", () => {
  const script = server("GET", "blksize=8 windowsize=4");
  script.accept(100);
  script.receive(ack(0));
  assert.deepEqual(script.available(7, false), []);
  assert.deepEqual(script.available(20, false), ["DATA 1..2"]);
  assert.equal(script.transfer.pollTimeout(), Number.POSITIVE_INFINITY, "the receiver owes nothing yet");
  assert.deepEqual(script.available(21, false), [], "no whole block more");
  assert.deepEqual(script.available(40, false), ["DATA 3..4"]);
  assert.ok(Number.isFinite(script.transfer.pollTimeout()));
  assert.deepEqual(script.receive(ack(4)), ["DATA 5"]);
  assert.deepEqual(script.available(41, true), ["DATA 6"]);
  assert.deepEqual(script.receive(ack(6)), ["completed", "ended"]);
});

test("wire numbers roll over in the middle of a window", () => {
  const script = sending(4, 8 * 65_540);
  script.receive(ack(0));
  for (let block = 4; block < 65_536; block += 4) script.receive(ack(block));
  assert.deepEqual(script.receive(ack(0)), ["DATA 65537..65540"]);
  assert.deepEqual(script.receive(ack(3)), ["DATA 65540..65541"]);
  assert.deepEqual(script.receive(ack(5)), ["completed", "ended"]);
});

test("an ERROR of the receiver ends the transfer and is not answered", () => {
  const script = sending(1, 100);
  script.receive(ack(0));
  script.receive(ack(1));
  assert.deepEqual(script.receive(error(3, "full")), ["failed peer-error 3 full", "ended"]);
});

test("a size probe ends before any data", () => {
  const script = server("GET", "tsize=0 blksize=1468 windowsize=4");
  script.accept(100);
  assert.deepEqual(script.receive(error(8, "")), ["failed peer-error 8  before data", "ended"]);
});

test("junk in mid-transfer changes nothing, and is the reason given when only silence follows", () => {
  const script = sending(1, 100, 10);
  script.receive(ack(0));
  assert.deepEqual(script.receive(Uint8Array.of(0), data(1, "x"), Uint8Array.of(0, 6, 65)), []);
  assert.deepEqual(script.receive(ack(1)), ["DATA 2"]);
  script.receive(data(1, "x"));
  let out: string[] = [];
  while (!out.includes("ended")) out = script.timeout();
  assert.deepEqual(out, ["ERROR 4 Illegal TFTP operation", "failed violation EBADOP", "ended"]);
});

test("a failing store is told with its code and text", () => {
  const script = sending(1, 100);
  script.receive(ack(0));
  const cause = new Error("disk");
  const out = script.store({ kind: "failed", errorCode: 0, message: "I/O error", cause });
  assert.deepEqual(out, ["ERROR 0 I/O error", "failed storage", "ended"]);
  assert.deepEqual(script.store({ kind: "failed", errorCode: 0, message: "I/O error", cause }), []);
});

test("a time-out that comes early or late is harmless", () => {
  const script = sending(1, 5);
  script.receive(ack(0));
  script.transfer.handleTimeout(script.nowMs);
  assert.deepEqual(script.drain(), []);
  script.receive(ack(1));
  script.transfer.handleTimeout(script.nowMs + 1e6);
  assert.deepEqual(script.drain(), []);
});

test("while a window is repeated in parts, an ACK of blocks that left before counts", () => {
  const script = sending(8, 10_000, 10);
  script.receive(ack(0));
  assert.deepEqual(script.timeout(), ["DATA 1..4"]);
  assert.deepEqual(script.receive(ack(5)), ["DATA 6..9"], "the receiver had five of the eight");
  assert.equal(script.waitsMs, 1);
});
