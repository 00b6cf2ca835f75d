import { performance } from "node:perf_hooks";
import { arrivals } from "./arrivals.js";
import type { Clock } from "./clock.js";

/** setTimeout takes 31 bits; a longer wait is cut and continued. */
const TIMER_MS_MAX = 0x7fffffff;

/** Turns of the loop that a wake-up waits for one that brings nothing: each takes so many from one socket and no more. */
const TURNS_MAX = 16;

/** And for so long: under a load that never pauses, time-outs are no later than this. */
const QUIET_MS_MAX = 20;

/**
 * The real clock of a thread. Its timer never keeps the process alive: open sockets do, as long as they should.
 *
 * A wake-up goes through the check phase of the loop (setImmediate), behind the poll phase, and again as long as that
 * brings datagrams: those that had arrived while the thread was busy are delivered before their time-outs are looked at.
 */
export class NodeClock implements Clock {
  #requestedMs = Number.POSITIVE_INFINITY;
  #wake: () => void = () => undefined;
  #armedMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  nowMs(): number {
    return performance.now();
  }

  wakeAt(atMs: number, wake: () => void): void {
    this.#requestedMs = atMs;
    this.#wake = wake;
    // A timer that fires too early only looks at the request again: cheaper than a new timer per datagram.
    if (atMs < this.#armedMs) this.#arm();
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#armedMs = this.#requestedMs;
    if (this.#armedMs === Number.POSITIVE_INFINITY) {
      this.#timer = null;
      return;
    }
    const delayMs = Math.min(TIMER_MS_MAX, Math.max(1, Math.ceil(this.#armedMs - this.nowMs())));
    this.#timer = setTimeout(() => {
      const nowMs = this.nowMs();
      if (nowMs < this.#requestedMs) {
        this.#arm();
        return;
      }
      // The loop is asked to come back at once: no request is earlier.
      this.#armedMs = Number.NEGATIVE_INFINITY;
      this.#awaitQuiet(TURNS_MAX, nowMs + QUIET_MS_MAX);
    }, delayMs);
    this.#timer.unref();
  }

  #awaitQuiet(turnsMax: number, endMs: number): void {
    const { count } = arrivals;
    setImmediate(() => {
      if (arrivals.count === count || turnsMax === 1 || this.nowMs() >= endMs) this.#fire();
      else this.#awaitQuiet(turnsMax - 1, endMs);
    });
  }

  #fire(): void {
    this.#timer = null;
    this.#armedMs = Number.POSITIVE_INFINITY;
    if (this.nowMs() < this.#requestedMs) {
      this.#arm();
      return;
    }
    this.#requestedMs = Number.POSITIVE_INFINITY;
    this.#wake();
  }
}
