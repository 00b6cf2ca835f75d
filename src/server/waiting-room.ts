import type { Timer, TimerQueue } from "../driver/timer-queue.js";
import type { Clock } from "../io/clock.js";

/** Clients repeat a request every one to five seconds; one that has not for so long has gone. */
const WAIT_MS_MAX = 10_000;

/** How often those that wait are looked at while nobody leaves: silent clients give way with time. */
const LOOK_MS = 50;

/** What came of a request: it is settled (admitted or answered), or its file or its client's places are taken. */
export type Admittance = "settled" | "no-place" | "file-taken";

interface Waiting<T> {
  readonly request: T;
  readonly address: string;
  readonly sinceMs: number;
  heardMs: number;
}

/**
 * Requests that wait for a place, oldest first. A client that repeats its request keeps its turn; one that does
 * not for a while loses it. An address at its own limit does not hold the others up.
 */
export class WaitingRoom<T> {
  readonly #sizeMax: number;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #admit: (request: T, waitedMs: number) => Admittance;
  #isCalling = false;

  /** @param admit - starts the transfer, answers the client, or says why neither is possible yet */
  constructor(
    sizeMax: number,
    clock: Clock,
    timers: TimerQueue,
    admit: (request: T, waitedMs: number) => Admittance,
  ) {
    this.#sizeMax = sizeMax;
    this.#clock = clock;
    this.#admit = admit;
    this.#timer = timers.createTimer(() => this.callNext());
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** False when it is full. A newer request of the same client takes the place of the older one. */
  enter(clientKey: string, address: string, request: T): boolean {
    const known = this.#waiting.get(clientKey);
    if (known === undefined && this.#waiting.size >= this.#sizeMax) return false;
    const nowMs = this.#clock.nowMs();
    this.#waiting.set(clientKey, { request, address, sinceMs: known?.sinceMs ?? nowMs, heardMs: nowMs });
    if (this.#waiting.size === 1) this.#timer.set(nowMs + LOOK_MS);
    return true;
  }

  /** A place may be free: admits whoever can be. */
  callNext(): void {
    if (this.#waiting.size === 0 || this.#isCalling) return;
    // Admitting may evict, and an eviction calls the next.
    this.#isCalling = true;
    const nowMs = this.#clock.nowMs();
    const refused = new Set<string>();
    for (const [clientKey, { request, address, sinceMs, heardMs }] of this.#waiting) {
      if (nowMs - heardMs > WAIT_MS_MAX) this.#waiting.delete(clientKey);
      if (nowMs - heardMs > WAIT_MS_MAX || refused.has(address)) continue;
      const admittance = this.#admit(request, nowMs - sinceMs);
      if (admittance === "settled") this.#waiting.delete(clientKey);
      else if (admittance === "no-place") refused.add(address);
    }
    this.#isCalling = false;
    this.#timer.set(this.#waiting.size === 0 ? Number.POSITIVE_INFINITY : nowMs + LOOK_MS);
  }

  /** Everybody goes home unanswered: the server is closed. */
  clear(): T[] {
    const requests = [...this.#waiting.values()].map(({ request }) => request);
    this.#waiting.clear();
    this.#timer.set(Number.POSITIVE_INFINITY);
    return requests;
  }
}
