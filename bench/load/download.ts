import { encodeAck, type Option } from "../../src/engine/index.js";
import { DONE, Exchange, type Outlet, WIRE_NUMBERS, type Wish } from "./exchange.js";
import type { Tally } from "./tally.js";

/** An out-of-order block is answered again after this pause: one ACK per burst, not per block of it. */
const REPEATED_ACK_MS = 5;

/** A GET. */
export class Download extends Exchange {
  /** Last block that came in order, absolute. */
  #lastBlock = 0;
  #inWindow = 0;
  #bytes = 0;
  #sizeBytes = -1;
  #isGapTold = false;
  #toldAtMs = 0;
  readonly #expected: Uint8Array | null;

  /** @param expected - what the file has to hold; null: only its length is checked */
  constructor(wish: Wish, outlet: Outlet, tally: Tally, expected: Uint8Array | null) {
    super(wish, outlet, tally);
    this.#expected = expected;
  }

  protected get request() {
    return { method: "GET", sizeBytes: 0 } as const;
  }

  /** An OACK that is repeated has no options for us: its ACK got lost. */
  protected onAccepted(options: readonly Option[]): void {
    if (options.length === 0 && this.#lastBlock > 0) {
      this.tally.duplicates++;
      return;
    }
    for (const { name, value } of options) {
      if (name.toLowerCase() === "tsize") this.#sizeBytes = Number(value);
    }
    this.#acknowledge();
  }

  protected onData(bytes: Uint8Array, nowMs: number): void {
    const wireBlock = ((bytes[2] as number) << 8) | (bytes[3] as number);
    const ahead = (wireBlock - this.#lastBlock) & (WIRE_NUMBERS - 1);
    if (ahead !== 1) {
      this.#outOfOrder(ahead, nowMs);
      return;
    }
    const length = bytes.length - 4;
    if (length > this.blockSize) {
      this.fail("length", `a block of ${length} bytes`);
      return;
    }
    if (this.#expected !== null && !this.#matches(bytes, length)) return;
    this.answered = true;
    this.progress++;
    this.#isGapTold = false;
    this.#lastBlock++;
    this.#bytes += length;
    this.tally.bytes += length;
    const isLast = length < this.blockSize;
    if (++this.#inWindow >= this.windowSize || isLast) this.#acknowledge();
    if (isLast) this.#end();
  }

  protected onAck(): void {
    this.tally.strays++;
  }

  protected repeatLast(): void {
    this.#isGapTold = false;
    this.#acknowledge();
  }

  /** The server says something again after the end: its last ACK got lost. */
  dally(bytes: Uint8Array): void {
    this.tally.duplicates++;
    const wireBlock = ((bytes[2] as number) << 8) | (bytes[3] as number);
    if (bytes[1] === 3 && wireBlock === this.#lastBlock % WIRE_NUMBERS) this.#acknowledge();
  }

  /** RFC 7440 §4: the last block in order is acknowledged, and the sender goes on behind it. */
  #outOfOrder(ahead: number, nowMs: number): void {
    if (!this.answered) {
      this.tally.strays++;
      return;
    }
    const isRepeated = ahead === 0 || ahead > WIRE_NUMBERS / 2;
    if (isRepeated) this.tally.duplicates++;
    else this.tally.gaps++;
    const isDue = !this.#isGapTold || nowMs - this.#toldAtMs > REPEATED_ACK_MS;
    if (this.windowSize === 1 ? ahead !== 0 : !isDue) return;
    this.#isGapTold = true;
    this.#toldAtMs = nowMs;
    this.#acknowledge();
  }

  #acknowledge(): void {
    this.#inWindow = 0;
    this.outlet.send(encodeAck(this.#lastBlock % WIRE_NUMBERS));
  }

  #matches(bytes: Uint8Array, length: number): boolean {
    const expected = this.#expected as Uint8Array;
    const wanted = expected.subarray(this.#bytes, this.#bytes + length);
    // Both are views; Buffer.compare looks at the bytes without a copy.
    if (Buffer.compare(wanted, bytes.subarray(4)) === 0) return true;
    this.fail("content", `block ${this.#lastBlock + 1} is not what the file holds`);
    return false;
  }

  #end(): void {
    const wanted = this.#expected?.length ?? this.#sizeBytes;
    if (wanted >= 0 && wanted !== this.#bytes) {
      this.outcome = { code: "length", message: `${this.#bytes} bytes came, ${wanted} were expected` };
    } else this.outcome = DONE;
  }
}
