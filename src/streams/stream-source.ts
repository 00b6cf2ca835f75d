import { ByteQueue } from "../driver/byte-queue.js";
import type { BlockSource, SourceHandlers } from "../io/storage.js";

/**
 * A block source that a writer fills. Holds what may have to be retransmitted and what the next windows need;
 * a writer gets its callback when there is room for more.
 */
export class StreamSource implements BlockSource {
  readonly #queue = new ByteQueue();
  #handlers: SourceHandlers | null = null;
  #wantedBytes = 0;
  #ended = false;
  #written: (() => void) | null = null;

  /** Set by the owner when the size is announced. */
  sizeBytes: number | null = null;

  get availableBytes(): number {
    return this.#queue.endBytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  attach(handlers: SourceHandlers): void {
    this.#handlers = handlers;
  }

  /** Takes a copy of the chunk; `written` is called when the next one is wanted. One write at a time. */
  append(chunk: Uint8Array, written: () => void): void {
    this.#queue.append(chunk);
    this.#written = written;
    this.#handlers?.onAvailable();
    this.#callWriter();
  }

  /** No more chunks. */
  end(): void {
    this.#ended = true;
    this.#handlers?.onAvailable();
  }

  want(uptoBytes: number): void {
    this.#wantedBytes = Math.max(this.#wantedBytes, uptoBytes);
    this.#callWriter();
  }

  slice(offset: number, length: number): Uint8Array {
    return this.#queue.slice(offset, length);
  }

  release(uptoBytes: number): void {
    this.#queue.release(uptoBytes);
  }

  close(): void {
    this.#handlers = null;
    this.#queue.clear();
  }

  #callWriter(): void {
    const written = this.#written;
    if (written === null || this.#queue.endBytes >= this.#wantedBytes) return;
    this.#written = null;
    written();
  }
}
