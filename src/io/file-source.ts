import type { BlockCache, CachedFile, Chunk } from "./block-cache.js";
import {
  type BlockSource,
  NO_PIECE,
  type Piece,
  type SourceHandlers,
  type StorageFailure,
} from "./storage.js";

/** A file as the source of one transfer, read through the thread's {@link BlockCache}. */
export class FileSource implements BlockSource {
  readonly sizeBytes: number;
  readonly #cache: BlockCache;
  readonly #file: CachedFile;
  /** Chunks in use, from `#firstChunk` on; those behind the loaded ones are on their way. */
  readonly #chunks: Chunk[] = [];
  #firstChunk = 0;
  /** The first one behind them, which was not asked for yet. */
  #nextChunk = 0;
  /** The bytes of the chunk that was located last, and where in the file they begin: the next block is there, too. */
  #located = NO_PIECE.memory;
  #locatedFrom = 0;
  #availableBytes = 0;
  #handlers: SourceHandlers | null = null;
  #closed = false;

  /** Takes over one use of the file. */
  constructor(cache: BlockCache, file: CachedFile) {
    this.#cache = cache;
    this.#file = file;
    this.sizeBytes = file.sizeBytes;
    // A file that is not open any more is in memory now, and need not be later.
    if (file.fd < 0) this.want(0);
  }

  get availableBytes(): number {
    return this.#availableBytes;
  }

  get ended(): boolean {
    return this.#availableBytes === this.sizeBytes;
  }

  attach(handlers: SourceHandlers): void {
    this.#handlers = handlers;
  }

  /** Asks for half a chunk more than needed, so that the next read is done before its bytes are. */
  want(uptoBytes: number): void {
    const { chunkBytes } = this.#cache;
    const end = Math.min(uptoBytes + chunkBytes / 2, this.sizeBytes);
    const chunkEnd = Math.ceil(end / chunkBytes);
    if (this.#nextChunk >= chunkEnd || this.#closed) return;
    for (; this.#nextChunk < chunkEnd; this.#nextChunk++) {
      this.#chunks.push(
        this.#cache.acquire(this.#file, this.#nextChunk, (failure) => this.#chunkCame(failure)),
      );
    }
    this.#advance();
  }

  locate(offset: number, length: number): Piece {
    let from = offset - this.#locatedFrom;
    if (from < 0 || from >= this.#located.length) {
      const { chunkBytes } = this.#cache;
      const index = Math.floor(offset / chunkBytes);
      const memory = this.#chunks[index - this.#firstChunk]?.bytes;
      if (!memory) return NO_PIECE;
      this.#located = memory;
      this.#locatedFrom = index * chunkBytes;
      from = offset - this.#locatedFrom;
    }
    const memory = this.#located;
    return { memory, offset: from, length: Math.min(length, memory.length - from) };
  }

  release(uptoBytes: number): void {
    const { chunkBytes } = this.#cache;
    const first = Math.min(Math.floor(uptoBytes / chunkBytes), this.#nextChunk);
    if (first <= this.#firstChunk) return;
    this.#chunks.splice(0, first - this.#firstChunk);
    this.#firstChunk = first;
    if (this.#locatedFrom < first * chunkBytes) this.#located = NO_PIECE.memory;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handlers = null;
    this.#chunks.length = 0;
    this.#located = NO_PIECE.memory;
    this.#cache.close(this.#file);
  }

  #chunkCame(failure: StorageFailure | null): void {
    if (this.#closed) return;
    if (failure !== null) this.#handlers?.onFailure(failure);
    else if (this.#advance()) this.#handlers?.onAvailable();
  }

  /** Moves `availableBytes` over the chunks that are in; true when it moved. */
  #advance(): boolean {
    const { chunkBytes } = this.#cache;
    const before = this.#availableBytes;
    for (;;) {
      const index = Math.floor(this.#availableBytes / chunkBytes);
      const bytes = this.#chunks[index - this.#firstChunk]?.bytes;
      if (!bytes) return this.#availableBytes > before;
      this.#availableBytes = index * chunkBytes + bytes.length;
      if (this.ended) return true;
    }
  }
}
