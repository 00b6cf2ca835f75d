/**
 * When the transfers of one thread begin.
 *
 * Without a rate, a transfer begins when a connection is free: a slow server is asked less, and the latencies say
 * nothing of those who would have come meanwhile (coordinated omission). With a rate, the n-th transfer is due at
 * its time whether or not a connection is free, and its latency counts from then on.
 */
export class Schedule {
  readonly #amount: number;
  readonly #intervalMs: number;
  readonly #startedMs: number;
  #begun = 0;

  constructor(startedMs: number, amount: number | null, ratePerSecond: number | null) {
    this.#startedMs = startedMs;
    this.#amount = amount ?? Number.POSITIVE_INFINITY;
    this.#intervalMs = ratePerSecond === null ? 0 : 1000 / ratePerSecond;
  }

  /** How many have begun. */
  get begun(): number {
    return this.#begun;
  }

  /** Whether nothing will begin any more. */
  get isOver(): boolean {
    return this.#begun >= this.#amount;
  }

  /** When the next transfer was due, and takes it; null while none is, or none is left. */
  take(nowMs: number): number | null {
    if (this.isOver) return null;
    if (this.#intervalMs === 0) {
      this.#begun++;
      return nowMs;
    }
    const dueMs = this.#startedMs + this.#begun * this.#intervalMs;
    if (dueMs > nowMs) return null;
    this.#begun++;
    return dueMs;
  }
}
