import { createHash, type Hash } from "node:crypto";
import type { BlockSink } from "../io/storage.js";
import { TransferReadable } from "../streams/get-stream.js";
import type { Stats } from "../streams/stats.js";

/** Expected digests, hexadecimal in any case; sha1 wins when both are given, an empty text is none. */
export interface ExpectedDigests {
  md5?: string | undefined;
  sha1?: string | undefined;
}

/** Compares what arrived with an expected digest. */
export class DigestCheck {
  readonly #hash: Hash;
  readonly #expected: string;
  readonly #label: string;

  private constructor(algorithm: "md5" | "sha1", expected: string) {
    this.#hash = createHash(algorithm);
    this.#expected = expected.toLowerCase();
    this.#label = algorithm.toUpperCase();
  }

  /** Null when nothing is to be checked. */
  static from({ md5, sha1 }: ExpectedDigests): DigestCheck | null {
    if (sha1) return new DigestCheck("sha1", sha1);
    return md5 ? new DigestCheck("md5", md5) : null;
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** The error when the sums differ, else null. Ends the check. */
  verdict(): Error | null {
    if (this.#hash.digest("hex") === this.#expected) return null;
    return new Error(`Invalid ${this.#label} sum, the file is corrupted`);
  }
}

/**
 * A file on its way from the server, as a Readable.
 *
 * Events besides the stream's own: `stats` ({@link Stats}, once, before any data), `close` (once, before `end`,
 * `error` or `abort`), `abort`. Reading slowly slows the server down: acknowledgements wait while the buffer is full.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface only adds overloads of `on`
export class GetStream extends TransferReadable {
  readonly #check: DigestCheck | null;

  /** @internal */
  constructor(digests: ExpectedDigests) {
    super();
    this.#check = DigestCheck.from(digests);
  }

  /** @internal For the client that made it. */
  get blockSink(): BlockSink {
    return this.sink;
  }

  /** @internal */
  protected override inspect(chunk: Buffer): void {
    this.#check?.update(chunk);
  }

  /** @internal */
  protected override verify(): Error | null {
    return this.#check?.verdict() ?? null;
  }
}

export interface GetStream {
  on(event: "stats", listener: (stats: Stats) => void): this;
  on(event: "abort" | "close" | "end" | "pause" | "readable" | "resume", listener: () => void): this;
  on(event: "data", listener: (chunk: Buffer) => void): this;
  on(event: "error", listener: (error: Error) => void): this;
  on(event: string | symbol, listener: (...args: unknown[]) => void): this;
}
