import type { Clock } from "../io/clock.js";

/** One deadline in a {@link TimerQueue}; its owner keeps it and sets it as often as it likes. */
export class Timer {
  readonly #queue: TimerQueue;
  readonly expire: (nowMs: number) => void;
  /** Absolute ms; Infinity while unset. Written by the queue. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** Place in the queue's heap, -1 while not in it. Written by the queue. */
  heapIndex = -1;

  constructor(queue: TimerQueue, expire: (nowMs: number) => void) {
    this.#queue = queue;
    this.expire = expire;
  }

  /** Sets, moves or (with Infinity) clears the deadline. */
  set(deadlineMs: number): void {
    if (deadlineMs !== this.deadlineMs) this.#queue.update(this, deadlineMs);
  }
}

/** All deadlines of a thread on one clock wake-up: a binary heap with the earliest deadline at its top. */
export class TimerQueue {
  readonly #clock: Clock;
  readonly #heap: Timer[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many deadlines are set. */
  get size(): number {
    return this.#heap.length;
  }

  /** Makes a timer that calls `expire` once per deadline that it was set to and that came. */
  createTimer(expire: (nowMs: number) => void): Timer {
    return new Timer(this, expire);
  }

  /** For {@link Timer} alone. */
  update(timer: Timer, deadlineMs: number): void {
    timer.deadlineMs = deadlineMs;
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      if (timer.heapIndex >= 0) this.#remove(timer);
      return;
    }
    if (timer.heapIndex < 0) {
      timer.heapIndex = this.#heap.length;
      this.#heap.push(timer);
    }
    this.#sift(timer);
    if (timer.heapIndex === 0) this.#schedule();
  }

  #schedule(): void {
    this.#clock.wakeAt(this.#heap[0]?.deadlineMs ?? Number.POSITIVE_INFINITY, () => this.#run());
  }

  /** Fires what was due when the run began. Deadlines set meanwhile lie in the future: every pause is positive. */
  #run(): void {
    const nowMs = this.#clock.nowMs();
    for (let top = this.#heap[0]; top !== undefined && top.deadlineMs <= nowMs; top = this.#heap[0]) {
      this.update(top, Number.POSITIVE_INFINITY);
      top.expire(nowMs);
    }
    this.#schedule();
  }

  #remove(timer: Timer): void {
    const last = this.#heap.pop() as Timer;
    const index = timer.heapIndex;
    timer.heapIndex = -1;
    if (last === timer) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#sift(last);
  }

  /** Moves a timer up or down to where its deadline belongs. */
  #sift(timer: Timer): void {
    const heap = this.#heap;
    let index = timer.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Timer;
      if (parent.deadlineMs <= timer.deadlineMs) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= heap.length) break;
      const right = heap[childIndex + 1];
      if (right !== undefined && right.deadlineMs < (heap[childIndex] as Timer).deadlineMs) childIndex++;
      const child = heap[childIndex] as Timer;
      if (child.deadlineMs >= timer.deadlineMs) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(timer, index);
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.heapIndex = index;
  }
}
