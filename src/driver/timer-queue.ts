import type { Clock } from "../io/clock.js";

/** One deadline in a {@link TimerQueue}; its owner keeps it and sets it as often as it likes. */
export class Timer {
  readonly #queue: TimerQueue;
  readonly expire: (nowMs: number) => void;
  /** Absolute ms; Infinity while unset. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** When the queue looks at it: never after the deadline. Written by the queue. */
  lookAtMs = Number.POSITIVE_INFINITY;
  /** Place in the queue's heap, -1 while not in it. Written by the queue. */
  heapIndex = -1;

  constructor(queue: TimerQueue, expire: (nowMs: number) => void) {
    this.#queue = queue;
    this.expire = expire;
  }

  /**
   * Sets, moves or (with Infinity) clears the deadline. Moving it away costs nothing: a transfer does that with each
   * datagram, and the queue finds out when it looks.
   */
  set(deadlineMs: number): void {
    this.deadlineMs = deadlineMs;
    if (deadlineMs < this.lookAtMs) this.#queue.lookAt(this, deadlineMs);
  }

  /** Clears the deadline and lets go of the timer at once: nothing holds its owner any more. */
  cancel(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#queue.forget(this);
  }
}

/** All deadlines of a thread on one clock wake-up: a binary heap with the next look at its top. */
export class TimerQueue {
  readonly #clock: Clock;
  readonly #heap: Timer[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many timers the queue is going to look at. */
  get size(): number {
    return this.#heap.length;
  }

  /** Makes a timer that calls `expire` once per deadline that it was set to and that came. */
  createTimer(expire: (nowMs: number) => void): Timer {
    return new Timer(this, expire);
  }

  /** For {@link Timer} alone. */
  lookAt(timer: Timer, atMs: number): void {
    timer.lookAtMs = atMs;
    if (timer.heapIndex < 0) {
      timer.heapIndex = this.#heap.length;
      this.#heap.push(timer);
    }
    this.#sift(timer);
    if (timer.heapIndex === 0) this.#schedule();
  }

  /** For {@link Timer} alone. */
  forget(timer: Timer): void {
    const index = timer.heapIndex;
    if (index < 0) return;
    timer.heapIndex = -1;
    timer.lookAtMs = Number.POSITIVE_INFINITY;
    const last = this.#heap.pop() as Timer;
    if (last === timer) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#sift(last);
  }

  #schedule(): void {
    this.#clock.wakeAt(this.#heap[0]?.lookAtMs ?? Number.POSITIVE_INFINITY, () => this.#run());
  }

  /** Fires what was due when the run began. Deadlines set meanwhile lie in the future: every pause is positive. */
  #run(): void {
    const nowMs = this.#clock.nowMs();
    for (let top = this.#heap[0]; top !== undefined && top.lookAtMs <= nowMs; top = this.#heap[0]) {
      if (top.deadlineMs === top.lookAtMs) {
        top.cancel();
        top.expire(nowMs);
      } else if (top.deadlineMs === Number.POSITIVE_INFINITY) {
        this.forget(top);
      } else {
        // It was moved away: looked at again when it will be due.
        top.lookAtMs = top.deadlineMs;
        this.#sift(top);
      }
    }
    this.#schedule();
  }

  /** Moves a timer up or down to where its look belongs. */
  #sift(timer: Timer): void {
    const heap = this.#heap;
    let index = timer.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Timer;
      if (parent.lookAtMs <= timer.lookAtMs) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= heap.length) break;
      const right = heap[childIndex + 1];
      if (right !== undefined && right.lookAtMs < (heap[childIndex] as Timer).lookAtMs) childIndex++;
      const child = heap[childIndex] as Timer;
      if (child.lookAtMs >= timer.lookAtMs) break;
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
