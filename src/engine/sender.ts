import { fromWireBlock } from "./block-number.js";
import {
  CHANCE_BLOCKS_MAX,
  DUPLICATE_ACK_AGE_MS_MIN,
  DUPLICATE_ACK_AGE_RTT,
  DUPLICATE_ACK_FLIGHTS,
  ECHO_CREDIT_MAX,
  ECHO_PAUSE_MS_MIN,
  ECHO_PAUSE_RTT,
  PACE_MS,
  PACE_RECOVERY_WINDOWS,
} from "./constants.js";
import type { TransferParameters } from "./negotiation.js";
import type { Outbox } from "./outbox.js";
import type { Retransmission } from "./retransmission.js";

/**
 * The side that sends DATA, client (PUT) or server (GET) alike.
 *
 * ```
 *   1 .. base            base+1 .. next-1         next .. base+windowSize
 *   acknowledged         in flight                may be sent when the store has them
 * ```
 * - An ACK within the flight slides the window to it and sending goes on behind it (RFC 7440 §4): if it names
 *   not the last block sent, the rest of the flight counts as lost; at once, or a moment later, see `#mayBeEcho`.
 * - An ACK of what is acknowledged already sends nothing (RFC 1123 §4.2.3.1), with one exception, see
 *   `#resendsForDuplicate`.
 * - A window whose tail got lost (silence, not a gap) may have drowned its receiver. It is repeated in parts with a
 *   pause between them. So is what follows, until whole windows arrive again, unless it looks like a loss by chance:
 *   see `#judgeLoss`.
 * - The timer runs only while the receiver owes an ACK: when a window is full, or the last block is out, and nothing
 *   is due before.
 */
export class Sender {
  readonly #parameters: TransferParameters;
  readonly #timer: Retransmission;
  readonly #out: Outbox;

  #started = false;
  #base = 0;
  #next = 1;
  #highestSent = 0;
  #availableBytes = 0;
  #lastBlock = Number.POSITIVE_INFINITY;
  /** When the newest blocks left for the first time, for round-trip samples (Karn: first transmissions only). */
  #newestSentMs = 0;
  /** The first of those that left together then. */
  #newestFirst = 0;
  #highestRetransmitted = 0;
  /** When the oldest block in flight left last. */
  #flightSentMs = 0;
  /** Flights since a duplicate ACK was believed. */
  #flightsSinceDuplicate = DUPLICATE_ACK_FLIGHTS;
  /** Blocks that leave at once; at least a window while nothing is wrong. */
  #burst = Number.POSITIVE_INFINITY;
  #cleanWindows = 0;
  /** The burst before a time-out that may be a loss by chance, and the last block of its flight; 0: none is judged. */
  #burstBefore = 0;
  #lostFlightEnd = 0;
  /** A window arrived as a whole since the last time-out. */
  #hasArrivedWhole = true;
  #paceAtMs = Number.POSITIVE_INFINITY;
  /** ACKs of repeated blocks that are believed at once: how many are left, and how many there were. */
  #credit = 0;
  #creditGiven = 0;
  /** When the rest of the flight counts as lost, unless more of it is acknowledged before. */
  #goBackAtMs = Number.POSITIVE_INFINITY;

  constructor(parameters: TransferParameters, timer: Retransmission, out: Outbox) {
    this.#parameters = parameters;
    this.#timer = timer;
    this.#out = out;
  }

  /** The last block was acknowledged. */
  get done(): boolean {
    return this.#base >= this.#lastBlock;
  }

  /** All blocks left at least once and only the ACK of the last is missing. */
  get awaitsLastAck(): boolean {
    return this.#highestSent >= this.#lastBlock;
  }

  /** True once any DATA was acknowledged. */
  get hasProgressed(): boolean {
    return this.#base > 0;
  }

