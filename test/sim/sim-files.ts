import { encodeNetascii } from "../../src/engine/index.js";
import { fsError } from "../../src/io/fs-failure.js";
import { namesToTry } from "../../src/io/root-path.js";
import type {
  BlockSink,
  BlockSource,
  Piece,
  SinkHandlers,
  SourceHandlers,
  StorageFailure,
} from "../../src/io/storage.js";
import type { PlacedRequest } from "../../src/server/placement.js";
import type { World } from "./world.js";

/** What goes wrong with files; each figure is a probability for one file or one operation. */
export interface FileFaults {
  /** Longest time of one operation. */
  readonly latencyMs: number;
  readonly openRefused: number;
  readonly readError: number;
  /** A file that is truncated, replaced or grows under a GET. */
  readonly changes: number;
  readonly diskFull: number;
  readonly renameRefused: number;
}

export const HEALTHY_FILES: FileFaults = {
  latencyMs: 0,
  openRefused: 0,
  readError: 0,
  changes: 0,
  diskFull: 0,
  renameRefused: 0,
};

/** A directory in memory with the faults of real ones; stands in for the server's `FileService`. */
export class SimFiles {
  readonly #world: World;
  readonly #faults: FileFaults;
  /** Complete files by name. */
  readonly published = new Map<string, Uint8Array>();
  /** By the client's endpoint: what its newest transfer was opened with, as it travels. */
  readonly served = new Map<string, Uint8Array>();
  /** Everything that somebody may rightly have got under a name. */
  readonly versions = new Map<string, Uint8Array[]>();
  openFiles = 0;
  temporaryFiles = 0;
  readonly onFault: (what: string) => void;

  constructor(world: World, faults: FileFaults, onFault: (what: string) => void) {
    this.#world = world;
    this.#faults = faults;
    this.onFault = onFault;
  }

  publish(name: string, content: Uint8Array): void {
    this.published.set(name, content);
    this.versions.set(name, [...(this.versions.get(name) ?? []), content]);
  }

  async openSource(_root: string, { fileKey, peer, mode }: PlacedRequest): Promise<BlockSource> {
    await this.#delay();
    const name = [...namesToTry(fileKey)].find((each) => this.published.has(each));
    const content = name === undefined ? undefined : this.published.get(name);
    if (content === undefined) throw fsError("ENOENT", "no such file", fileKey);
    this.#refuseAtRandom(fileKey);
    this.served.set(`${peer.address}:${peer.port}`, mode === "netascii" ? encodeNetascii(content) : content);
    return new Source(this.#world, this, content, this.#faults);
  }

  async openSink(_root: string, { fileKey, offer, mode }: PlacedRequest): Promise<BlockSink> {
    await this.#delay();
    this.#refuseAtRandom(fileKey);
    const announced = mode === "netascii" ? null : offer.declaredSizeBytes;
    return new Sink(this.#world, this, fileKey, announced, this.#faults);
  }

  #refuseAtRandom(name: string): void {
    if (!this.#world.random.chance(this.#faults.openRefused)) return;
    this.onFault("open refused");
    const code = this.#world.random.pick(["EACCES", "EMFILE", "ENOSPC"]);
    throw fsError(code, "simulated", name);
  }

  #delay(): Promise<void> {
    this.#world.unsettled = true;
    if (this.#faults.latencyMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#world.after(this.#world.random.fraction() * this.#faults.latencyMs, () => {
        this.#world.unsettled = true;
        resolve();
      });
    });
  }
}

class Source implements BlockSource {
  readonly sizeBytes: number;
  availableBytes = 0;
  readonly #world: World;
  readonly #files: SimFiles;
  readonly #content: Uint8Array;
  readonly #latencyMs: number;
  readonly #failure: StorageFailure | null;
  readonly #failsAtBytes: number;
  #handlers: SourceHandlers | null = null;
  #wantedBytes = 0;
  #isReading = false;
  #isClosed = false;

  constructor(world: World, files: SimFiles, content: Uint8Array, faults: FileFaults) {
    this.#world = world;
    this.#files = files;
    this.#content = content;
    this.#latencyMs = faults.latencyMs;
    this.sizeBytes = content.length;
    files.openFiles++;
    const changes = world.random.chance(faults.changes);
    const breaks = changes || world.random.chance(faults.readError);
    this.#failure = breaks ? { kind: changes ? "changed" : "io", cause: new Error("simulated") } : null;
    this.#failsAtBytes = breaks ? world.random.between(0, content.length) : Number.POSITIVE_INFINITY;
  }

