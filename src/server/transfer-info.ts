import { errorTexts, faultToError, TftpError } from "../errors.js";
import { toStorageFailure } from "../io/fs-failure.js";
import { processTimeMs } from "../io/process-time.js";
import type { StorageFailure } from "../io/storage.js";
import type { TransferInfo, TransferOutcome, TransferResult } from "../observe/records.js";
import type { PlacedRequest, TransferAccount, TransferFailure } from "./placement.js";

/** How a transfer's data ended, as its thread tells it. */
export interface TransferEnding {
  /** Null when all bytes arrived. */
  readonly failure: TransferFailure | null;
  readonly lastAckMissing: boolean;
  readonly account: TransferAccount;
}

/** A transfer in the books of the server. */
export interface BookedTransfer {
  readonly info: TransferInfo;
  /** On the clock of the process. */
  readonly admittedAtMs: number;
  readonly receivedAtMs: number;
}

/** Enters an admitted request into the books. */
export function bookTransfer(id: number, request: PlacedRequest): BookedTransfer {
  const { method, file, requestedFile, mode, peer, localAddress, offer, receivedAtMs } = request;
  const admittedAtMs = processTimeMs();
  const info: TransferInfo = {
    id,
    method,
    file,
    requestedFile,
    mode,
    remoteAddress: peer.address,
    remotePort: peer.port,
    localAddress,
    blockSize: offer.parameters.blockSize,
    windowSize: offer.parameters.windowSize,
    declaredBytes: method === "PUT" ? offer.declaredSizeBytes : null,
    waitedMs: admittedAtMs - receivedAtMs,
    startedAtMs: Date.now(),
  };
  return { info, admittedAtMs, receivedAtMs };
}

export function toTransferResult(booked: BookedTransfer, ending: TransferEnding): TransferResult {
  const { info, admittedAtMs, receivedAtMs } = booked;
  const { failure, account } = ending;
  const { firstAnswerAtMs } = account;
  const transferredBytes = arrivedBytes(info, ending);
  const durationMs = Math.max(0, account.endedAtMs - admittedAtMs);
  const isWhole = failure === null && info.method === "PUT";
  return {
    outcome: outcomeOf(info, ending),
    error: failure === null ? null : failureToError(failure),
    durationMs,
    firstAnswerMs: firstAnswerAtMs === null ? null : Math.max(0, firstAnswerAtMs - receivedAtMs),
    sizeBytes: account.sizeBytes ?? (isWhole ? transferredBytes : info.declaredBytes),
    transferredBytes,
    bytesPerSecond: durationMs > 0 ? (transferredBytes * 1000) / durationMs : 0,
    blocksSent: account.blocksSent,
    retransmissions: account.retransmissions,
    duplicates: account.duplicates,
    timeouts: account.timeouts,
    junk: account.junk,
  };
}

/** Without the last ACK, all that was sent counts: the client most likely has it, and the file is as long. */
function arrivedBytes({ mode }: TransferInfo, { lastAckMissing, account }: TransferEnding): number {
  const { sizeBytes, transferredBytes } = account;
  return lastAckMissing && mode === "octet" ? (sizeBytes ?? transferredBytes) : transferredBytes;
}

function outcomeOf({ method }: TransferInfo, ending: TransferEnding): TransferOutcome {
  const { failure, account, lastAckMissing } = ending;
  if (failure === null) return lastAckMissing ? "last-ack-missing" : "done";
  switch (failure.kind) {
    case "refused":
      return OUTCOME_OF_REFUSAL[failure.reason];
    case "storage":
      return outcomeOfStorage(toStorageFailure(failure.cause).kind);
    case "network":
      return PEER_GONE_CODES.has((failure.cause as NodeJS.ErrnoException).code ?? "")
        ? "peer-gone"
        : "network-error";
    case "timeout":
      return account.proven ? "peer-gone" : "timed-out";
    case "peer-error":
      return failure.beforeData && method === "GET" ? "probe" : "aborted-by-client";
    case "superseded":
      if (failure.by === "limit") return "evicted";
      // A client that asks anew before any data moved has seen the size: its ERROR may be lost or on its way.
      return failure.beforeData && method === "GET" ? "probe" : "superseded";
    case "violation":
      return "protocol-error";
    case "aborted":
      return "aborted";
    case "no-socket":
      return "no-socket";
    case "crashed":
      return "worker-crash";
  }
}

/** In the middle, what is no fault of the disk: it is full, or a file came that must not be replaced. */
function outcomeOfStorage(kind: StorageFailure["kind"]): TransferOutcome {
  return kind === "disk-full" || kind === "exists" ? OUTCOME_OF_REFUSAL[kind] : "disk-error";
}

const OUTCOME_OF_REFUSAL = {
  "not-found": "not-found",
  access: "denied",
  "disk-full": "disk-full",
  exists: "refused",
  changed: "disk-error",
  io: "disk-error",
} as const;

/** What the kernel says when nobody is there any more. */
const PEER_GONE_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
]);

/** The error that tells people here why a transfer failed. */
export function failureToError(failure: TransferFailure): Error {
  switch (failure.kind) {
    case "refused":
    case "no-socket":
    case "crashed":
    case "superseded":
      return failure.cause;
    case "aborted":
      return new TftpError(failure.message || errorTexts.EABORT, { code: "EABORT" });
    default:
      return faultToError(failure, "");
  }
}
