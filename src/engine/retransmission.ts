import {
  BACKOFF_FACTOR,
  BACKOFF_FACTOR_FIRST,
  DOUBTFUL_ANSWERS_MAX,
  SILENT_TRANSMISSIONS_MAX,
  UNPROVEN_BACKOFF_FACTOR,
  UNPROVEN_TRANSMISSIONS_MAX,
} from "./constants.js";

/** How one side retransmits. */
export interface RetransmissionPolicy {
  /** Longest pause. */
  readonly timeoutMs: number;
  /** The pause while no round trip is known. */
  readonly initialPauseMs: number;
  /** Whole time-outs that may pass without progress beyond the first. */
  readonly retries: number;
  /** Shortest pause. */
  readonly floorMs: number;
  /** The peer has shown no sign of life yet, its address may be forged: few, slow repetitions. */
  readonly unproven: boolean;
}

/**
 * The retransmission timer of one transfer: adaptive time-out (RFC 6298), Karn's rule by its caller (who only
 * reports clean samples), back-off, and the point where it gives up.
 *
 * Two clocks run at once. The short one repeats a packet soon after a loss: smoothed round trip and variance,
 * growing by {@link BACKOFF_FACTOR_FIRST}, then {@link BACKOFF_FACTOR}, up to `timeoutMs`. The long one decides about failure by time alone:
 * `timeoutMs * (retries + 1)` without progress, as npm `tftp` does, so that quick repetitions on a fast network
 * never shorten the patience with a link that is away for seconds.
 */
export class Retransmission {
  /** Transmissions of one thing to a peer that says nothing; null: by the policy. */
  silentTransmissionsMax: number | null = null;
  /** The pause behind these; Infinity: there is no further one. */
  latePauseMs = Number.POSITIVE_INFINITY;

  /** Absolute time of the next time-out, `Infinity` when not armed. */
  deadlineMs = Number.POSITIVE_INFINITY;

  // A policy's values lie here and not behind a reference: see the Outbox.
  #timeoutMs: number;
  readonly #initialPauseMs: number;
  readonly #retries: number;
  readonly #floorMs: number;
  #unproven: boolean;
  #smoothedMs = -1;
  #varianceMs = 0;
  /** The only sample so far is the handshake's. */
  #isProvisional = false;
  #pauseMs: number;
  #waitingSinceMs = -1;
  #transmissions = 0;
  /** Time-outs in a row since the peer moved on. */
  #expiries = 0;
  /** Answers since the last clean sample that came after a time-out: to the first copy or to a later one? */
  #doubtfulAnswers = 0;

  constructor(policy: RetransmissionPolicy) {
    this.#timeoutMs = policy.timeoutMs;
    this.#initialPauseMs = policy.initialPauseMs;
    this.#retries = policy.retries;
    this.#floorMs = policy.floorMs;
    this.#unproven = policy.unproven;
    this.#pauseMs = this.#firstPauseMs();
  }

  /** Smoothed round trip in ms, or -1 while none was measured. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  /** The same, or -1 while only the handshake told of it, which may have taken longer. */
  get measuredMs(): number {
    return this.#isProvisional ? -1 : this.#smoothedMs;
  }

  /** Replaces the longest pause (a negotiated `timeout` option). */
  setTimeoutMs(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#pauseMs = this.#firstPauseMs();
  }

