import { consecutiveOnWire, fromWireBlock, toWireBlock } from "./block-number.js";
import { copyOf } from "./bytes.js";
import { encodeAck } from "./codec.js";
import {
  ACKS_AHEAD_BYTES_MAX,
  ACKS_AHEAD_MAX,
  CURL_REPETITION_MS_MIN,
  FLIGHT_BYTES_MAX,
  GAP_GRACE_MS_MAX,
  GAP_GRACE_MS_MIN,
  GAP_GRACE_RTT,
  RECEIVER_LATE_PAUSE_MS,
  RECEIVER_TRANSMISSIONS_MAX,
  REPEATED_FLIGHT_AGE_MS,
} from "./constants.js";
import type { AcksAhead } from "./effects.js";
import type { TransferParameters } from "./negotiation.js";
import type { Outbox } from "./outbox.js";
import type { Retransmission } from "./retransmission.js";

/**
 * The side that acknowledges, client (GET) or server (PUT) alike.
 *
 * Blocks go to the store strictly in order. Behind a gap, blocks of the same window are kept (up to
 * {@link FLIGHT_BYTES_MAX}) and used when the gap is filled; the sender hears of a gap once (RFC 7440 §4), a moment
 * after it showed.
 * ACKs leave when a window is complete, and the last one only after the store has finished, so that it means
 * "stored". While the store is saturated, ACKs wait: that is the backpressure TFTP has; but for those that a socket was
 * allowed in advance.
 */
export class Receiver {
  readonly #parameters: TransferParameters;
  readonly #timer: Retransmission;
  readonly #out: Outbox;
  readonly #echoMsMax: number;
  /** Blocks behind a gap by absolute index; copies, as datagrams are only borrowed. */
  readonly #kept = new Map<number, Uint8Array>();
  #keptBytes = 0;

  #delivered = 0;
  #acked = 0;
  #gapReportedAt = -1;
  #gapAtMs = Number.POSITIVE_INFINITY;
  #lastDelivered = false;
  #finished = false;
  #saturated = false;
  #ackHeldBack = false;
  #ackSentMs = -1;
  /** When the newest block that was new came. */
  #progressMs = 0;
  /** The newest ACK left once and nothing came before it that could answer it (Karn). */
  #ackIsClean = false;

  /** @param hearsEchoes - its sender repeats a block for each ACK of the one before (curl): for a second, that is no loss */
  constructor(parameters: TransferParameters, timer: Retransmission, out: Outbox, hearsEchoes: boolean) {
    this.#echoMsMax = hearsEchoes ? CURL_REPETITION_MS_MIN : 0;
    this.#parameters = parameters;
    this.#timer = timer;
    timer.silentTransmissionsMax = RECEIVER_TRANSMISSIONS_MAX;
    timer.latePauseMs = RECEIVER_LATE_PAUSE_MS;
    this.#out = out;
  }

  /** All blocks went to the store; it may still be at work. */
  get lastDelivered(): boolean {
    return this.#lastDelivered;
  }

  /** True once the first block is in. */
  get hasProgressed(): boolean {
    return this.#delivered > 0;
  }

