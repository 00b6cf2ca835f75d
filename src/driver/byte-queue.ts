import { NO_PIECE, type Piece } from "../io/storage.js";

/** Bytes are gathered in pieces of this size, so that a stream of tiny chunks stays cheap to slice. */
const SLAB_BYTES = 65_536;

/**
 * A growing run of bytes addressed by absolute offsets: copies of what has come in and was not released yet.
 * What `locate` hands out never changes afterwards.
 */
export class ByteQueue {
  readonly #chunks: { readonly start: number; bytes: Uint8Array }[] = [];
  /** The newest slab; its first bytes are the last chunk, the rest is free. */
  #slab = new Uint8Array(0);
  #releasedBytes = 0;
  #endBytes = 0;

  /** Offset behind the last byte. */
  get endBytes(): number {
    return this.#endBytes;
  }

  /** Bytes held. */
  get heldBytes(): number {
    return this.#endBytes - this.#releasedBytes;
  }

  /** Appends a copy of a chunk. */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const last = this.#chunks.at(-1);
    const used = last === undefined ? this.#slab.length : last.bytes.length;
    if (last !== undefined && used + bytes.length <= this.#slab.length) {
      this.#slab.set(bytes, used);
      last.bytes = this.#slab.subarray(0, used + bytes.length);
    } else {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, bytes.length));
      this.#slab.set(bytes);
      this.#chunks.push({ start: this.#endBytes, bytes: this.#slab.subarray(0, bytes.length) });
    }
    this.#endBytes += bytes.length;
  }

  /** The contiguous memory at `offset`, at most `length` bytes; empty where nothing is held. */
  locate(offset: number, length: number): Piece {
    // Few chunks are held (a window or two): a scan beats an index.
    for (const { start, bytes } of this.#chunks) {
      const from = offset - start;
      if (from >= 0 && from < bytes.length)
        return { memory: bytes, offset: from, length: Math.min(length, bytes.length - from) };
    }
    return NO_PIECE;
  }

  /** Drops the chunks that end at or before `uptoBytes`. */
  release(uptoBytes: number): void {
    this.#releasedBytes = Math.max(this.#releasedBytes, Math.min(uptoBytes, this.#endBytes));
    let dropped = 0;
    for (const { start, bytes } of this.#chunks) {
      if (start + bytes.length > uptoBytes) break;
      dropped++;
    }
    if (dropped > 0) this.#chunks.splice(0, dropped);
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#releasedBytes = this.#endBytes;
  }
}
