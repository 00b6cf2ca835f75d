/** What one thread of the generator counts; threads are added up at the end. */
export interface Tally {
  /** Transfers that ended well. */
  completed: number;
  /** Transfers that failed. */
  failed: number;
  /** Transfers that were under way when the time was over; their bytes count, they don't. */
  cut: number;
  /** Payload bytes that moved, each once. */
  bytes: number;
  /** Requests, ACKs and DATA blocks sent again because nothing came. */
  retransmissions: number;
  /** DATA blocks or OACKs that had come before; ACKs that acknowledged nothing new. */
  duplicates: number;
  /** DATA blocks that came too early: something before them got lost. */
  gaps: number;
  /** Datagrams that the generator itself lost on purpose, both ways. */
  dropped: number;
  /** Datagrams from elsewhere or without sense. */
  strays: number;
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  return {
    completed: 0,
    failed: 0,
    cut: 0,
    bytes: 0,
    retransmissions: 0,
    duplicates: 0,
    gaps: 0,
    dropped: 0,
    strays: 0,
  };
}

/** Adds one tally to another. */
export function addTally(sum: Tally, more: Readonly<Tally>): void {
  for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += more[key];
}

/** Failures by what the code says; one text of each code is kept as an example. */
export class ErrorTally {
  readonly #byCode = new Map<string, { count: number; example: string }>();

  count(code: string, example: string, times = 1): void {
    const known = this.#byCode.get(code);
    if (known === undefined) this.#byCode.set(code, { count: times, example });
    else known.count += times;
  }

  /** Most frequent first. */
  list(): ErrorCount[] {
    return [...this.#byCode]
      .map(([code, entry]) => ({ code, ...entry }))
      .sort((a, b) => b.count - a.count || a.code.localeCompare(b.code));
  }
}

/** One kind of failure. */
export interface ErrorCount {
  /** `ERROR n` for what the server said, a system code, or a word of the generator's (README of `--help`). */
  readonly code: string;
  readonly count: number;
  readonly example: string;
}
