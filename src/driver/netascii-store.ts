import { encodeNetascii, NetasciiDecoder } from "../engine/index.js";
import {
  type BlockSink,
  type BlockSource,
  type Piece,
  type SinkHandlers,
  type SourceHandlers,
  viewOf,
} from "../io/storage.js";
import { ByteQueue } from "./byte-queue.js";

/** Local bytes translated at a time. */
const PIECE_BYTES = 16_384;

/**
 * A source seen through netascii: same order, other length, so its size is unknown until the end.
 * Translated bytes are kept until they are released, as a retransmission must be identical.
 */
export class NetasciiSource implements BlockSource {
  readonly sizeBytes = null;
  readonly #local: BlockSource;
  readonly #translated = new ByteQueue();
  #localBytesRead = 0;
  #wantedBytes = 0;

  constructor(local: BlockSource) {
    this.#local = local;
  }

  get availableBytes(): number {
    return this.#translated.endBytes;
  }

  get ended(): boolean {
    return this.#local.ended && this.#localBytesRead === this.#local.availableBytes;
  }

  attach(handlers: SourceHandlers): void {
    this.#local.attach({
      onAvailable: () => {
        this.#translate();
        handlers.onAvailable();
      },
      onFailure: (failure) => handlers.onFailure(failure),
    });
  }

  want(uptoBytes: number): void {
    this.#wantedBytes = Math.max(this.#wantedBytes, uptoBytes);
    this.#translate();
  }

  locate(offset: number, length: number): Piece {
    return this.#translated.locate(offset, length);
  }

  release(uptoBytes: number): void {
    this.#translated.release(uptoBytes);
  }

  close(): void {
    this.#local.close();
    this.#translated.clear();
  }

  #translate(): void {
    // A cached file has more at once, without a call back: look again after asking.
    for (let before = -1; before !== this.#local.availableBytes; ) {
      before = this.#local.availableBytes;
      this.#translateReady();
      // Translation only ever lengthens, so this many local bytes are enough; one more shows the end.
      const missing = this.#wantedBytes - this.#translated.endBytes;
      this.#local.want(this.#localBytesRead + Math.max(missing, 0) + 1);
    }
  }

  #translateReady(): void {
    while (this.#translated.endBytes < this.#wantedBytes) {
      const ready = this.#local.availableBytes - this.#localBytesRead;
      if (ready === 0) break;
      const piece = this.#local.locate(this.#localBytesRead, Math.min(ready, PIECE_BYTES));
      this.#translated.append(encodeNetascii(viewOf(piece)));
      this.#localBytesRead += piece.length;
      this.#local.release(this.#localBytesRead);
    }
  }
}

/** A sink that takes netascii and stores local text. */
export class NetasciiSink implements BlockSink {
  readonly #local: BlockSink;
  readonly #decoder = new NetasciiDecoder();

  constructor(local: BlockSink) {
    this.#local = local;
  }

  attach(handlers: SinkHandlers): void {
    this.#local.attach(handlers);
  }

  write(bytes: Uint8Array): boolean {
    return this.#local.write(this.#decoder.decode(bytes));
  }

  finish(): void {
    const rest = this.#decoder.end();
    if (rest.length > 0) this.#local.write(rest);
    this.#local.finish();
  }

  discard(): void {
    this.#local.discard();
  }
}
