import { copyOf, equalBytes } from "./bytes.js";
import { encodeAck } from "./codec.js";
import {
  BLOCK_SIZE_DEFAULT,
  CURL_REPETITION_MS_MIN,
  FIRST_BLOCK_COMPARED_BLOCKS,
  SECOND_OACK_MARGIN_MS,
} from "./constants.js";
import type { Outbox } from "./outbox.js";
import type { Retransmission } from "./retransmission.js";
import type { ServerTransferConfig } from "./transfer-config.js";

/** The packet that opens a transfer, and how it is repeated. */
export interface OpeningPlan {
  readonly packet: Uint8Array;
  /** What a peer gets that says nothing. */
  readonly reminder: Uint8Array;
  /** The time that it has before, at least. */
  readonly reminderPauseMsMin: number;
  /** What the peer repeats sooner than so many ms behind the packet was on its way twice. */
  readonly repetitionMsMin: number;
  /** Behind a reminder, a DATA 1 of so many bytes may be the beginning of more. */
  readonly doubtfulBytes: number | null;
  /** Two DATA 1 that differ are the only sign of a block that was left out. */
  readonly comparesFirst: boolean;
}

/** The same packet again, whenever it is due or asked for. */
export function plainOpening(packet: Uint8Array): OpeningPlan {
  return {
    packet,
    reminder: packet,
    reminderPauseMsMin: 0,
    repetitionMsMin: 0,
    doubtfulBytes: null,
    comparesFirst: false,
  };
}

/**
 * A server's OACK. A second one makes an upload of curl's leave a block out, so it gets one only when it repeats its
 * request by itself. What may be missing otherwise is DATA 1, and an ACK 0 asks for that. But curl without an OACK takes
 * ACK 0 for a server without options: where that is not the same, it first gets the time for a repetition, and where
 * no size would tell, a DATA 1 of 512 bytes is not taken for the whole file.
 */
export function serverOpening(oack: Uint8Array, { offer, mode }: ServerTransferConfig): OpeningPlan {
  const { curlUploadTimeoutMs, declaredSizeBytes, parameters } = offer;
  if (curlUploadTimeoutMs === null) return plainOpening(oack);
  const isSameWithoutOptions = parameters.blockSize === BLOCK_SIZE_DEFAULT;
  const sizeTells = mode === "octet" && declaredSizeBytes !== null;
  return {
    packet: oack,
    reminder: encodeAck(0),
    reminderPauseMsMin: isSameWithoutOptions ? 0 : curlUploadTimeoutMs + SECOND_OACK_MARGIN_MS,
    // The network's copy, or one that crossed our answer.
    repetitionMsMin: Math.min(curlUploadTimeoutMs / 2, CURL_REPETITION_MS_MIN),
    doubtfulBytes: isSameWithoutOptions || sizeTells ? null : BLOCK_SIZE_DEFAULT,
    comparesFirst: !sizeTells,
  };
}

/**
 * The first packet of one side, a client's request or a server's OACK, until the peer answers it: sends and repeats it, and
 * knows what its answer tells of the round trip.
 */
export class Opening {
  readonly #plan: OpeningPlan;
  readonly #timer: Retransmission;
  readonly #out: Outbox;
  /** When the packet itself left. */
  #sentMs = 0;
  /** It left once, and nothing else (Karn). */
  #isClean = true;
  #hasReminded = false;
  #first: Uint8Array | null = null;

  constructor(plan: OpeningPlan, timer: Retransmission, out: Outbox) {
    this.#plan = plan;
    this.#timer = timer;
    this.#out = out;
  }

  send(nowMs: number): void {
    this.#sentMs = nowMs;
    this.#transmit(this.#plan.packet, nowMs);
  }

  /** The peer repeated what was answered by it. */
  repeat(nowMs: number): void {
    if (nowMs - this.#sentMs < this.#plan.repetitionMsMin) return;
    this.#isClean = false;
    this.send(nowMs);
  }

  /** Nothing came. */
  remind(nowMs: number): void {
    this.#isClean = false;
    this.#hasReminded = true;
    this.#transmit(this.#plan.reminder, nowMs);
  }

  /** The round trip of an answer that comes now, or -1: nobody knows which copy it answers. */
  sampleMs(nowMs: number): number {
    return this.#isClean ? nowMs - this.#sentMs : -1;
  }

  /** The peer may have answered the reminder alone, without knowing our packet: its DATA 1 is not what it seems. */
  makesDoubtful(payloadBytes: number): boolean {
    return this.#hasReminded && payloadBytes === this.#plan.doubtfulBytes;
  }

  /** This DATA 1 has other bytes than the one before: its sender went on in its file. */
  contradicts(payload: Uint8Array, blocksReceived: number): boolean {
    // Later, number 1 may be another block's.
    if (!this.#plan.comparesFirst || blocksReceived > FIRST_BLOCK_COMPARED_BLOCKS) return false;
    if (this.#first !== null) return !equalBytes(this.#first, payload);
    this.#first = copyOf(payload);
    return false;
  }

  #transmit(packet: Uint8Array, nowMs: number): void {
    this.#out.send(copyOf(packet));
    this.#timer.arm(nowMs, this.#plan.reminderPauseMsMin);
  }
}
