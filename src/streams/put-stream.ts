import { type Readable, Writable } from "node:stream";
import { abortOnWire, TftpError } from "../errors.js";
import type { TransferControl } from "./control.js";
import { StreamSource } from "./stream-source.js";

/**
 * The writable end of a transfer: what is written becomes the source of its blocks.
 *
 * Events of a client's stream: `close` exactly once and before `finish`, `error` or `abort`.
 */
export abstract class TransferWritable extends Writable {
  readonly #source = new StreamSource();
  readonly #announcesClose: boolean;
  #control: TransferControl | null = null;
  #pendingFinal: ((error?: Error | null) => void) | null = null;
  #closeEmitted = false;
  #settled = false;
  #aborted = false;

  /**
   * @param announcesClose - the order of npm `tftp`'s client streams (`close` before everything else); without,
   *   `close` comes last as in any Writable
   * @internal
   */
  constructor(announcesClose: boolean) {
    super({ emitClose: !announcesClose });
    this.#announcesClose = announcesClose;
    this.on("unpipe", (source: Readable) => {
      // Taking the source of a running transfer away aborts it, as npm `tftp` does; a source that has ended
      // leaves by itself.
      if (!this.#settled && !this.writableEnded && !source.readableEnded) this.abort();
    });
  }

  /** @internal Called at the first write, and at the end of an empty stream. */
  protected abstract begin(): void;

  /** @internal */
  setControl(control: TransferControl): void {
    this.#control = control;
    if (this.destroyed) control.close();
  }

  /**
   * Ends the transfer and tells the peer: nothing means 'Aborted', an Error its message, anything else its text.
   * Emits `close`, then `abort`. Does nothing once the transfer has ended.
   */
  abort(error?: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#aborted = true;
    const { errorCode, message } = abortOnWire(error);
    this.#control?.abort(errorCode, message);
    this.destroy();
  }

  /** Ends the transfer without telling the peer. Emits `close` only. */
  close(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#control?.close();
    this.destroy();
  }

  /** @internal The transfer failed. Emits `close`, then `error`. */
  fail(error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.destroy(error);
  }

  /** @internal The peer has everything. Emits `close`, then `finish`. */
  complete(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#emitClose();
    this.#pendingFinal?.();
    this.#pendingFinal = null;
  }

  /** @internal The store of the transfer; for its owner. */
  protected get source(): StreamSource {
    return this.#source;
  }

  /** @internal */
  protected get settled(): boolean {
    return this.#settled;
  }

  /** @internal */
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.begin();
    const { availableBytes, sizeBytes } = this.#source;
    if (sizeBytes !== null && availableBytes + chunk.length > sizeBytes) {
      this.#refuseSize(`more than the ${sizeBytes} bytes announced were written`);
      return;
    }
    this.#source.append(chunk, callback);
  }

  /** @internal */
  override _final(callback: (error?: Error | null) => void): void {
    this.begin();
    const { availableBytes, sizeBytes } = this.#source;
    if (sizeBytes !== null && availableBytes !== sizeBytes) {
      this.#refuseSize(`${availableBytes} bytes were written, ${sizeBytes} were announced`);
      return;
    }
    if (this.#settled) {
      callback();
      return;
    }
    this.#pendingFinal = callback;
    this.#source.end();
  }

  /** @internal */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#settled) {
      this.#settled = true;
      const { errorCode, message } = abortOnWire(null);
      this.#control?.abort(errorCode, message);
    }
    this.#source.close();
    process.nextTick(() => {
      this.#emitClose();
      callback(error);
      if (this.#aborted && this.#announcesClose) this.emit("abort");
    });
  }

  /** The wrong number of bytes: the peer is told, nothing incomplete passes for a file. */
  #refuseSize(text: string): void {
    if (this.#settled) return;
    const error = new TftpError(`Wrong size: ${text}`, { code: "ESIZE" });
    this.#control?.abort(0, "Not the announced size", error);
    this.fail(error);
  }

  #emitClose(): void {
    if (this.#closeEmitted || !this.#announcesClose) return;
    this.#closeEmitted = true;
    this.emit("close");
  }
}
