import {
  type BlockSink,
  type BlockSource,
  type SinkHandlers,
  type StorageFailure,
  viewOf,
} from "../io/storage.js";
import { QueuedSource } from "../streams/queued-source.js";

/** Bytes asked for beyond what the engine needs, so that the next window is there before it is due. */
const AHEAD_BYTES = 65_536;

/** Bytes on the way to a listener before its client is held back. */
const UNCONSUMED_BYTES_MAX = 131_072;

/** In the worker: the bytes that a listener writes into `res`. What is wanted is the credit of the other side. */
export class RemoteSource extends QueuedSource {
  readonly #ask: (uptoBytes: number) => void;
  #askedBytes = 0;

  constructor(sizeBytes: number, ask: (uptoBytes: number) => void) {
    super();
    this.sizeBytes = sizeBytes;
    this.#ask = ask;
  }

  override want(uptoBytes: number): void {
    // In steps: not a message for every window.
    if (uptoBytes + AHEAD_BYTES / 2 <= this.#askedBytes) return;
    this.#askedBytes = uptoBytes + AHEAD_BYTES;
    this.#ask(this.#askedBytes);
  }

  /** From the listener. */
  take(bytes: Uint8Array, ended: boolean): void {
    if (!this.ended) this.fill(bytes, ended);
  }
}

/** Where the bytes of an upload go: to the thread of the listener. */
export interface RemoteReader {
  data(bytes: Uint8Array): void;
  finish(): void;
}

/** In the worker: the way of an upload's bytes to a listener. */
export class RemoteSink implements BlockSink {
  readonly #reader: RemoteReader;
  #handlers: SinkHandlers | null = null;
  #unconsumedBytes = 0;
  #saturated = false;
  #isFinishing = false;

  constructor(reader: RemoteReader) {
    this.#reader = reader;
  }

  attach(handlers: SinkHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    this.#unconsumedBytes += bytes.length;
    this.#reader.data(bytes.slice());
    this.#saturated ||= this.#unconsumedBytes > UNCONSUMED_BYTES_MAX;
    return !this.#saturated;
  }

  finish(): void {
    this.#isFinishing = true;
    this.#reader.finish();
  }

  discard(): void {
    this.#handlers = null;
  }

  /** The listener has taken bytes. */
  consumed(bytes: number): void {
    this.#unconsumedBytes = Math.max(0, this.#unconsumedBytes - bytes);
    if (!this.#saturated || this.#unconsumedBytes > UNCONSUMED_BYTES_MAX / 2) return;
    this.#saturated = false;
    this.#handlers?.onDrained();
  }

  /** The listener has all of it: true of what it was given whole, once. */
  stored(): void {
    if (!this.#isFinishing) return;
    this.#isFinishing = false;
    this.#handlers?.onFinished();
  }

  failed(kind: StorageFailure["kind"]): void {
    this.#handlers?.onFailure({ kind, cause: new Error("The listener failed") });
  }
}

/** In the server's thread: carries what a listener writes to the worker, as far as that wants it. */
export function pumpSource(
  source: BlockSource,
  send: (bytes: Uint8Array, ended: boolean) => void,
): { want(uptoBytes: number): void; close(): void } {
  let sentBytes = 0;
  let wantedBytes = 0;
  let endIsSent = false;
  let closed = false;
  const pump = (): void => {
    // A writer that is asked for more may find that it must abort.
    if (closed) return;
    const upto = Math.min(source.availableBytes, wantedBytes);
    while (sentBytes < upto) {
      const bytes = viewOf(source.locate(sentBytes, upto - sentBytes)).slice();
      sentBytes += bytes.length;
      source.release(sentBytes);
      endIsSent = source.ended && sentBytes === source.availableBytes;
      send(bytes, endIsSent);
    }
    if (source.ended && sentBytes === source.availableBytes && !endIsSent) {
      endIsSent = true;
      send(new Uint8Array(0), true);
    }
  };
  source.attach({ onAvailable: pump, onFailure: () => undefined });
  return {
    want: (uptoBytes) => {
      // Half a byte would never be sent, and be tried for ever.
      if (uptoBytes > wantedBytes) wantedBytes = Math.floor(uptoBytes);
      source.want(wantedBytes);
      pump();
    },
    close: () => {
      closed = true;
      source.close();
    },
  };
}
