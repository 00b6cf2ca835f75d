import type { Readable } from "node:stream";
import type { BlockSource } from "../io/storage.js";
import { TransferWritable } from "../streams/put-stream.js";
import type { Stats } from "../streams/stats.js";

/**
 * A file on its way to the server, as a Writable. Exactly `size` bytes have to be written; anything else fails
 * with code `ESIZE`, and the server is told.
 *
 * The request leaves with the first write, or at `end()` of an empty file. Events besides the stream's own:
 * `stats` ({@link Stats}, once), `close` (once, before `finish`, `error` or `abort`), `abort`. `finish` means that
 * the server has acknowledged the last block.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface only adds overloads of `on`
export class PutStream extends TransferWritable {
  readonly #start: () => void;
  #started = false;

  /** @internal */
  constructor(sizeBytes: number, start: () => void) {
    super(true);
    this.source.sizeBytes = sizeBytes;
    this.#start = start;
  }

  /** @internal For the client that made it. */
  get blockSource(): BlockSource {
    return this.source;
  }

  /** @internal */
  protected override begin(): void {
    if (this.#started || this.settled) return;
    this.#started = true;
    this.#start();
  }
}

export interface PutStream {
  on(event: "stats", listener: (stats: Stats) => void): this;
  on(event: "abort" | "close" | "finish" | "drain", listener: () => void): this;
  on(event: "error", listener: (error: Error) => void): this;
  on(event: "pipe" | "unpipe", listener: (source: Readable) => void): this;
  on(event: string | symbol, listener: (...args: unknown[]) => void): this;
}
