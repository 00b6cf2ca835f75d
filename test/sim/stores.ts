import type {
  BlockSink,
  BlockSource,
  Piece,
  SinkHandlers,
  SourceHandlers,
  StorageFailure,
} from "../../src/io/storage.js";
import type { World } from "./world.js";

/** How a simulated disk behaves. */
export interface DiskFaults {
  /** Longest time one operation takes; each takes a random part of it. */
  readonly latencyMs: number;
  /** Bytes after which it fails; Infinity for a healthy disk. */
  readonly failAtBytes: number;
  /** How often a slow store wants a pause; default: every fifth time. */
  readonly pauseChance?: number;
}

const FAILURE: StorageFailure = { kind: "io", cause: new Error("simulated disk failure") };

/** A file in memory behind a slow disk: bytes become available piece by piece. */
export class SimSource implements BlockSource {
  readonly sizeBytes: number;
  availableBytes = 0;
  readonly #world: World;
  readonly #file: Uint8Array;
  readonly #disk: DiskFaults;
  #handlers: SourceHandlers | null = null;
  #reading = false;
  #wantedBytes = 0;
  closed = false;

  constructor(world: World, file: Uint8Array, disk: DiskFaults) {
    this.#world = world;
    this.#file = file;
    this.#disk = disk;
    this.sizeBytes = file.length;
  }

  get ended(): boolean {
    return this.availableBytes === this.sizeBytes;
  }

  attach(handlers: SourceHandlers): void {
    this.#handlers = handlers;
  }

  want(uptoBytes: number): void {
    this.#wantedBytes = Math.max(this.#wantedBytes, uptoBytes);
    this.#read();
  }

  locate(offset: number, length: number): Piece {
    // Pieces end at odd borders, as chunks of a cache do.
    const border = (Math.floor(offset / 1000) + 1) * 1000;
    return { memory: this.#file, offset, length: Math.min(length, border - offset) };
  }

  release(): void {}

  close(): void {
    this.closed = true;
    this.#handlers = null;
  }

  #read(): void {
    if (this.#reading || this.closed || this.ended || this.availableBytes >= this.#wantedBytes) return;
    this.#reading = true;
    this.#world.after(this.#world.random.fraction() * this.#disk.latencyMs, () => {
      this.#reading = false;
      const count = this.#world.random.between(1, 5000);
      this.availableBytes = Math.min(this.availableBytes + count, this.sizeBytes);
      if (this.availableBytes > this.#disk.failAtBytes) {
        this.#handlers?.onFailure(FAILURE);
        return;
      }
      this.#handlers?.onAvailable();
      this.#read();
    });
  }
}

/** Keeps what it gets; sometimes wants a pause; takes its time to finish. */
export class SimSink implements BlockSink {
  readonly #chunks: Uint8Array[] = [];
  readonly #world: World;
  readonly #disk: DiskFaults;
  #handlers: SinkHandlers | null = null;
  readonly #pausedBytesMax: number;
  #bytes = 0;
  /** Bytes that came since it asked for a pause; -1 while it takes everything. */
  #pausedBytes = -1;
  finished = false;
  discarded = false;

  constructor(world: World, disk: DiskFaults, pausedBytesMax: number) {
    this.#world = world;
    this.#disk = disk;
    this.#pausedBytesMax = pausedBytesMax;
  }

  attach(handlers: SinkHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    this.#chunks.push(bytes.slice());
    this.#bytes += bytes.length;
    if (this.#bytes > this.#disk.failAtBytes) {
      this.#world.after(0, () => this.#handlers?.onFailure(FAILURE));
      return true;
    }
    if (this.#pausedBytes >= 0) {
      this.#pausedBytes += bytes.length;
      if (this.#pausedBytes > this.#pausedBytesMax)
        throw new Error("bytes kept coming while the store was full");
      return false;
    }
    if (!this.#world.random.chance(this.#disk.latencyMs > 0 ? (this.#disk.pauseChance ?? 0.2) : 0))
      return true;
    this.#pausedBytes = 0;
    this.#world.after(this.#world.random.fraction() * 4 * this.#disk.latencyMs, () => {
      this.#pausedBytes = -1;
      this.#handlers?.onDrained();
    });
    return false;
  }

  finish(): void {
    this.#world.after(this.#world.random.fraction() * this.#disk.latencyMs, () => {
      if (this.discarded) return;
      this.finished = true;
      this.#handlers?.onFinished();
    });
  }

  discard(): void {
    this.discarded = !this.finished;
    this.#handlers = null;
  }

  /** Everything written so far. */
  content(): Uint8Array {
    const content = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      content.set(chunk, at);
      at += chunk.length;
    }
    return content;
  }
}
