import { ByteQueue } from "../driver/byte-queue.js";
import type { BlockSink, BlockSource, SinkHandlers, SourceHandlers, StorageFailure } from "../io/storage.js";

/** Bytes asked for beyond what the engine needs, so that the next window is there before it is due. */
const AHEAD_BYTES = 65_536;

/** Bytes on the way to a listener before its client is held back. */
const UNCONSUMED_BYTES_MAX = 131_072;

/** What a source or sink in a worker says to the thread of the listener. */
export interface RemotePeer {
  want(uptoBytes: number): void;
  data(bytes: Uint8Array): void;
  finish(): void;
}

/** In the worker: the bytes that a listener writes into `res`. What is wanted is the credit of the other side. */
export class RemoteSource implements BlockSource {
  readonly sizeBytes: number;
  readonly #peer: RemotePeer;
  readonly #queue = new ByteQueue();
  #handlers: SourceHandlers | null = null;
  #askedBytes = 0;
  #ended = false;

  constructor(sizeBytes: number, peer: RemotePeer) {
    this.sizeBytes = sizeBytes;
    this.#peer = peer;
  }

  get availableBytes(): number {
    return this.#queue.endBytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  attach(handlers: SourceHandlers): void {
    this.#handlers = handlers;
  }

  want(uptoBytes: number): void {
    // In steps: not a message for every window.
    if (uptoBytes + AHEAD_BYTES / 2 <= this.#askedBytes) return;
    this.#askedBytes = uptoBytes + AHEAD_BYTES;
    this.#peer.want(this.#askedBytes);
  }

  /** From the listener. */
  take(bytes: Uint8Array, ended: boolean): void {
    this.#queue.append(bytes);
    this.#ended ||= ended;
    this.#handlers?.onAvailable();
  }

  slice(offset: number, length: number): Uint8Array {
    return this.#queue.slice(offset, length);
  }

  release(uptoBytes: number): void {
    this.#queue.release(uptoBytes);
  }

  close(): void {
    this.#handlers = null;
    this.#queue.clear();
  }
}

/** In the worker: the way of an upload's bytes to a listener. */
export class RemoteSink implements BlockSink {
  readonly #peer: RemotePeer;
  #handlers: SinkHandlers | null = null;
  #unconsumedBytes = 0;
  #saturated = false;

  constructor(peer: RemotePeer) {
    this.#peer = peer;
  }

  attach(handlers: SinkHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    this.#unconsumedBytes += bytes.length;
    this.#peer.data(bytes.slice());
    this.#saturated ||= this.#unconsumedBytes > UNCONSUMED_BYTES_MAX;
    return !this.#saturated;
  }

  finish(): void {
    this.#peer.finish();
  }

  discard(): void {
    this.#handlers = null;
  }

  /** The listener has taken bytes. */
  consumed(bytes: number): void {
    this.#unconsumedBytes -= bytes;
    if (!this.#saturated || this.#unconsumedBytes > UNCONSUMED_BYTES_MAX / 2) return;
    this.#saturated = false;
    this.#handlers?.onDrained();
  }

  stored(): void {
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
      const bytes = source.slice(sentBytes, upto - sentBytes).slice();
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
      wantedBytes = Math.max(wantedBytes, uptoBytes);
      source.want(wantedBytes);
      pump();
    },
    close: () => {
      closed = true;
      source.close();
    },
  };
}
