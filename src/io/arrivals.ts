/**
 * Counts what the sockets of this thread have handed over, datagrams or batches of them. Whoever looks twice knows
 * whether the loop brought anything in between.
 */
export const arrivals = { count: 0 };
