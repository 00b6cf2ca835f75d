import type { ObservedServer } from "./observed-server.js";
import {
  type RefusalInfo,
  type RefusalReason,
  type TransferInfo,
  type TransferOutcome,
  type TransferResult,
  transferOutcomes,
} from "./records.js";

/** One direction, seen from the client. */
export type Method = "GET" | "PUT";

export const methods: readonly Method[] = ["GET", "PUT"];

/** Counts of one direction; ended transfers only. */
export interface MethodTotals {
  readonly started: number;
  readonly outcomes: { readonly [outcome in TransferOutcome]: number };
  readonly transferredBytes: number;
  readonly blocksSent: number;
  readonly retransmissions: number;
  readonly duplicates: number;
  readonly timeouts: number;
  readonly junk: number;
}

type Growing<T> = { -readonly [K in keyof T]: T[K] extends number ? number : Growing<T[K]> };

/**
 * Everything a server did since somebody began to watch it: what metrics and the live page show, so that they can't
 * disagree.
 */
export class Totals {
  readonly #byMethod: { readonly [method in Method]: Growing<MethodTotals> } = { GET: zero(), PUT: zero() };
  readonly #refusals = new Map<RefusalReason, number>();
  readonly #server: ObservedServer;
  #workerErrors = 0;

  constructor(server: ObservedServer) {
    this.#server = server;
    server.on("transferStart", this.#onStart);
    server.on("transferEnd", this.#onEnd);
    server.on("requestRefused", this.#onRefused);
    server.on("workerError", this.#onWorkerError);
  }

  of(method: Method): MethodTotals {
    return this.#byMethod[method];
  }

  get refusals(): ReadonlyMap<RefusalReason, number> {
    return this.#refusals;
  }

  get workerErrors(): number {
    return this.#workerErrors;
  }

  /** Bytes that have arrived, those of running transfers included. */
  transferredBytes(): { readonly [method in Method]: number } {
    const bytes = { GET: this.#byMethod.GET.transferredBytes, PUT: this.#byMethod.PUT.transferredBytes };
    for (const { info, transferredBytes } of this.#server.progress()) bytes[info.method] += transferredBytes;
    return bytes;
  }

  close(): void {
    this.#server.off("transferStart", this.#onStart);
    this.#server.off("transferEnd", this.#onEnd);
    this.#server.off("requestRefused", this.#onRefused);
    this.#server.off("workerError", this.#onWorkerError);
  }

  readonly #onStart = ({ method }: TransferInfo): void => {
    this.#byMethod[method].started++;
  };

  readonly #onEnd = ({ method }: TransferInfo, result: TransferResult): void => {
    const totals = this.#byMethod[method];
    totals.outcomes[result.outcome]++;
    totals.transferredBytes += result.transferredBytes;
    totals.blocksSent += result.blocksSent;
    totals.retransmissions += result.retransmissions;
    totals.duplicates += result.duplicates;
    totals.timeouts += result.timeouts;
    totals.junk += result.junk;
  };

  readonly #onRefused = ({ reason }: RefusalInfo): void => {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  };

  readonly #onWorkerError = (): void => {
    this.#workerErrors++;
  };
}

function zero(): Growing<MethodTotals> {
  const outcomes = Object.fromEntries(transferOutcomes.map((outcome) => [outcome, 0])) as {
    [outcome in TransferOutcome]: number;
  };
  return {
    started: 0,
    outcomes,
    transferredBytes: 0,
    blocksSent: 0,
    retransmissions: 0,
    duplicates: 0,
    timeouts: 0,
    junk: 0,
  };
}
