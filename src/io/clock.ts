/**
 * The clock of one thread: a monotonic reading and one pending wake-up.
 *
 * The simulator implements it with virtual time, `node-clock.ts` with the real one.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start; fractions carry sub-millisecond precision. */
  nowMs(): number;

  /**
   * Asks for one call of `wake` at or after `atMs`; a later request replaces an earlier one.
   * `Infinity` cancels. The call comes after datagrams that had already arrived were delivered, so that a
   * late event loop does not turn acknowledged blocks into retransmissions.
   */
  wakeAt(atMs: number, wake: () => void): void;
}