  get ended(): boolean {
    return this.availableBytes === this.sizeBytes;
  }

  attach(handlers: SourceHandlers): void {
    this.#handlers = handlers;
  }

  want(uptoBytes: number): void {
    this.#wantedBytes = Math.max(this.#wantedBytes, uptoBytes);
    if (this.#isReading || this.#isClosed || this.ended || this.availableBytes >= this.#wantedBytes) return;
    this.#isReading = true;
    this.#world.after(this.#world.random.fraction() * this.#latencyMs, () => {
      this.#isReading = false;
      if (this.#isClosed) return;
      const count = this.#world.random.between(1, 20_000);
      this.availableBytes = Math.min(this.availableBytes + count, this.sizeBytes);
      if (this.#failure !== null && this.availableBytes >= this.#failsAtBytes) {
        this.#files.onFault(this.#failure.kind === "changed" ? "file changed" : "read error");
        this.#handlers?.onFailure(this.#failure);
        return;
      }
      this.#handlers?.onAvailable();
      this.want(0);
    });
  }

  locate(offset: number, length: number): Piece {
    const border = (Math.floor(offset / 1000) + 1) * 1000;
    return { memory: this.#content, offset, length: Math.min(length, border - offset) };
  }

  release(): void {}

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handlers = null;
    this.#files.openFiles--;
  }
}

class Sink implements BlockSink {
  readonly #world: World;
  readonly #files: SimFiles;
  readonly #name: string;
  readonly #faults: FileFaults;
  readonly #chunks: Uint8Array[] = [];
  readonly #fullAtBytes: number;
  readonly #announcedBytes: number;
  #handlers: SinkHandlers | null = null;
  #settle: () => void = () => undefined;
  readonly #settled = new Promise<void>((resolve) => {
    this.#settle = resolve;
  });
  #bytes = 0;
  #isPaused = false;
  #isOver = false;

  constructor(world: World, files: SimFiles, name: string, announced: number | null, faults: FileFaults) {
    this.#world = world;
    this.#files = files;
    this.#name = name;
    this.#faults = faults;
    this.#announcedBytes = announced ?? Number.POSITIVE_INFINITY;
    this.#fullAtBytes = world.random.chance(faults.diskFull)
      ? world.random.between(0, 10_000)
      : Number.POSITIVE_INFINITY;
    files.temporaryFiles++;
  }

  attach(handlers: SinkHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true;
    this.#chunks.push(bytes.slice());
    this.#bytes += bytes.length;
    if (this.#bytes > this.#fullAtBytes || this.#bytes > this.#announcedBytes) {
      this.#files.onFault(this.#bytes > this.#announcedBytes ? "more than announced" : "disk full");
      this.#world.after(0, () => this.#handlers?.onFailure({ kind: "disk-full", cause: new Error("full") }));
      return true;
    }
    if (!this.#isPaused && this.#faults.latencyMs > 0 && this.#world.random.chance(0.2)) {
      this.#isPaused = true;
      this.#world.after(this.#world.random.fraction() * this.#faults.latencyMs, () => {
        this.#isPaused = false;
        this.#handlers?.onDrained();
      });
    }
    return !this.#isPaused;
  }

  finish(): void {
    this.#world.after(this.#world.random.fraction() * this.#faults.latencyMs, () => {
      if (this.#isOver) return;
      if (this.#world.random.chance(this.#faults.renameRefused)) {
        this.#files.onFault("rename refused");
        this.#handlers?.onFailure({ kind: "access", cause: new Error("rename refused") });
        return;
      }
      const content = new Uint8Array(this.#bytes);
      let at = 0;
      for (const chunk of this.#chunks) {
        content.set(chunk, at);
        at += chunk.length;
      }
      this.#leave();
      this.#files.publish(this.#name, content);
      this.#handlers?.onFinished();
    });
  }

  discard(): void {
    if (this.#isOver) return;
    this.#leave();
    this.#handlers = null;
  }

  /** As the real one: resolves when the file has its name, or nothing is left of it. */
  settled(): Promise<void> {
    return this.#settled;
  }

  #leave(): void {
    this.#isOver = true;
    this.#world.unsettled = true;
    this.#settle();
    this.#files.temporaryFiles--;
  }
}
