import { errorTexts, TftpError } from "../errors.js";
import type { BlockSink, SinkHandlers } from "../io/storage.js";

/**
 * A sink that takes so many bytes and no more: a server that sends without end, or another file than was meant, ends
 * the transfer, and nothing of it stays.
 */
export class LimitedSink implements BlockSink {
  readonly #inner: BlockSink;
  #bytesLeft: number;
  #handlers: SinkHandlers | null = null;

  /** @param announcedBytes - what the server says that the file has, if it does */
  constructor(inner: BlockSink, bytesMax: number, announcedBytes: number | null) {
    this.#inner = inner;
    // Told at the first block: there is no need to fetch all that fits.
    this.#bytesLeft = (announcedBytes ?? 0) > bytesMax ? -1 : bytesMax;
  }

  attach(handlers: SinkHandlers): void {
    this.#handlers = handlers;
    this.#inner.attach(handlers);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#handlers === null) return true;
    if (bytes.length <= this.#bytesLeft) {
      this.#bytesLeft -= bytes.length;
      return this.#inner.write(bytes);
    }
    const handlers = this.#handlers;
    this.#handlers = null;
    // Not within the call: the caller is about to acknowledge, and to be told that this was in vain.
    const cause = new TftpError(errorTexts.EFBIG, { code: "EFBIG" });
    queueMicrotask(() => handlers.onFailure({ kind: "disk-full", cause }));
    return false;
  }

  finish(): void {
    if (this.#handlers !== null) this.#inner.finish();
  }

  discard(): void {
    this.#handlers = null;
    this.#inner.discard();
  }
}
