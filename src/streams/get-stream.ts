import { Readable } from "node:stream";
import { abortOnWire } from "../errors.js";
import type { BlockSink, SinkHandlers } from "../io/storage.js";
import type { TransferControl } from "./control.js";

/** Bytes buffered for a reader that is not reading before ACKs are held back: about one large window. */
const BUFFERED_BYTES_MAX = 65_536;

/**
 * The readable end of a transfer: its blocks are stored with whoever reads the stream.
 *
 * Events: `close` exactly once and before `end`, `error` or `abort`. It is emitted when the buffer has been read
 * and the end is certain, which is the one moment that satisfies both npm `tftp`'s order and `stream.pipeline`,
 * `for await` and `finished`.
 */
export abstract class TransferReadable extends Readable {
  #control: TransferControl | null = null;
  #handlers: SinkHandlers | null = null;
  readonly #sink: BlockSink = {
    attach: (handlers) => {
      this.#handlers = handlers;
    },
    write: (bytes) => this.#take(Buffer.from(bytes)),
    finish: () => this.#finish(),
    discard: () => {
      this.#handlers = null;
    },
  };
  #saturated = false;
  #closeEmitted = false;
  #settled = false;
  #aborted = false;
  /** An error that follows the `abort` event (a request that the default listener had to abort). */
  #errorAfterAbort: Error | null = null;

  /** @internal */
  constructor() {
    super({ highWaterMark: BUFFERED_BYTES_MAX, emitClose: false });
    // The first listener of `end`: `close` goes out before any other listener hears it.
    this.once("end", () => this.#emitClose());
  }

  /** @internal Connects the stream with its transfer; for the owner of both. */
  setControl(control: TransferControl): void {
    this.#control = control;
    if (this.destroyed) control.close();
  }

  /**
   * Ends the transfer and tells the peer: nothing means 'Aborted', an Error its message, anything else its text.
   * Emits `close`, then `abort`. Does nothing once the transfer has ended.
   */
  abort(error?: unknown): void {
    this.abortWith(error, null);
  }

  /** Ends the transfer without telling the peer, who will run into its time-out. Emits `close` only. */
  close(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#control?.close();
    this.destroy();
  }

  /** @internal `abort`, and an `error` event behind it; for owners. */
  protected abortWith(error: unknown, errorAfterAbort: Error | null): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#aborted = true;
    this.#errorAfterAbort = errorAfterAbort;
    const { errorCode, message } = abortOnWire(error);
    this.#control?.abort(errorCode, message);
    this.destroy();
  }

  /** @internal True once aborted, closed, failed or complete. */
  protected get settled(): boolean {
    return this.#settled;
  }

  /** @internal The transfer failed. Emits `close`, then `error`. */
  fail(error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.destroy(error);
  }

  /** @internal The transfer is over, and this stream never had data to end with. */
  protected completeWithoutData(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.destroy();
  }

  /** @internal The store of the transfer; for its owner. */
  protected get sink(): BlockSink {
    return this.#sink;
  }

  /** @internal Called when all data is in the buffer. @returns an error to refuse it with, or null */
  protected verify(): Error | null {
    return null;
  }

  /** @internal Sees every chunk on its way to the reader. */
  protected inspect(_chunk: Buffer): void {}

  /** @internal */
  override _read(): void {
    if (!this.#saturated) return;
    this.#saturated = false;
    this.#handlers?.onDrained();
  }

  /** @internal */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // destroy() from outside (a failing pipeline, a broken loop) is an abort that the peer should hear of.
    if (!this.#settled) {
      this.#settled = true;
      const { errorCode, message } = abortOnWire(null);
      this.#control?.abort(errorCode, message);
    }
    process.nextTick(() => {
      this.#emitClose();
      callback(error);
      if (!this.#aborted) return;
      this.emit("abort");
      if (this.#errorAfterAbort !== null) this.emit("error", this.#errorAfterAbort);
    });
  }

  #take(chunk: Buffer): boolean {
    if (this.destroyed) return true;
    this.inspect(chunk);
    if (this.push(chunk)) return true;
    this.#saturated = true;
    return false;
  }

  #finish(): void {
    const refusal = this.verify();
    if (refusal !== null) {
      this.#handlers?.onFailure({ kind: "io", cause: refusal });
      return;
    }
    this.#settled = true;
    this.push(null);
    this.#handlers?.onFinished();
  }

  #emitClose(): void {
    if (this.#closeEmitted) return;
    this.#closeEmitted = true;
    this.emit("close");
  }
}
