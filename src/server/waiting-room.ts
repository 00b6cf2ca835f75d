import type { Timer, TimerQueue } from "../driver/timer-queue.js";
import type { Clock } from "../io/clock.js";
import type { Room } from "./admission.js";

/** Clients repeat a request every one to five seconds; one that has not for so long has gone. */
const WAIT_MS_MAX = 10_000;

/** How often those that wait are looked at while nobody leaves: silent clients give way with time. */
const LOOK_MS = 50;

/** The same while transfers are being started: nobody tells when they have been, and it is over in a moment. */
const STARTING_LOOK_MS = 2;

/** What came of a request: it is settled (admitted or answered), or what it wants is taken. */
export type Admittance = "settled" | "file-taken" | Exclude<Room, "free">;

interface Waiting<T> {
  readonly request: T;
  readonly sinceMs: number;
  readonly heardMs: number;
}

/** Those of one address, oldest first, by client. */
type Queue<T> = Map<string, Waiting<T>>;

/**
 * Requests that wait for a place: each address has a queue, and the addresses take turns. So a crowd at one address,
 * or one that is at its own limit, does not hold the others up. A client that repeats its request keeps its turn; one
 * that does not for a while loses it.
 */
export class WaitingRoom<T> {
  readonly #sizeMax: () => number;
  readonly #clock: Clock;
  readonly #timer: Timer;
  /** By address, in the order of their turns. */
  readonly #queues = new Map<string, Queue<T>>();
  readonly #admit: (request: T, waitedMs: number) => Admittance;
  readonly #dismiss: (request: T) => void;
  #size = 0;
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
    this.#timer = timers.createTimer(() => {
      this.#sendHome();
      this.callNext();
    });
  }

  /** Requests that wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Admits the request at once while nobody waits, else puts it behind the others of its address. A newer request of
   * the same client takes the place of the older one. False when there is no room to wait either.
   */
  enter(clientKey: string, address: string, request: T): boolean {
    const isFirst = this.#size === 0;
    if (isFirst && this.#admit(request, 0) === "settled") return true;
    // The room may have become smaller.
    while (this.#size > this.#sizeMax()) this.#dismissLast(0);
    const known = this.#queues.get(address)?.get(clientKey);
    if (known === undefined && this.#size >= this.#sizeMax()) {
      const own = this.#queues.get(address)?.size ?? 0;
      if (!this.#dismissLast(own + 1)) return false;
    }
    const nowMs = this.#clock.nowMs();
    const queue = this.#queues.get(address) ?? new Map();
    this.#queues.set(
      address,
      queue.set(clientKey, { request, sinceMs: known?.sinceMs ?? nowMs, heardMs: nowMs }),
    );
    if (known === undefined) this.#size++;
    // While transfers are being started, the next look is soon enough.
    if (isFirst) this.#timer.set(nowMs + STARTING_LOOK_MS);
    else this.callNext();
    return true;
  }

  /** A place may be free: admits whoever can be. */
  callNext(): void {
    if (this.#size === 0 || this.#isCalling) return;
    // Admitting may evict, and an eviction calls the next.
    this.#isCalling = true;
    const nowMs = this.#clock.nowMs();
    const tried = new Set<string>();
    let lookMs = LOOK_MS;
    for (const [address, queue] of this.#queues) {
      const admittance = this.#admitOne(queue, tried, nowMs);
      // Nobody behind can be let in: a flood that fills the room must not make each look expensive.
      if (admittance === "server-full") break;
      if (admittance === "client-starting") lookMs = STARTING_LOOK_MS;
      if (admittance !== "settled") continue;
      // It has had its turn: this loop meets it again behind the others.
      this.#size--;
      this.#queues.delete(address);
      if (queue.size > 0) this.#queues.set(address, queue);
    }
    this.#isCalling = false;
    this.#timer.set(this.#size === 0 ? Number.POSITIVE_INFINITY : nowMs + lookMs);
  }

  /** Everybody goes home unanswered: the server is closed. */
  clear(): void {
    this.#queues.clear();
    this.#size = 0;
    this.#timer.set(Number.POSITIVE_INFINITY);
  }

  /** @param tried - those who were found to wait for a file: they wait behind those that have not been looked at */
  #admitOne(queue: Queue<T>, tried: Set<string>, nowMs: number): Admittance | null {
    for (const [clientKey, waiting] of queue) {
      if (tried.has(clientKey)) return null;
      const admittance = this.#admit(waiting.request, nowMs - waiting.sinceMs);
      if (admittance !== "settled" && admittance !== "file-taken") return admittance;
      queue.delete(clientKey);
      if (admittance === "settled") return admittance;
      tried.add(clientKey);
      queue.set(clientKey, waiting);
    }
    return null;
  }

  /**
   * The last of the largest crowd leaves the room, if that is larger than so many.
   * @returns false when none is
   */
  #dismissLast(sizeMin: number): boolean {
    let largest: Queue<T> | null = null;
    for (const queue of this.#queues.values()) if (queue.size > (largest?.size ?? sizeMin)) largest = queue;
    const last = largest === null ? undefined : [...largest].at(-1);
    if (last === undefined) return false;
    largest?.delete(last[0]);
    this.#size--;
    this.#dismiss(last[1].request);
    return true;
  }

  /** Those who have not repeated their request for too long. */
  #sendHome(): void {
    const nowMs = this.#clock.nowMs();
    for (const [address, queue] of this.#queues) {
      for (const [clientKey, { request, heardMs }] of queue) {
        if (nowMs - heardMs <= WAIT_MS_MAX) continue;
        queue.delete(clientKey);
        this.#size--;
        this.#dismiss(request);
      }
      if (queue.size === 0) this.#queues.delete(address);
    }
  }
}