  /** When the next part of a window may leave, or what may be lost leaves again; Infinity while nothing waits. */
  get dueAtMs(): number {
    return Math.min(this.#paceAtMs, this.#goBackAtMs);
  }

  /** The pause is over: what was due leaves. */
  handleDue(nowMs: number): void {
    if (nowMs < this.#goBackAtMs) {
      this.#pump(nowMs);
      return;
    }
    this.#creditGiven = Math.min(ECHO_CREDIT_MAX, Math.max(1, 2 * this.#creditGiven));
    this.#credit = this.#creditGiven;
    this.#goBack(nowMs);
  }

  /** The receiver is ready: sends what the store has, asks it for more. Nothing leaves before. */
  start(nowMs: number): void {
    this.#started = true;
    this.#want();
    this.#pump(nowMs);
  }

  /** The store has more. */
  handleAvailable(availableBytes: number, ended: boolean, nowMs: number): void {
    this.#availableBytes = availableBytes;
    // A last block is always shorter than blockSize; a file of whole blocks ends with an empty one.
    if (ended) this.#lastBlock = Math.floor(availableBytes / this.#parameters.blockSize) + 1;
    this.#pump(nowMs);
  }

  /** Returns true when the ACK acknowledged something new. */
  handleAck(wireBlock: number, nowMs: number): boolean {
    const { rollover, blockSize } = this.#parameters;
    // Up to all that ever left: a repeated window goes out in parts, and the receiver may hold the rest of it.
    const acked = fromWireBlock(wireBlock, this.#base, this.#highestSent, rollover);
    if (acked < 0) {
      this.#out.counters.duplicatesReceived++;
      return false;
    }
    if (acked === this.#base) {
      this.#out.counters.duplicatesReceived++;
      if (this.#resendsForDuplicate(nowMs)) {
        this.#flightsSinceDuplicate = 0;
        this.#goBack(nowMs);
      }
      return false;
    }
    this.#judgeLoss(acked);
    // Whichever block an ACK names has arrived; it tells the round trip if it left once and with the newest.
    const clean = acked >= this.#newestFirst && acked > this.#highestRetransmitted;
    this.#timer.progress(clean ? nowMs - this.#newestSentMs : -1);
    if (clean && acked === this.#highestSent) this.#speedUp();
    this.#base = acked;
    const isWhole = acked >= this.#next - 1;
    if (isWhole && this.#goBackAtMs !== Number.POSITIVE_INFINITY) this.#creditGiven = 0;
    const isDoubtful = !isWhole && this.#mayBeEcho(acked);
    this.#goBackAtMs = isDoubtful ? nowMs + this.#echoPauseMs() : Number.POSITIVE_INFINITY;
    if (!isDoubtful) this.#next = acked + 1;
    this.#flightsSinceDuplicate++;
    const ackedBytes = Math.min(acked * blockSize, this.#availableBytes);
    this.#out.counters.transferredBytes = ackedBytes;
    this.#out.release(ackedBytes);
    if (!this.done) {
      this.#want();
      this.#pump(nowMs);
    }
    return true;
  }

  /** Sends the flight again from the first unacknowledged block, in smaller parts. */
  handleTimeout(nowMs: number): void {
    const flight = this.#next - 1 - this.#base;
    this.#burstBefore = this.#hasArrivedWhole ? this.#burst : 0;
    this.#lostFlightEnd = this.#next - 1;
    this.#hasArrivedWhole = false;
    this.#burst = Math.max(1, Math.ceil(Math.min(this.#burst, flight) / 2));
    this.#cleanWindows = 0;
    this.#goBack(nowMs);
  }

  /**
   * An ACK of `base` may say that the receiver saw a gap right at the start of the flight. It is believed with
   * windows only, when it comes no sooner than such news can travel (a mere duplicate of the ACK that opened the
   * window arrives earlier), and once in {@link DUPLICATE_ACK_FLIGHTS}.
   */
  #resendsForDuplicate(nowMs: number): boolean {
    const { windowSize } = this.#parameters;
    if (windowSize === 1 || this.#next === this.#base + 1) return false;
    if (this.#flightsSinceDuplicate < DUPLICATE_ACK_FLIGHTS) return false;
    if (this.#timer.smoothedMs < 0) return false;
    const ageMs = Math.max(DUPLICATE_ACK_AGE_MS_MIN, this.#timer.smoothedMs * DUPLICATE_ACK_AGE_RTT);
    return nowMs - this.#flightSentMs >= ageMs;
  }

  /**
   * An ACK inside the flight that names a repeated block may answer the first copy of it. A receiver that reports each
   * gap and each copy at once says so twice when blocks merely overtook one another; with the flight repeated for both,
   * it gets copies again, and reports these: every window would leave twice until the file ends.
   *
   * So such an ACK only slides the window, and the rest counts as lost if nothing more is acknowledged in a moment. Then it
   * was a loss, and the next ones of the sort are believed at once: one, then two, up to {@link ECHO_CREDIT_MAX}, as a
   * receiver without room for a window loses a part of each flight. That begins anew when a flight is acknowledged as a
   * whole while it is doubted.
   */
  #mayBeEcho(acked: number): boolean {
    if (acked > this.#highestRetransmitted) return false;
    if (this.#credit === 0) return true;
    this.#credit--;
    return false;
  }

  #echoPauseMs(): number {
    return Math.max(ECHO_PAUSE_MS_MIN, this.#timer.measuredMs * ECHO_PAUSE_RTT);
  }

  /**
   * The first ACK after a time-out says how much of the flight had not arrived. A block or two, or just the ACK: that is
   * what chance takes, and windows go on as before. More: the receiver has no room for a window. It may be
   * unable to say so, but then the next window is lost as well; so chance is believed once between whole windows.
   */
  #judgeLoss(acked: number): void {
    if (this.#burstBefore > 0 && this.#lostFlightEnd - acked <= CHANCE_BLOCKS_MAX)
      this.#burst = this.#burstBefore;
    this.#burstBefore = 0;
  }

  #speedUp(): void {
    this.#hasArrivedWhole = true;
    if (this.#burst >= this.#parameters.windowSize || ++this.#cleanWindows < PACE_RECOVERY_WINDOWS) return;
    this.#cleanWindows = 0;
    this.#burst++;
  }

  #goBack(nowMs: number): void {
    this.#goBackAtMs = Number.POSITIVE_INFINITY;
    this.#next = this.#base + 1;
    this.#pump(nowMs);
  }

  #pump(nowMs: number): void {
    if (!this.#started) return;
    const { blockSize, windowSize } = this.#parameters;
    const windowEnd = Math.min(this.#base + windowSize, this.#lastBlock);
    const ready = Number.isFinite(this.#lastBlock)
      ? this.#lastBlock
      : Math.floor(this.#availableBytes / blockSize);
    const sendable = Math.min(windowEnd, ready);
    const last = Math.min(sendable, this.#next - 1 + this.#burst);
    if (last < this.#next) {
      // An ACK may jump over what was to leave in parts, to the end of what the store has.
      this.#paceAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    this.#sendUpTo(last, nowMs);
    this.#paceAtMs = last < sendable ? nowMs + PACE_MS : Number.POSITIVE_INFINITY;
    if (this.#goBackAtMs !== Number.POSITIVE_INFINITY) this.#timer.suspend();
    else if (last === windowEnd) this.#timer.arm(nowMs);
    else if (last < sendable) this.#timer.suspend();
    else this.#timer.disarm();
  }

  #sendUpTo(last: number, nowMs: number): void {
    const first = this.#next;
    const count = last - first + 1;
    this.#out.sendBlocks(first, count);
    const counters = this.#out.counters;
    counters.blocksSent += count;
    const repeated = Math.max(0, Math.min(last, this.#highestSent) - first + 1);
    if (repeated > 0) {
      counters.blocksRetransmitted += repeated;
      this.#highestRetransmitted = Math.max(this.#highestRetransmitted, first + repeated - 1);
    }
    if (last > this.#highestSent) {
      this.#newestFirst = this.#highestSent + 1;
      this.#highestSent = last;
      this.#newestSentMs = nowMs;
    }
    if (first === this.#base + 1) this.#flightSentMs = nowMs;
    this.#next = last + 1;
  }

  /** Two windows: the one that may go now, and the one that the next ACK opens. */
  #want(): void {
    const { blockSize, windowSize } = this.#parameters;
    this.#out.want((this.#base + 2 * windowSize) * blockSize);
  }
}
