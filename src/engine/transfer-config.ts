import type { Option } from "./codec.js";
import { SECOND_OACK_MARGIN_MS, SERVER_INITIAL_PAUSE_MS } from "./constants.js";
import type { Offer } from "./negotiation.js";

/** What client and server transfers have in common. */
interface CommonConfig {
  readonly method: "GET" | "PUT";
  readonly mode: "octet" | "netascii";
  /** Longest pause between retransmissions, ms; a negotiated `timeout` option replaces it. */
  readonly timeoutMs: number;
  /** Whole time-outs without progress that are survived. */
  readonly retries: number;
  /** How long a receiver stays after its last ACK; default: the time-out, at least 3 s. */
  readonly dallyMs?: number;
}

export interface ClientTransferConfig extends CommonConfig {
  readonly role: "client";
  /** The encoded request (see `encodeRequest`). */
  readonly request: Uint8Array;
  /** The options in it. */
  readonly options: readonly Option[];
  /** PUT: bytes to send, 0 for GET. */
  readonly putBytes: number;
}

export interface ServerTransferConfig extends CommonConfig {
  readonly role: "server";
  readonly offer: Offer;
}

/**
 * The longest pause of a transfer, and the one before anything was measured. Where a second OACK does harm, the client
 * first has the time to repeat its request: when it does not, it has the OACK, and an ACK 0 asks for DATA 1.
 */
export function pausesOf(config: ClientTransferConfig | ServerTransferConfig): {
  readonly timeoutMs: number;
  readonly initialPauseMs: number;
} {
  if (config.role === "client") return { timeoutMs: config.timeoutMs, initialPauseMs: config.timeoutMs };
  const { parameters, fatalSecondOack } = config.offer;
  const timeoutMs = parameters.timeoutMs ?? config.timeoutMs;
  if (!fatalSecondOack) return { timeoutMs, initialPauseMs: SERVER_INITIAL_PAUSE_MS };
  const patientMs = timeoutMs + SECOND_OACK_MARGIN_MS;
  return { timeoutMs: patientMs, initialPauseMs: patientMs };
}
