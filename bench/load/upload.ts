import { DONE, Exchange, type Outlet, WIRE_NUMBERS, type Wish } from "./exchange.js";
import type { Tally } from "./tally.js";

/** A PUT. */
export class Upload extends Exchange {
  readonly #content: Uint8Array;
  /** Blocks that the server has, absolute. */
  #acknowledged = 0;
  /** Blocks that were sent, absolute. */
  #sent = 0;
  #isAcceptedByOptions = false;

  constructor(wish: Wish, outlet: Outlet, tally: Tally, content: Uint8Array) {
    super(wish, outlet, tally);
    this.#content = content;
  }

  protected get request() {
    return { method: "PUT", sizeBytes: this.#content.length } as const;
  }

  protected onAccepted(): void {
    if (this.#isAcceptedByOptions) {
      this.tally.duplicates++;
      return;
    }
    this.#isAcceptedByOptions = true;
    this.#sendWindow();
  }

  protected onData(): void {
    this.tally.strays++;
  }

  protected onAck(wireBlock: number): void {
    if (!this.answered && wireBlock === 0) {
      // A server without options.
      this.answered = true;
      this.progress++;
      this.#sendWindow();
      return;
    }
    const ahead = (wireBlock - this.#acknowledged) & (WIRE_NUMBERS - 1);
    if (ahead === 0 || ahead > this.#sent - this.#acknowledged) {
      // An ACK again is no reason to send again (RFC 1123 §4.2.3.1): the time-out is.
      this.tally.duplicates++;
      return;
    }
    const blockBytes = this.blockSize;
    const before = Math.min(this.#acknowledged * blockBytes, this.#content.length);
    this.#acknowledged += ahead;
    this.tally.bytes += Math.min(this.#acknowledged * blockBytes, this.#content.length) - before;
    this.progress++;
    if (this.#acknowledged === this.#blocks) this.outcome = DONE;
    else this.#sendWindow();
  }

  protected repeatLast(): void {
    this.#sendWindow();
  }

  /** A last block that is shorter, if only by all its bytes, says the end. */
  get #blocks(): number {
    return Math.floor(this.#content.length / this.blockSize) + 1;
  }

  /** The window behind what is acknowledged: also after a gap, which the server tells by an early ACK. */
  #sendWindow(): void {
    const end = Math.min(this.#acknowledged + this.windowSize, this.#blocks);
    for (let block = this.#acknowledged + 1; block <= end; ) {
      const wireBlock = block % WIRE_NUMBERS;
      const count = Math.min(end - block + 1, WIRE_NUMBERS - wireBlock);
      const offset = (block - 1) * this.blockSize;
      const payload = this.#content.subarray(offset, offset + count * this.blockSize);
      this.outlet.sendBlocks(wireBlock, count, this.blockSize, payload);
      block += count;
    }
    this.#sent = Math.max(this.#sent, end);
  }
}
