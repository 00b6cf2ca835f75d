import { DALLY_MARGIN_MS, DALLY_TIMEOUT_MS_MIN, LAST_ACK_AGAIN_MS } from "./constants.js";
import { type ClientTransferConfig, isCurlUpload, type ServerTransferConfig } from "./transfer-config.js";

/** The stay of a receiver after its last ACK, to repeat it for a sender that missed it (RFC 1350 §6). */
export class Dally {
  /** Absolute time of its end, `Infinity` before it has begun. */
  endMs = Number.POSITIVE_INFINITY;
  /** When the last ACK leaves again without being asked for; `Infinity`: never. */
  againAtMs = Number.POSITIVE_INFINITY;
  #stayMs = 0;
  #limitMs = 0;
  #againPauseMs = LAST_ACK_AGAIN_MS;

  /**
   * Lasts for the time-out of the sender, the one agreed or a usual one, and a margin, where nobody has decided
   * otherwise. However often the sender repeats itself, it is over with the patience for a silent peer.
   */
  begin(nowMs: number, policy: ClientTransferConfig | ServerTransferConfig, timeoutMs: number): void {
    this.#stayMs = policy.dallyMs ?? Math.max(DALLY_TIMEOUT_MS_MIN, timeoutMs) + DALLY_MARGIN_MS;
    this.#limitMs = nowMs + Math.max(this.#stayMs, timeoutMs * (policy.retries + 1));
    this.endMs = nowMs + this.#stayMs;
    // A sender that asks too late hears it a few times by itself.
    if (isCurlUpload(policy)) this.againAtMs = nowMs + this.#againPauseMs;
  }

  /** The sender repeated its last block: it may miss this answer, too. */
  renew(nowMs: number): void {
    this.endMs = Math.min(nowMs + this.#stayMs, this.#limitMs);
  }

  /** The sender has gone. */
  noteGone(): void {
    this.againAtMs = Number.POSITIVE_INFINITY;
  }

  /** The last ACK left unasked. */
  noteAgain(nowMs: number): void {
    this.#againPauseMs *= 2;
    this.againAtMs = nowMs + this.#againPauseMs;
  }
}