  /**
   * Something was sent that the peer has to answer. Keeps a running wait for progress going.
   * @param pauseMsMin - it has so much time, whatever was measured
   */
  arm(nowMs: number, pauseMsMin = 0): void {
    if (this.#waitingSinceMs < 0) this.#waitingSinceMs = nowMs;
    this.#transmissions++;
    const quiet = this.#transmissions >= this.#transmissionsMax;
    const latePauseMs = this.#unproven ? Number.POSITIVE_INFINITY : this.latePauseMs;
    const pauseMs = Math.max(quiet ? latePauseMs : this.#pauseMs, pauseMsMin);
    this.deadlineMs = Math.min(nowMs + pauseMs, this.#giveUpMs());
  }

  /**
   * Something came from the peer, be it no progress: it is there, and worth further transmissions. Patience with it
   * does not grow.
   */
  heard(nowMs: number): void {
    if (this.#unproven || this.deadlineMs === Number.POSITIVE_INFINITY) return;
    const wasQuiet = this.#transmissions >= this.#transmissionsMax;
    this.#transmissions = Math.min(this.#transmissions, 1);
    if (wasQuiet) this.deadlineMs = Math.min(nowMs + this.#pauseMs, this.#giveUpMs());
  }

  /** It is our turn (or our store's): the peer is not waited for, and is not to blame for the time. */
  disarm(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#waitingSinceMs = -1;
    this.#transmissions = 0;
  }

  /** More is to be sent before the peer owes an answer; patience with it goes on. */
  suspend(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /**
   * The peer moved on: patience starts afresh, and an unproven peer is proven.
   *
   * The back-off ends with a clean sample (RFC 6298 §5.7): where the round trip has outgrown the time-out, every
   * packet is repeated before its answer comes, no sample is ever clean, and only the longer pause lets one through.
   * That shows in answers of which each had to be asked for again; a single one of that sort tells of a mere loss,
   * and the next loss, by chance soon after, must not cost the longer pause.
   * @param sampleMs - round trip measured on a packet that was sent only once, or -1
   * @param isProvisional - the sample holds more than the way there and back (a file was opened, a first answer was
   *   lost and repeated by its sender): it counts until there is a better one
   */
  progress(sampleMs: number, isProvisional = false): void {
    if (this.#unproven) {
      this.#unproven = false;
      this.#pauseMs = this.#firstPauseMs();
    }
    if (sampleMs >= 0) {
      this.#measure(sampleMs);
      this.#isProvisional = isProvisional;
      this.#pauseMs = this.#firstPauseMs();
      this.#doubtfulAnswers = 0;
    } else if (this.#expiries > 0 && ++this.#doubtfulAnswers <= DOUBTFUL_ANSWERS_MAX) {
      this.#pauseMs = this.#firstPauseMs();
    }
    this.#expiries = 0;
    this.disarm();
  }

  /** The deadline passed: time to give up (true), or to send again and {@link arm} (false). */
  expire(nowMs: number): boolean {
    if (nowMs >= this.#giveUpMs()) {
      this.deadlineMs = Number.POSITIVE_INFINITY;
      return true;
    }
    const factor = this.#backoffFactor();
    this.#expiries++;
    this.#pauseMs = Math.min(this.#pauseMs * factor, this.#timeoutMs);
    return false;
  }

  #backoffFactor(): number {
    if (this.#unproven) return UNPROVEN_BACKOFF_FACTOR;
    return this.#expiries === 0 ? BACKOFF_FACTOR_FIRST : BACKOFF_FACTOR;
  }

  get #transmissionsMax(): number {
    if (this.#unproven) return UNPROVEN_TRANSMISSIONS_MAX;
    return this.silentTransmissionsMax ?? Math.max(SILENT_TRANSMISSIONS_MAX, this.#retries + 1);
  }

  #giveUpMs(): number {
    return this.#waitingSinceMs + this.#timeoutMs * (this.#retries + 1);
  }

  #firstPauseMs(): number {
    if (this.#smoothedMs < 0) return Math.min(this.#timeoutMs, this.#initialPauseMs);
    return Math.min(this.#timeoutMs, Math.max(this.#floorMs, this.#smoothedMs + 4 * this.#varianceMs));
  }

  /** RFC 6298 §2.2 and §2.3. */
  #measure(sampleMs: number): void {
    if (this.#smoothedMs < 0 || this.#isProvisional) {
      this.#smoothedMs = sampleMs;
      this.#varianceMs = sampleMs / 2;
      return;
    }
    this.#varianceMs += (Math.abs(this.#smoothedMs - sampleMs) - this.#varianceMs) / 4;
    this.#smoothedMs += (sampleMs - this.#smoothedMs) / 8;
  }
}
