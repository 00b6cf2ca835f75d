import assert from "node:assert/strict";
import { test } from "node:test";
import { ack, type Script, sending } from "./script.js";

const RTT_MS = 10;

/** A server that has sent the first window a round trip ago. */
function inFlight(windowSize: number, blocks: number, rttMs = RTT_MS): Script {
  const script = sending(windowSize, blocks * 8, rttMs);
  script.receive(ack(0));
  return script.pass(rttMs);
}

test("of two reports of blocks that overtook one another, one repeats the flight", () => {
  const script = inFlight(8, 100);
  assert.deepEqual(script.receive(ack(3)), ["DATA 4..11"]);
  assert.deepEqual(
    script.receive(ack(4)),
    ["DATA 12"],
    "the window slides, what is on its way is not repeated",
  );
  assert.deepEqual(script.pass(RTT_MS).receive(ack(12)), ["DATA 13..20"]);
  assert.equal(script.waitsMs, 25, "a time-out; nothing else is due");
  assert.equal(script.transfer.counters.blocksRetransmitted, 5);
});

test("an ACK that may be an echo, and nothing behind it: what follows it is repeated after a round trip", () => {
  for (const [rttMs, waitsMs] of [
    [RTT_MS, 1.5 * RTT_MS],
    [0.2, 1],
    [800, 1200],
  ] as const) {
    const script = inFlight(8, 100, rttMs);
    script.receive(ack(3));
    assert.deepEqual(script.receive(ack(4)), ["DATA 12"]);
    assert.ok(Math.abs(script.waitsMs - waitsMs) < 0.001, `${script.waitsMs} ms`);
    assert.deepEqual(script.timeout(), ["DATA 5..12"]);
    assert.equal(script.transfer.counters.timeouts, 0);
    assert.ok(script.waitsMs >= 25, "and now a time-out is due again");
  }
});

test("on a steady link, where a time-out is due after little more than a round trip, it waits for the echo", () => {
  const script = inFlight(8, 1000, 50);
  let block = 8;
  for (; block <= 40 * 8; block += 8) {
    script.receive(ack(block));
    script.pass(50);
  }
  assert.ok(script.waitsMs < 10, "the time-out behind a window");
  script.receive(ack(block - 5));
  script.receive(ack(block - 4));
  assert.equal(Math.round(script.waitsMs), 75);
  script.timeout();
  assert.equal(script.transfer.counters.timeouts, 0);
});

test("while only the handshake told of the round trip, it waits no longer than on the fastest link", () => {
  const script = sending(8, 800, 900);
  script.receive(ack(0));
  script.timeout();
  assert.deepEqual(script.receive(ack(2)), ["DATA 5..8"]);
  assert.equal(script.waitsMs, 1);
  assert.deepEqual(script.timeout(), ["DATA 3..6"]);
});

test("the last block that left twice may be named by an echo, and one block may be all that follows it", () => {
  const script = inFlight(8, 100);
  script.receive(ack(3));
  assert.deepEqual(script.receive(ack(8)), ["DATA 12..16"]);
  const short = inFlight(2, 100);
  short.receive(ack(2));
  assert.deepEqual([...short.timeout(), ...short.timeout()], ["DATA 3", "DATA 4"]);
  assert.deepEqual(short.receive(ack(3)), ["DATA 5"]);
});

/** The receiver takes two blocks of a flight, and it is doubted that the rest got lost. */
function lose(script: Script, acked: number): void {
  assert.deepEqual(script.pass(RTT_MS).receive(ack(acked)), [`DATA ${acked + 7}..${acked + 8}`]);
}

/** The same, and that is believed. */
function loseCredibly(script: Script, acked: number): void {
  assert.deepEqual(script.pass(RTT_MS).receive(ack(acked)), [`DATA ${acked + 1}..${acked + 8}`]);
}

test("losses in repeated flights are believed at once, more of them each time that one had to be waited for", () => {
  const script = inFlight(8, 10_000);
  script.receive(ack(3));
  let acked = 5;
  for (const believed of [1, 2, 4, 8, 16, 16]) {
    lose(script, acked);
    assert.deepEqual(script.timeout(), [`DATA ${acked + 1}..${acked + 8}`]);
    for (let i = 0; i < believed; i++) loseCredibly(script, acked + 2 * (i + 1));
    acked += 2 * (believed + 1);
  }
  lose(script, acked);
});

test("a repeated flight that arrives as a whole takes no belief away, nor does a report while one is doubted", () => {
  const script = inFlight(8, 1000);
  script.receive(ack(3));
  lose(script, 5);
  script.timeout();
  loseCredibly(script, 7);
  lose(script, 9);
  lose(script, 11);
  assert.deepEqual(script.timeout(), ["DATA 12..19"]);
  assert.deepEqual(script.pass(RTT_MS).receive(ack(19)), ["DATA 20..27"]);
  assert.deepEqual(script.pass(RTT_MS).receive(ack(22)), ["DATA 23..30"], "a gap among new blocks");
  loseCredibly(script, 24);
  loseCredibly(script, 26);
  lose(script, 28);
});