  /** In lock-step, as long as the store has room and the file is long enough. @param expectedBytes - of the file */
  acksAhead(expectedBytes: number | null): AcksAhead | null {
    const { blockSize, windowSize, rollover } = this.#parameters;
    if (windowSize > 1 || this.#saturated || this.#lastDelivered) return null;
    const left = expectedBytes === null ? ACKS_AHEAD_BYTES_MAX : expectedBytes - this.#acked * blockSize;
    const most = Math.min(ACKS_AHEAD_MAX, Math.floor(Math.min(left, ACKS_AHEAD_BYTES_MAX) / blockSize));
    const next = this.#acked + 1;
    const count = consecutiveOnWire(next, most, rollover);
    return count > 0 ? { firstNumber: toWireBlock(next, rollover), count } : null;
  }

  /** When a gap is to be reported; Infinity while there is none, or it was reported already. */
  get gapAtMs(): number {
    return this.#gapAtMs;
  }

  /** The gap was not filled: the sender hears of it. */
  handleGap(nowMs: number): void {
    this.#gapAtMs = Number.POSITIVE_INFINITY;
    this.#gapReportedAt = this.#delivered;
    this.#acknowledge(nowMs);
  }

  /** Sends ACK 0 (the answer to a WRQ without options, or to an OACK) and waits for DATA 1. */
  start(nowMs: number): void {
    this.#sendAck(nowMs);
  }

  /** Waits for DATA 1 after an OACK, which stands for ACK 0. */
  startAfterOack(nowMs: number): void {
    this.#ackSentMs = nowMs;
    this.#ackIsClean = false;
    this.#timer.arm(nowMs);
  }

  /**
   * Takes a DATA packet. Returns false when it breaks the protocol: a block longer than negotiated.
   * @param isAcknowledged - its ACK has left, see {@link AcksAhead}
   */
  handleData(wireBlock: number, payload: Uint8Array, nowMs: number, isAcknowledged: boolean): boolean {
    const { blockSize, windowSize, rollover } = this.#parameters;
    if (!this.#lastDelivered) {
      const next = this.#delivered + 1;
      const blockIndex = fromWireBlock(wireBlock, next, this.#acked + windowSize, rollover);
      if (blockIndex >= 0) {
        // Behind a gap it may be a stray: only the block that is due condemns its sender.
        if (payload.length > blockSize) return blockIndex !== next;
        if (blockIndex === next) this.#accept(payload, nowMs, isAcknowledged);
        else this.#acceptBehindGap(blockIndex, payload, nowMs);
        return true;
      }
    }
    this.#handleDuplicate(wireBlock, nowMs);
    return true;
  }

  /** The store wants a pause: no ACK leaves until {@link handleDrained}. */
  handleSaturated(): void {
    this.#saturated = true;
  }

  handleDrained(nowMs: number): void {
    this.#saturated = false;
    if (!this.#ackHeldBack) return;
    this.#ackHeldBack = false;
    this.#sendAck(nowMs);
  }

  /** The store has finished: the last ACK may leave. */
  handleFinished(nowMs: number): void {
    this.#finished = true;
    this.#sendAck(nowMs);
    this.#timer.disarm();
  }

  /** For a sender that missed it, asked for or not. */
  repeatLastAck(): void {
    this.#out.send(encodeAck(toWireBlock(this.#delivered, this.#parameters.rollover)));
  }

  /** Names the newest block again to a sender whose DATA, or our ACK, was lost. */
  handleTimeout(nowMs: number): void {
    this.#acknowledge(nowMs);
  }

  #accept(payload: Uint8Array, nowMs: number, isAcknowledged: boolean): void {
    // Nobody knows when a block came that was acknowledged in advance: it gives no sample. After a loss the thread waits in
    // its loop for a while, and blocks do again.
    const sampleMs = this.#ackIsClean && !isAcknowledged ? nowMs - this.#ackSentMs : -1;
    this.#ackIsClean = false;
    this.#progressMs = nowMs;
    this.#timer.progress(sampleMs);
    this.#deliver(payload);
    while (!this.#lastDelivered) {
      const kept = this.#kept.get(this.#delivered + 1);
      if (kept === undefined) break;
      this.#kept.delete(this.#delivered + 1);
      this.#keptBytes -= kept.length;
      this.#deliver(kept);
    }
    this.#gapAtMs = Number.POSITIVE_INFINITY;
    if (this.#kept.size > 0 && !this.#lastDelivered) this.#watchGap(nowMs);
    if (this.#lastDelivered) {
      // The last ACK means "stored": one that was held back must not leave in its place when the store has room again.
      this.#ackHeldBack = false;
      this.#kept.clear();
      this.#out.finish();
    } else if (isAcknowledged) {
      this.#acked = this.#delivered;
      this.#timer.arm(nowMs);
    } else if (this.#delivered >= this.#acked + this.#parameters.windowSize) {
      this.#acknowledge(nowMs);
    } else {
      this.#timer.arm(nowMs);
    }
  }

  #deliver(payload: Uint8Array): void {
    this.#delivered++;
    const counters = this.#out.counters;
    counters.blocksReceived++;
    counters.transferredBytes += payload.length;
    if (payload.length > 0) this.#out.write(payload);
    if (payload.length < this.#parameters.blockSize) this.#lastDelivered = true;
  }

  #acceptBehindGap(blockIndex: number, payload: Uint8Array, nowMs: number): void {
    if (this.#kept.has(blockIndex)) {
      this.#out.counters.duplicatesReceived++;
    } else if (this.#keptBytes + payload.length <= FLIGHT_BYTES_MAX) {
      this.#kept.set(blockIndex, copyOf(payload));
      this.#keptBytes += payload.length;
    }
    this.#watchGap(nowMs);
  }

  /** Blocks wait behind a gap: it is reported in a moment, once. */
  #watchGap(nowMs: number): void {
    if (this.#gapReportedAt === this.#delivered || this.#gapAtMs !== Number.POSITIVE_INFINITY) return;
    const graceMs = Math.min(this.#timer.smoothedMs * GAP_GRACE_RTT, GAP_GRACE_MS_MAX);
    this.#gapAtMs = nowMs + Math.max(graceMs, GAP_GRACE_MS_MIN);
  }

  /**
   * A block that was delivered before. Two of them say that the sender repeats a flight, and gets an answer: the
   * block that the newest ACK names (its sender missed that ACK), and the first block behind it, after a
   * pause (its sender does not know how much of the window is here). Any other duplicate is the network's and stays unanswered.
   */
  #handleDuplicate(wireBlock: number, nowMs: number): void {
    this.#out.counters.duplicatesReceived++;
    const { rollover } = this.#parameters;
    const missedAck = this.#acked > 0 && wireBlock === toWireBlock(this.#acked, rollover);
    const repeatedFlight =
      this.#delivered > this.#acked &&
      wireBlock === toWireBlock(this.#acked + 1, rollover) &&
      nowMs - this.#progressMs >= REPEATED_FLIGHT_AGE_MS;
    if (!missedAck && !repeatedFlight) return;
    if (nowMs - this.#progressMs < this.#echoMsMax) return;
    if (this.#finished) this.repeatLastAck();
    else if (!this.#lastDelivered) this.#acknowledge(nowMs);
  }

  #acknowledge(nowMs: number): void {
    if (this.#saturated) {
      this.#ackHeldBack = true;
      this.#timer.disarm();
    } else {
      this.#sendAck(nowMs);
    }
  }

  #sendAck(nowMs: number): void {
    this.#ackIsClean = this.#ackSentMs < 0 || this.#acked !== this.#delivered;
    this.#ackSentMs = nowMs;
    this.#acked = this.#delivered;
    this.#out.send(encodeAck(toWireBlock(this.#acked, this.#parameters.rollover)));
    this.#timer.arm(nowMs);
  }
}
