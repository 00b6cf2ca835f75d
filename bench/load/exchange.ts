import { decode, encodeError, encodeRequest, Opcode, type Option } from "../../src/engine/index.js";
import type { Tally } from "./tally.js";

/** How a transfer ended; `code` is null for a good end. */
export interface Outcome {
  readonly code: string | null;
  readonly message: string;
}

/** Where the packets of one transfer go. */
export interface Outlet {
  /** A small packet; the outlet's from the call on. */
  send(bytes: Uint8Array): void;
  /** DATA blocks with numbers from `firstWireBlock` on, `blockBytes` each but the last, which takes the rest. */
  sendBlocks(firstWireBlock: number, count: number, blockBytes: number, payload: Uint8Array): void;
}

/** What is asked for. */
export interface Wish {
  readonly fileName: string;
  readonly blockSize: number;
  readonly windowSize: number;
}

export const WIRE_NUMBERS = 65_536;

/** A good end. */
export const DONE: Outcome = { code: null, message: "" };

/**
 * One transfer as a client sees it, as little code per packet as possible: the generator must cost less than what it
 * measures. It shares the codec with the product and nothing else; windows, gaps and repetitions are its own.
 *
 * Packets come in by `handle`, time by `repeat`; what goes out goes to the outlet at once.
 */
export abstract class Exchange {
  /** Null while it runs. */
  outcome: Outcome | null = null;
  /** Whether the server has answered: from then on its TID is known. */
  answered = false;
  /** Grows whenever the server brings the transfer on. */
  progress = 0;
  protected blockSize = 512;
  protected windowSize = 1;

  protected readonly outlet: Outlet;
  protected readonly tally: Tally;
  readonly #wish: Wish;

  constructor(wish: Wish, outlet: Outlet, tally: Tally) {
    this.#wish = wish;
    this.outlet = outlet;
    this.tally = tally;
  }

  protected abstract get request(): { readonly method: "GET" | "PUT"; readonly sizeBytes: number };

  /** The server accepted; `options` are those of its OACK, or none where it knows none. */
  protected abstract onAccepted(options: readonly Option[]): void;
  protected abstract onData(bytes: Uint8Array, nowMs: number): void;
  protected abstract onAck(wireBlock: number): void;
  protected abstract repeatLast(): void;

  /** Sends the request. */
  start(): void {
    const { method, sizeBytes } = this.request;
    const { fileName, blockSize, windowSize } = this.#wish;
    const options: Option[] = [{ name: "tsize", value: String(sizeBytes) }];
    if (blockSize !== 512) options.push({ name: "blksize", value: String(blockSize) });
    if (windowSize !== 1) options.push({ name: "windowsize", value: String(windowSize) });
    this.outlet.send(encodeRequest({ method, fileName, mode: "octet", options }));
  }

  /** Takes a datagram of the peer. It is only looked at. */
  handle(bytes: Uint8Array, nowMs: number): void {
    const opcode = bytes.length >= 4 && bytes[0] === 0 ? bytes[1] : -1;
    if (opcode === Opcode.data) this.onData(bytes, nowMs);
    else if (opcode === Opcode.ack) this.onAck(((bytes[2] as number) << 8) | (bytes[3] as number));
    else this.#handleRare(bytes);
  }

  /** Nothing came for a while: what was said last is said again. */
  repeat(): void {
    this.tally.retransmissions++;
    if (this.answered) this.repeatLast();
    else this.start();
  }

  /** Ends it early, and tells the server, which would go on otherwise. */
  abandon(): void {
    if (this.answered) this.outlet.send(encodeError(0, "The load test is over"));
  }

  protected fail(code: string, message: string): void {
    this.outcome = { code, message };
    this.abandon();
  }

  #handleRare(bytes: Uint8Array): void {
    const packet = decode(bytes);
    if (packet.kind === "error") {
      this.outcome = { code: `ERROR ${packet.errorCode}`, message: packet.message };
    } else if (packet.kind === "oack") {
      if (this.answered) this.onAccepted([]);
      else this.#accept(packet.options);
    } else this.tally.strays++;
  }

  #accept(options: readonly Option[]): void {
    this.answered = true;
    this.progress++;
    for (const { name, value } of options) {
      if (name.toLowerCase() === "blksize") this.blockSize = Number(value);
      if (name.toLowerCase() === "windowsize") this.windowSize = Number(value);
    }
    const { blockSize, windowSize } = this.#wish;
    const isFine = this.blockSize >= 8 && this.blockSize <= blockSize && this.windowSize <= windowSize;
    if (isFine && this.windowSize >= 1) this.onAccepted(options);
    else this.fail("negotiation", "the OACK grants what was not asked for");
  }

  /** What both sides go by, for the report. */
  get granted(): { readonly blockSize: number; readonly windowSize: number } {
    return { blockSize: this.blockSize, windowSize: this.windowSize };
  }
}
