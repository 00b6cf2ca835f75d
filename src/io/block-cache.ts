import { close, fstat, read } from "node:fs";
import { identityOf, type OpenedFile } from "./root-path.js";
import type { StorageFailure } from "./storage.js";

/**
 * Bytes read at a time. Small enough that hundreds of transfers at different places of a file hold little, large
 * enough that a read costs far less than sending what it brought.
 */
const CHUNK_BYTES = 131_072;

/** Chunks kept for the next reader, by default. */
export const CACHE_BYTES_MAX = 16_777_216;

/** Reads under way at a time: libuv's pool has four threads, and others want them too. */
const READS_MAX = 8;

/** Called when a chunk has come, or never will. */
export type ChunkWaiter = (failure: StorageFailure | null) => void;

/** One aligned piece of a file. */
export interface Chunk {
  readonly file: CachedFile;
  readonly index: number;
  /** Null until it was read. Never changes afterwards. */
  bytes: Uint8Array | null;
  /** Who waits for it; null once it was read or has failed. */
  waiters: ChunkWaiter[] | null;
}

/** An open file that any number of sources share; it is closed with the last of them. */
export interface CachedFile {
  /** -1 while nobody uses the file and only its chunks are kept. */
  fd: number;
  readonly sizeBytes: number;
  readonly identity: string;
  readonly chunks: Map<number, Chunk>;
  users: number;
}

/**
 * Pieces of files for all transfers of a thread: one read serves everybody who wants the same piece at the same
 * time or soon after, and a hundred machines that boot one image share one descriptor.
 *
 * A file is known by device, inode, size and times, and each read is checked against them: a transfer sees one
 * state of the file or ends with the failure "changed", never a mixture.
 */
export class BlockCache {
  readonly chunkBytes: number;
  readonly #bytesMax: number;
  readonly #files = new Map<string, CachedFile>();
  /** Chunks in memory, least recently acquired first. */
  readonly #loaded = new Set<Chunk>();
  #loadedBytes = 0;
  #reads = 0;
  readonly #queue: Chunk[] = [];

  constructor(options: { readonly chunkBytes?: number; readonly bytesMax?: number } = {}) {
    this.chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.#bytesMax = options.bytesMax ?? CACHE_BYTES_MAX;
  }

  /** Bytes held for readers to come. */
  get loadedBytes(): number {
    return this.#loadedBytes;
  }

  /** Descriptors held open. */
  get openFiles(): number {
    let count = 0;
    for (const file of this.#files.values()) if (file.fd >= 0) count++;
    return count;
  }

  /** Takes over an opened file for one user; its descriptor is closed at once if the file is open already. */
  open(opened: OpenedFile): CachedFile {
    const known = this.#files.get(opened.identity);
    if (known !== undefined) {
      known.users++;
      if (known.fd < 0) known.fd = opened.fd;
      else close(opened.fd, ignore);
      return known;
    }
    const file: CachedFile = { ...opened, chunks: new Map(), users: 1 };
    this.#files.set(file.identity, file);
    return file;
  }

  /**
   * One more user of a file that is at hand without being opened: it is open for others, or small and in memory as a
   * whole. Null otherwise. The user acquires the first chunk at once: it may be evicted later.
   */
  reuse(identity: string): CachedFile | null {
    const file = this.#files.get(identity);
    if (file === undefined) return null;
    const isWhole = file.sizeBytes <= this.chunkBytes && Boolean(file.chunks.get(0)?.bytes);
    if (file.fd < 0 && !isWhole) return null;
    file.users++;
    return file;
  }

  /** Ends one use. With the last one the descriptor goes; chunks stay for a transfer that comes soon. */
  close(file: CachedFile): void {
    file.users--;
    if (file.users === 0) this.#closeWhenIdle(file);
  }

  /** The chunk, read or on its way; in the latter case `waiter` is called once. */
  acquire(file: CachedFile, index: number, waiter: ChunkWaiter): Chunk {
    let chunk = file.chunks.get(index);
    if (chunk === undefined) {
      chunk = { file, index, bytes: null, waiters: [] };
      file.chunks.set(index, chunk);
      this.#queue.push(chunk);
      chunk.waiters?.push(waiter);
      this.#startReads();
    } else if (chunk.waiters !== null) {
      chunk.waiters.push(waiter);
    } else {
      // Used most recently: to the end of the line.
      this.#loaded.delete(chunk);
      this.#loaded.add(chunk);
    }
    return chunk;
  }

  #startReads(): void {
    while (this.#reads < READS_MAX) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) return;
      this.#reads++;
      this.#read(chunk);
    }
  }

  #read(chunk: Chunk): void {
    const { file, index } = chunk;
    const offset = index * this.chunkBytes;
    const length = Math.min(this.chunkBytes, file.sizeBytes - offset);
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    const readOn = (): void => {
      read(file.fd, bytes, filled, length - filled, offset + filled, (error, count) => {
        filled += count;
        if (error !== null) this.#finish(chunk, null, { kind: "io", cause: error });
        else if (count === 0) this.#finish(chunk, null, changed("ends early"));
        else if (filled < length) readOn();
        else this.#verify(chunk, bytes);
      });
    };
    readOn();
  }

  #verify(chunk: Chunk, bytes: Uint8Array): void {
    fstat(chunk.file.fd, { bigint: true }, (error, stats) => {
      if (error !== null) this.#finish(chunk, null, { kind: "io", cause: error });
      else if (identityOf(stats) !== chunk.file.identity) {
        this.#finish(chunk, null, changed("was modified"));
      } else this.#finish(chunk, bytes, null);
    });
  }

  #finish(chunk: Chunk, bytes: Uint8Array | null, failure: StorageFailure | null): void {
    const { file } = chunk;
    this.#reads--;
    const waiters = chunk.waiters ?? [];
    chunk.waiters = null;
    chunk.bytes = bytes;
    if (bytes === null) {
      file.chunks.delete(chunk.index);
    } else {
      this.#loaded.add(chunk);
      this.#loadedBytes += bytes.length;
      this.#evict();
    }
    if (file.users === 0) this.#closeWhenIdle(file);
    for (const waiter of waiters) waiter(failure);
    this.#startReads();
  }

  #evict(): void {
    for (const chunk of this.#loaded) {
      if (this.#loadedBytes <= this.#bytesMax) return;
      this.#drop(chunk);
    }
  }

  #drop(chunk: Chunk): void {
    this.#loaded.delete(chunk);
    this.#loadedBytes -= chunk.bytes?.length ?? 0;
    const { file } = chunk;
    file.chunks.delete(chunk.index);
    if (file.users === 0 && file.chunks.size === 0) this.#files.delete(file.identity);
  }

  /** Gives the descriptor of an unused file back, as soon as no read of it is under way. */
  #closeWhenIdle(file: CachedFile): void {
    for (const chunk of file.chunks.values()) if (chunk.waiters !== null) return;
    if (file.fd >= 0) close(file.fd, ignore);
    file.fd = -1;
    if (file.chunks.size === 0 && this.#files.get(file.identity) === file) this.#files.delete(file.identity);
  }
}

function changed(how: string): StorageFailure {
  return { kind: "changed", cause: new Error(`The file ${how} while it was sent`) };
}

function ignore(): void {}
