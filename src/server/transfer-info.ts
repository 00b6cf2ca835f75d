import { errorTexts, faultToError, TftpError } from "../errors.js";
import type { PlacedRequest, TransferFailure } from "./placement.js";

/** What is known of a transfer when it begins: the argument of `transferStart`. */
export interface TransferInfo {
  readonly method: "GET" | "PUT";
  /** The requested name, normalised. */
  readonly file: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The address that was asked. */
  readonly localAddress: string;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** How a transfer ended: the second argument of `transferEnd`. */
export interface TransferResult {
  /**
   * - `done`: all bytes arrived
   * - `probe`: the client only wanted to know the size, and refused the rest, as boot ROMs do: no failure
   * - `refused`: no such file, no permission, no space
   * - `failed`: anything else
   */
  readonly outcome: "done" | "probe" | "refused" | "failed";
  /** Why, unless all bytes arrived. */
  readonly error: Error | null;
  readonly durationMs: number;
}

export function toTransferInfo(request: PlacedRequest): TransferInfo {
  const { method, file, peer, localAddress } = request;
  return {
    method,
    file,
    remoteAddress: peer.address,
    remotePort: peer.port,
    localAddress,
    startedAtMs: Date.now(),
  };
}

export function toTransferResult(info: TransferInfo, failure: TransferFailure | null): TransferResult {
  const durationMs = Math.max(0, Date.now() - info.startedAtMs);
  if (failure === null) return { outcome: "done", error: null, durationMs };
  return { outcome: outcomeOf(info, failure), error: failureToError(failure), durationMs };
}

function outcomeOf(info: TransferInfo, failure: TransferFailure): TransferResult["outcome"] {
  if (failure.kind === "refused") return "refused";
  // A client that asks anew before any data moved has seen the size: its ERROR may be lost or on its way.
  const isEarly = (failure.kind === "peer-error" || failure.kind === "superseded") && failure.beforeData;
  return isEarly && info.method === "GET" ? "probe" : "failed";
}

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
