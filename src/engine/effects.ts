import type { TransferParameters } from "./negotiation.js";

/** What a transfer wants sent. */
export type Transmit =
  /** A whole small datagram. */
  | { readonly kind: "datagram"; readonly bytes: Uint8Array }
  /** DATA blocks `firstBlock .. firstBlock + count - 1`; the driver joins headers and file bytes. */
  | { readonly kind: "blocks"; readonly firstBlock: number; readonly count: number };

/**
 * DATA that a socket may acknowledge by itself, if it comes in order and full: `count` blocks from `firstNumber` on, which
 * is the one that the newest ACK asks for. The engine gets them a moment later, and is told that they were acknowledged.
 */
export interface AcksAhead {
  readonly firstNumber: number;
  readonly count: number;
}

/** What a transfer wants from its store. Byte offsets are positions in the stream of payload bytes. */
export type StorageCommand =
  /** Sender: bytes up to here will be needed. */
  | { readonly kind: "want"; readonly uptoBytes: number }
  /** Sender: bytes below are acknowledged and not needed again. */
  | { readonly kind: "release"; readonly uptoBytes: number }
  /** Receiver: the next bytes of the file; valid until the next input. */
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  /** Receiver: that was all; answer with `finished` once the file is safe. */
  | { readonly kind: "finish" };

/** What the store tells a transfer. */
export type StorageReply =
  /** Sender: `[0, availableBytes)` can be sent; `ended` when nothing follows. */
  | { readonly kind: "available"; readonly availableBytes: number; readonly ended: boolean }
  /** Receiver: no more, please: acknowledgements are held back until `drained`. */
  | { readonly kind: "saturated" }
  | { readonly kind: "drained" }
  /** Receiver: the file is stored under its final name. */
  | { readonly kind: "finished" }
  /** The store can't go on; the peer gets an ERROR with this code and text. */
  | { readonly kind: "failed"; readonly errorCode: number; readonly message: string; readonly cause: Error };

/** Names of what a peer can do wrong; npm `tftp`'s error names. */
export type ViolationName = "EBADMSG" | "EBADOP" | "EDENY" | "EFBIG" | "ESIZE";

/** Why a transfer ended without success. A value, never an exception. */
export type Fault =
  /** The peer sent an ERROR packet. `beforeData`: during the handshake, as size probes do. */
  | {
      readonly kind: "peer-error";
      readonly errorCode: number;
      readonly message: string;
      readonly beforeData: boolean;
    }
  /** The peer broke the protocol. */
  | { readonly kind: "violation"; readonly name: ViolationName; readonly detail: string }
  | { readonly kind: "timeout" }
  /** The caller aborted; `message` is what the peer was told. */
  | { readonly kind: "aborted"; readonly message: string }
  | { readonly kind: "storage"; readonly cause: Error }
  /** Nobody listens at the peer's TID any more, or what has to be sent can't be. */
  | { readonly kind: "network"; readonly cause: Error };

export type TransferEvent =
  /** Client: the first valid answer came; its sender's TID is the peer's from now on. */
  | { readonly kind: "answered" }
  /** Parameters are settled; comes before any data. Client only (a server knows them from the offer). */
  | {
      readonly kind: "negotiated";
      /** False when the server answered without options: everything is as in RFC 1350. */
      readonly oack: boolean;
      readonly parameters: TransferParameters;
      readonly sizeBytes: number | null;
      readonly userExtensions: ReadonlyMap<string, string>;
    }
  /**
   * All bytes have arrived. `lastAckMissing`: a sender gave up waiting for the very last ACK; the file was sent
   * whole and most likely is there.
   */
  | { readonly kind: "completed"; readonly lastAckMissing: boolean }
  | { readonly kind: "failed"; readonly fault: Fault }
  /** Nothing will be sent any more: sockets can be closed. Follows `completed` (after dallying) or `failed`. */
  | { readonly kind: "ended" };

/** Running totals of one transfer; only ever rise. */
export interface TransferCounters {
  /** Payload bytes of the file moved and (sender) acknowledged or (receiver) stored. */
  transferredBytes: number;
  blocksSent: number;
  blocksRetransmitted: number;
  blocksReceived: number;
  duplicatesReceived: number;
  timeouts: number;
  /** Datagrams of the peer that made no sense and changed nothing. */
  junkReceived: number;
}
