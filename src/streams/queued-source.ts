import { ByteQueue } from "../driver/byte-queue.js";
import type { BlockSource, Piece, SourceHandlers } from "../io/storage.js";

/** A block source whose bytes come from outside, and are held until they are acknowledged. */
export abstract class QueuedSource implements BlockSource {
  readonly #queue = new ByteQueue();
  #handlers: SourceHandlers | null = null;
  #ended = false;

  /** Set by the owner when the size is announced. */
  sizeBytes: number | null = null;

  /** Asks whoever fills the queue. */
  abstract want(uptoBytes: number): void;

  get availableBytes(): number {
    return this.#queue.endBytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  attach(handlers: SourceHandlers): void {
    this.#handlers = handlers;
  }

  locate(offset: number, length: number): Piece {
    return this.#queue.locate(offset, length);
  }

  release(uptoBytes: number): void {
    this.#queue.release(uptoBytes);
  }

  close(): void {
    this.#handlers = null;
    this.#queue.clear();
  }

  /** Takes a copy of the chunk, and hears whether it was the last one. */
  protected fill(chunk: Uint8Array, ended: boolean): void {
    this.#queue.append(chunk);
    this.#ended ||= ended;
    this.#handlers?.onAvailable();
  }
}
