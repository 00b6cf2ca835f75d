import { copyOf } from "./bytes.js";
import type { Outbox } from "./outbox.js";
import type { Retransmission } from "./retransmission.js";

/**
 * The packet that opens a transfer, a client's request or a server's OACK, until the peer answers it: how it is
 * repeated, and what its answer tells of the round trip.
 */
export class Opening {
  readonly #packet: Uint8Array;
  readonly #reminder: Uint8Array;
  readonly #timer: Retransmission;
  readonly #out: Outbox;
  #sentMs = 0;
  /** It left once (Karn). */
  #isClean = true;

  /** @param reminder - what a peer gets that says nothing */
  constructor(packet: Uint8Array, reminder: Uint8Array, timer: Retransmission, out: Outbox) {
    this.#packet = packet;
    this.#reminder = reminder;
    this.#timer = timer;
    this.#out = out;
  }

  send(nowMs: number): void {
    this.#transmit(this.#packet, nowMs);
  }

  /** The peer repeated what was answered by it. */
  repeat(nowMs: number): void {
    this.#isClean = false;
    this.#transmit(this.#packet, nowMs);
  }

  /** Nothing came. */
  remind(nowMs: number): void {
    this.#isClean = false;
    this.#transmit(this.#reminder, nowMs);
  }

  /** The round trip of an answer that comes now, or -1: nobody knows which copy it answers. */
  sampleMs(nowMs: number): number {
    return this.#isClean ? nowMs - this.#sentMs : -1;
  }

  #transmit(packet: Uint8Array, nowMs: number): void {
    this.#out.send(copyOf(packet));
    this.#sentMs = nowMs;
    this.#timer.arm(nowMs);
  }
}
