import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteQueue } from "../../src/driver/byte-queue.js";
import { TimerQueue } from "../../src/driver/timer-queue.js";
import { viewOf } from "../../src/io/storage.js";
import { Random } from "../sim/random.js";

test("timers fire in the order of their deadlines, however they were set, moved and cleared", () => {
  let nowMs = 0;
  let wakeAtMs = Number.POSITIVE_INFINITY;
  let wake: () => void = () => undefined;
  const queue = new TimerQueue({
    nowMs: () => nowMs,
    wakeAt: (atMs, act) => {
      wakeAtMs = atMs;
      wake = act;
    },
  });
  const random = new Random(5n);
  const fired: number[] = [];
  const due = new Map<number, number>();
  const timers = Array.from({ length: 200 }, (_, index) =>
    queue.createTimer((atMs) => {
      assert.ok(atMs >= (due.get(index) ?? Number.POSITIVE_INFINITY));
      fired.push(due.get(index) as number);
      due.delete(index);
    }),
  );
  let total = 0;
  for (let step = 0; step < 3000; step++) {
    const index = random.between(0, 199);
    const atMs = random.chance(0.2) ? Number.POSITIVE_INFINITY : nowMs + random.between(1, 500);
    if (atMs === Number.POSITIVE_INFINITY && random.chance(0.5)) timers[index]?.cancel();
    else timers[index]?.set(atMs);
    if (atMs === Number.POSITIVE_INFINITY) due.delete(index);
    else due.set(index, atMs);
    assert.ok(queue.size >= due.size);
    if (!random.chance(0.3) || wakeAtMs === Number.POSITIVE_INFINITY) continue;
    nowMs = wakeAtMs;
    fired.length = 0;
    wake();
    total += fired.length;
    assert.deepEqual(
      fired,
      [...fired].sort((a, b) => a - b),
    );
    assert.ok(
      [...due.values()].every((other) => other > nowMs),
      "nothing that was due is left",
    );
  }
  assert.ok(total > 300, `only ${total} fired`);
  for (const timer of timers) timer.cancel();
  assert.equal(queue.size, 0);
});

test("a queue of bytes gives any held piece, and forgets what was released", () => {
  const queue = new ByteQueue();
  const random = new Random(6n);
  const all: number[] = [];
  let released = 0;
  for (let step = 0; step < 2000; step++) {
    const chunk = random.bytes(random.pick([0, 1, 10, 3000, 70_000 * Number(random.chance(0.01))]));
    queue.append(chunk);
    all.push(...chunk);
    chunk.fill(0);
    released = Math.min(all.length, released + random.between(0, 1500));
    queue.release(released);
    assert.equal(queue.endBytes, all.length);
    assert.equal(queue.heldBytes, all.length - released);
    if (released === all.length) continue;
    const offset = random.between(released, all.length - 1);
    const piece = viewOf(queue.locate(offset, 50));
    assert.ok(piece.length > 0);
    assert.deepEqual([...piece], all.slice(offset, offset + piece.length));
  }
  queue.clear();
  assert.equal(queue.heldBytes, 0);
  assert.equal(viewOf(queue.locate(0, 10)).length, 0);
});
