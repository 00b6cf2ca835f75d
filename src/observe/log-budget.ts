/** Lines that may come at once: a rack that boots is logged in full. */
const BURST_SECONDS = 10;

/**
 * How many lines a log may have: a bucket that fills at a steady rate. A flood of requests must not become a flood of
 * lines, nor fill a disk.
 */
export class LogBudget {
  readonly #linesPerSecond: number;
  readonly #now: () => number;
  #lines: number;
  #filledAtMs: number;

  /** @param linesPerSecond - 0 for no limit */
  constructor(linesPerSecond: number, now: () => number) {
    this.#linesPerSecond = linesPerSecond;
    this.#now = now;
    this.#lines = linesPerSecond * BURST_SECONDS;
    this.#filledAtMs = now();
  }

  /** Takes one line out; false when there is none. */
  take(): boolean {
    if (this.#linesPerSecond === 0) return true;
    const nowMs = this.#now();
    const full = this.#linesPerSecond * BURST_SECONDS;
    const gained = ((nowMs - this.#filledAtMs) * this.#linesPerSecond) / 1000;
    this.#lines = Math.min(full, this.#lines + gained);
    this.#filledAtMs = nowMs;
    if (this.#lines < 1) return false;
    this.#lines--;
    return true;
  }
}
