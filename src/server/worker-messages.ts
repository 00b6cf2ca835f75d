import type { GroupMember, Peer } from "../io/socket.js";
import type { StorageFailure } from "../io/storage.js";
import type { ServerSettings } from "./options.js";
import type { AnswerMode, PlacedRequest, TransferAccount, TransferFailure } from "./placement.js";

/** What a worker gets when it starts. */
export interface WorkerSetup {
  /** Replaced when the server reloads: a worker that starts later has the new ones. */
  settings: ServerSettings;
  /** Path or file URL of the handler module, absolute. */
  readonly handler: string | null;
  /** The memory of the {@link TransferBoard}. */
  readonly board: SharedArrayBuffer;
  /** Bytes of files that this worker keeps for the next reader. */
  readonly cacheBytesMax: number;
}

/** The id of what concerns no transfer. */
export const NO_TRANSFER = -1;

/** A transfer for a worker: the task of the pool. */
export interface TransferTask {
  /** Counts up in the order in which tasks are given to a worker. */
  readonly id: number;
  readonly request: PlacedRequest;
  readonly answer: AnswerMode;
  readonly root: string;
  /** Its place on the board, -1 for none. */
  readonly slot: number;
}

/**
 * The result of a task: its data has ended. The transfer may live on for a while (dallying), until `ended` comes
 * over the link; that does not keep a process alive which has nothing else to do.
 */
export interface TaskResult {
  /** How it went. Null when listeners take part: then it came over the link, behind the bytes. */
  readonly report: CompletedReport | FailedReport | null;
  /** Nothing is left of the transfer already: one message instead of two. */
  readonly ended: EndedReport | null;
}

/** The first message of a worker: its end of the link. */
export interface HelloMessage {
  readonly kind: "hello";
  readonly threadId: number;
  readonly port: import("node:worker_threads").MessagePort;
}

export interface CompletedReport {
  readonly kind: "completed";
  readonly id: number;
  readonly lastAckMissing: boolean;
  readonly account: TransferAccount;
}

export interface FailedReport {
  readonly kind: "failed";
  readonly id: number;
  readonly failure: ClonedFailure;
  readonly account: TransferAccount;
}

export interface EndedReport {
  readonly kind: "ended";
  readonly id: number;
}

/** On a single port: a datagram that is for none of the worker's transfers, a request above all. */
export interface HeardReport {
  readonly kind: "heard";
  readonly id: typeof NO_TRANSFER;
  readonly bytes: Uint8Array;
  readonly peer: Peer;
  readonly localAddress: string;
}

/** From a worker, over its link; `id` is the transfer's. */
export type FromWorker =
  /** The socket is bound: ask the listeners. */
  | {
      readonly kind: "opened";
      readonly id: number;
      readonly localAddress: string;
      readonly localPort: number;
    }
  /** GET from a listener: send bytes up to here. */
  | { readonly kind: "want"; readonly id: number; readonly uptoBytes: number }
  /** PUT to a listener: bytes, transferred. */
  | { readonly kind: "data"; readonly id: number; readonly bytes: Uint8Array }
  /** PUT to a listener: that was all. */
  | { readonly kind: "finish"; readonly id: number }
  | CompletedReport
  | FailedReport
  | EndedReport
  | HeardReport
  /** A datagram that was delivered has been dealt with. */
  | { readonly kind: "delivered"; readonly id: number }
  /** The settings, or sockets, of this id hold from now on. */
  | { readonly kind: "configured"; readonly id: number }
  /** A handler threw, or rejected, the transfer is failed separately; or the worker lacks something. */
  | { readonly kind: "worker-error"; readonly id: number; readonly error: ClonedError };

/** To a worker, over its link. */
export type ToWorker =
  | {
      readonly kind: "serve-files";
      readonly id: number;
      readonly root: string;
      readonly userExtensions: ReadonlyMap<string, string>;
    }
  /** Somebody reads along. */
  | { readonly kind: "copy-upload"; readonly id: number }
  /** A listener answers a GET with this many bytes. */
  | {
      readonly kind: "send";
      readonly id: number;
      readonly sizeBytes: number;
      readonly userExtensions: ReadonlyMap<string, string>;
    }
  /** GET: bytes, transferred; never more than was wanted. */
  | { readonly kind: "data"; readonly id: number; readonly bytes: Uint8Array; readonly ended: boolean }
  /** A listener takes a PUT. */
  | {
      readonly kind: "receive";
      readonly id: number;
      readonly userExtensions: ReadonlyMap<string, string>;
    }
  /** PUT: the listener has taken so many bytes more. */
  | { readonly kind: "consumed"; readonly id: number; readonly bytes: number }
  /** PUT: the listener has all of it. */
  | { readonly kind: "stored"; readonly id: number }
  | { readonly kind: "store-failed"; readonly id: number; readonly failure: StorageFailure["kind"] }
  | { readonly kind: "repeat"; readonly id: number }
  | { readonly kind: "abort"; readonly id: number; readonly errorCode: number; readonly message: string }
  | { readonly kind: "close"; readonly id: number }
  /** On a single port: a datagram of the transfer's client that another worker heard. */
  | { readonly kind: "deliver"; readonly id: number; readonly bytes: Uint8Array }
  /** So much of what was `heard` has been looked at. */
  | {
      readonly kind: "settled";
      readonly id: typeof NO_TRANSFER;
      readonly count: number;
      readonly bytes: number;
    }
  /** On a single port: hear these sockets and no others. The id comes back in `configured`. */
  | { readonly kind: "join"; readonly id: number; readonly members: readonly GroupMember[] }
  /** For all transfers to come. The id is no transfer's: it comes back in `configured`. */
  | { readonly kind: "configure"; readonly id: number; readonly settings: ServerSettings };

/** An Error as plain data: structured cloning drops `code` and its like. */
export interface ClonedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly details: Readonly<Record<string, string | number>>;
}

/** A {@link TransferFailure} whose `cause` is plain data. */
export type ClonedFailure = Cloned<TransferFailure>;

type Cloned<F> = F extends { readonly cause: Error } ? Omit<F, "cause"> & { readonly cause: ClonedError } : F;

export function cloneError(error: unknown): ClonedError {
  if (!(error instanceof Error))
    return { name: "Error", message: String(error), stack: undefined, details: {} };
  const details: Record<string, string | number> = {};
  for (const key of ["code", "errno", "syscall", "path"] as const) {
    const value = (error as NodeJS.ErrnoException)[key];
    if (typeof value === "string" || typeof value === "number") details[key] = value;
  }
  return { name: error.name, message: error.message, stack: error.stack, details };
}

export function reviveError(cloned: ClonedError): Error {
  const error = new Error(cloned.message);
  if (cloned.stack !== undefined) error.stack = cloned.stack;
  if (cloned.name !== "Error") error.name = cloned.name;
  return Object.assign(error, cloned.details);
}

export function cloneFailure(failure: TransferFailure): ClonedFailure {
  return "cause" in failure ? { ...failure, cause: cloneError(failure.cause) } : failure;
}

export function reviveFailure(cloned: ClonedFailure): TransferFailure {
  return "cause" in cloned ? { ...cloned, cause: reviveError(cloned.cause) } : cloned;
}
