import type { TransferOutcome } from "./records.js";

/** What the live page gets, over server-sent events: a {@link LiveHello} first, then a {@link LiveTick} each second. */
export interface LiveTick {
  /** Milliseconds since 1970, by the server. */
  readonly atMs: number;
  readonly totals: LiveTotals;
  /** Transfers whose data is moving; `running` may show fewer. */
  readonly active: number;
  readonly queued: number;
  readonly threads: readonly LiveThread[];
  readonly point: LivePoint;
  /** Oldest first. */
  readonly running: readonly RunningRow[];
  /** Transfers that ended since the last tick, oldest first; a busy second may have had more. */
  readonly ended: readonly EndedRow[];
}

/** What a page needs to begin with. */
export interface LiveHello extends LiveTick {
  readonly startedAtMs: number;
  /** The last minutes, oldest first. */
  readonly history: readonly LivePoint[];
}

/** A second of the plot. */
export interface LivePoint {
  readonly atMs: number;
  readonly getBytesPerSecond: number;
  readonly putBytesPerSecond: number;
  readonly active: number;
}

/** Everything since the page's server began to count. */
export interface LiveTotals {
  readonly started: number;
  readonly ended: number;
  readonly outcomes: { readonly [outcome in TransferOutcome]: number };
  /** Bytes that arrived, those of running transfers included. */
  readonly getBytes: number;
  readonly putBytes: number;
  readonly blocksSent: number;
  readonly retransmissions: number;
  readonly refused: number;
  readonly workerErrors: number;
}

export interface LiveThread {
  readonly name: string;
  readonly transfers: number;
  /** Part of the last second in which it was busy, 0 to 1. */
  readonly load: number;
}

export interface RunningRow {
  readonly id: number;
  readonly method: "GET" | "PUT";
  readonly file: string;
  readonly client: string;
  readonly startedAtMs: number;
  readonly sizeBytes: number | null;
  readonly bytes: number;
}

export interface EndedRow extends RunningRow {
  readonly outcome: TransferOutcome;
  readonly endedAtMs: number;
  readonly durationMs: number;
  readonly bytesPerSecond: number;
  readonly blockSize: number;
  readonly windowSize: number;
  readonly retransmissions: number;
  readonly error: string | null;
}