test("an echo takes the belief away", () => {
  const script = inFlight(8, 200);
  script.receive(ack(3));
  script.receive(ack(5));
  assert.deepEqual(script.timeout(), ["DATA 6..13"]);
  script.receive(ack(7));
  script.receive(ack(8));
  script.timeout();
  assert.deepEqual(script.receive(ack(9)), ["DATA 10..17"], "two are believed now, and this is the first");
  assert.deepEqual(script.receive(ack(10)), ["DATA 11..18"]);
  assert.deepEqual(script.receive(ack(11)), ["DATA 19"]);
  assert.deepEqual(script.receive(ack(19)), ["DATA 20..27"], "that was an echo");
  script.receive(ack(22));
  script.receive(ack(23));
  assert.deepEqual(script.timeout(), ["DATA 24..31"]);
  assert.deepEqual(script.receive(ack(25)), ["DATA 26..33"]);
  assert.deepEqual(script.receive(ack(27)), ["DATA 34..35"], "one was believed");
});

test("parts of a window go on leaving while an echo is waited for", () => {
  const script = inFlight(8, 100);
  script.receive(ack(8));
  assert.deepEqual(script.timeout(), ["DATA 9..12"]);
  assert.deepEqual(script.receive(ack(10)), ["DATA 13..16"]);
  assert.equal(script.waitsMs, 1);
  assert.deepEqual(script.timeout(), ["DATA 17..18"]);
  assert.equal(script.waitsMs, 14);
  assert.deepEqual(script.timeout(), ["DATA 11..14"]);
  assert.deepEqual(script.timeout(), ["DATA 15..18"]);
});

test("an ACK that comes again while an echo is waited for settles it", () => {
  const script = inFlight(8, 11);
  script.receive(ack(3));
  assert.deepEqual(script.receive(ack(4)), ["DATA 12"]);
  assert.deepEqual(script.pass(RTT_MS).receive(ack(4)), ["DATA 5..12"]);
  assert.ok(script.waitsMs >= 25);
  assert.deepEqual(script.receive(ack(12)), ["completed", "ended"]);
});

/**
 * Reports every gap and every copy at once (RFC 7440 §4 to the letter, as U-Boot and many a boot loader do), keeps no block
 * behind a gap, and counts what it did not need.
 */
class LiteralReceiver {
  lastBlock = 0;
  needless = 0;
  readonly #windowSize: number;
  #inWindow = 0;
  #reported = -1;

  constructor(windowSize: number) {
    this.#windowSize = windowSize;
  }

  /** @returns the block it acknowledges, or null */
  take(block: number): number | null {
    if (block !== this.lastBlock + 1) {
      this.needless++;
      if (this.#reported === this.lastBlock) return null;
      this.#reported = this.lastBlock;
    } else {
      this.lastBlock++;
      if (++this.#inWindow < this.#windowSize) return null;
    }
    this.#inWindow = 0;
    return this.lastBlock;
  }
}

/** Sends so many blocks to such a receiver; `link` says what becomes of the flights, the first of them 0. */
function deliver(
  windowSize: number,
  blocks: number,
  link: (sent: readonly number[], flight: number) => readonly number[],
): { needless: number; elapsedMs: number } {
  const script = sending(windowSize, blocks * 8 - 1);
  const beganMs = script.nowMs;
  const receiver = new LiteralReceiver(windowSize);
  let acks = [0];
  for (let flight = 0; receiver.lastBlock < blocks; flight++) {
    assert.ok(flight < 4 * blocks, "it makes no progress");
    script.pass(RTT_MS);
    const sent = acks.flatMap((block) => script.receive(ack(block))).flatMap(blocksOf);
    if (sent.length === 0) sent.push(...script.timeout().flatMap(blocksOf));
    acks = link(sent, flight)
      .map((block) => receiver.take(block))
      .filter((block) => block !== null);
  }
  return { needless: receiver.needless, elapsedMs: script.nowMs - beganMs };
}

function blocksOf(words: string): number[] {
  const [, first, last] = /^DATA (\d+)(?:\.\.(\d+))?$/.exec(words) ?? assert.fail(words);
  const count = Number(last ?? first) - Number(first) + 1;
  return Array.from({ length: count }, (_, i) => Number(first) + i);
}

test("blocks that overtake one another cost a literal receiver a window, wherever in it that happens", () => {
  for (const windowSize of [4, 8, 16, 64]) {
    for (let at = 1; at < windowSize; at++) {
      const overtaken = [...Array(windowSize).keys()].map((i) => i + 1);
      overtaken.splice(at - 1, 2, at + 1, at);
      const { needless } = deliver(windowSize, 40 * windowSize, (sent, flight) =>
        flight === 0 ? overtaken : sent,
      );
      assert.ok(needless <= windowSize + 1, `${windowSize}, ${at}: ${needless} blocks`);
    }
  }
});

test("a literal receiver with room for a part of each flight waits for little more than round trips", () => {
  for (const [windowSize, room] of [
    [16, 6],
    [16, 4],
    [64, 24],
  ] as const) {
    const blocks = 100 * room;
    const { elapsedMs } = deliver(windowSize, blocks, (sent) => sent.slice(0, room));
    assert.ok(elapsedMs < 1.4 * 100 * RTT_MS, `${windowSize}, ${room}: ${elapsedMs} ms`);
  }
});
