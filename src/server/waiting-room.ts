import type { Timer, TimerQueue } from "../driver/timer-queue.js";
import type { Clock } from "../io/clock.js";
import type { Room } from "./admission.js";

/** Clients repeat a request every one to five seconds; one that has not for so long has gone. */
const WAIT_MS_MAX = 10_000;

/** How often those that wait are looked at while nobody leaves: silent clients give way with time. */
const LOOK_MS = 50;

/** What came of a request: it is settled (admitted or answered), or what it wants is taken. */
export type Admittance = "settled" | "file-taken" | Exclude<Room, "free">;

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
  readonly #sizeMax: () => number;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #admit: (request: T, waitedMs: number) => Admittance;
  readonly #dismiss: (request: T) => void;
  #isCalling = false;

  /**
   * @param admit - starts the transfer, answers the client, or says why neither is possible yet
   * @param dismiss - tells the client of a request that has waited in vain
   */
  constructor(
    sizeMax: () => number,
    clock: Clock,
    timers: TimerQueue,
    admit: (request: T, waitedMs: number) => Admittance,
    dismiss: (request: T) => void,
  ) {
    this.#sizeMax = sizeMax;
    this.#clock = clock;
    this.#admit = admit;
    this.#dismiss = dismiss;
    this.#timer = timers.createTimer(() => this.callNext());
  }

  /** Requests that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Admits the request at once while nobody waits, else puts it behind the others. A newer request of the same
   * client takes the place of the older one. False when there is no room to wait either.
   */
  enter(clientKey: string, address: string, request: T): boolean {
    const isFirst = this.#waiting.size === 0;
    if (isFirst && this.#admit(request, 0) === "settled") return true;
    const known = this.#waiting.get(clientKey);
    if (known === undefined && this.#waiting.size >= this.#sizeMax()) return false;
    const nowMs = this.#clock.nowMs();
    this.#waiting.set(clientKey, { request, address, sinceMs: known?.sinceMs ?? nowMs, heardMs: nowMs });
    if (isFirst) this.#timer.set(nowMs + LOOK_MS);
    else this.callNext();
    return true;
  }

  /** A place may be free: admits whoever can be. */
  callNext(): void {
    if (this.#waiting.size === 0 || this.#isCalling) return;
    // Admitting may evict, and an eviction calls the next.
    this.#isCalling = true;
    const nowMs = this.#clock.nowMs();
    const refused = new Set<string>();
    let isFull = false;
    for (const [clientKey, { request, address, sinceMs, heardMs }] of this.#waiting) {
      if (nowMs - heardMs > WAIT_MS_MAX) {
        this.#waiting.delete(clientKey);
        this.#dismiss(request);
      } else if (!isFull && !refused.has(address)) {
        const admittance = this.#admit(request, nowMs - sinceMs);
        if (admittance === "settled") this.#waiting.delete(clientKey);
        else if (admittance === "client-full") refused.add(address);
        // Nobody behind can be let in: a flood that fills the room must not make each look expensive.
        else if (admittance === "server-full") isFull = true;
      }
    }
    this.#isCalling = false;
    this.#timer.set(this.#waiting.size === 0 ? Number.POSITIVE_INFINITY : nowMs + LOOK_MS);
  }

  /** Everybody goes home unanswered: the server is closed. */
  clear(): void {
    this.#waiting.clear();
    this.#timer.set(Number.POSITIVE_INFINITY);
  }
}
