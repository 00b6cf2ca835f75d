import type { RefusalInfo, ServerStatus, TransferInfo, TransferProgress, TransferResult } from "./records.js";

/** What whoever watches a server needs of it. */
export interface ObservedServer {
  on(event: "transferStart", listener: (info: TransferInfo) => void): unknown;
  on(event: "transferEnd", listener: (info: TransferInfo, result: TransferResult) => void): unknown;
  on(event: "requestRefused", listener: (refusal: RefusalInfo) => void): unknown;
  on(event: "workerError", listener: (error: Error) => void): unknown;
  off(event: "transferStart", listener: (info: TransferInfo) => void): unknown;
  off(event: "transferEnd", listener: (info: TransferInfo, result: TransferResult) => void): unknown;
  off(event: "requestRefused", listener: (refusal: RefusalInfo) => void): unknown;
  off(event: "workerError", listener: (error: Error) => void): unknown;
  status(): ServerStatus;
  progress(): Iterable<TransferProgress>;
  /** Null while the server does not listen. */
  address(): object | null;
  /** Which way datagrams take, where the server tells. */
  readonly native?: { readonly isNative: boolean; readonly reason: string };
}
