import type { Option } from "./codec.js";
import { RECEIVER_FLOOR_MS, RETRANSMIT_FLOOR_MS, SERVER_INITIAL_PAUSE_MS } from "./constants.js";
import type { Offer } from "./negotiation.js";
import type { RetransmissionPolicy } from "./retransmission.js";

/** What client and server transfers have in common. */
interface CommonConfig {
  readonly method: "GET" | "PUT";
  readonly mode: "octet" | "netascii";
  /** Longest pause between retransmissions, ms; a negotiated `timeout` option replaces it. */
  readonly timeoutMs: number;
  /** Whole time-outs without progress that are survived. */
  readonly retries: number;
  /** How long a receiver stays after its last ACK; default: half a second more than the time-out, or than 3 s. */
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

/** This side sends DATA; else it acknowledges. */
export function sendsData({ role, method }: ClientTransferConfig | ServerTransferConfig): boolean {
  return (method === "GET") === (role === "server");
}

/** @param timeoutMs - of the configuration, or what its offer says */
export function retransmissionPolicy(
  config: ClientTransferConfig | ServerTransferConfig,
  timeoutMs: number,
): RetransmissionPolicy {
  const isServer = config.role === "server";
  return {
    timeoutMs,
    initialPauseMs: isServer ? SERVER_INITIAL_PAUSE_MS : timeoutMs,
    retries: config.retries,
    floorMs: sendsData(config) ? RETRANSMIT_FLOOR_MS : RECEIVER_FLOOR_MS,
    unproven: isServer,
  };
}

/** The transfer of a server whose client looks like an uploading curl. */
export function isCurlUpload(config: ClientTransferConfig | ServerTransferConfig): boolean {
  return config.role === "server" && config.offer.curlUploadTimeoutMs !== null;
}
