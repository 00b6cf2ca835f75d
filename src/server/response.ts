import type { BlockSource } from "../io/storage.js";
import { TransferWritable } from "../streams/put-stream.js";
import { fromExtensionsObject } from "../streams/stats.js";

/** What a response does to its transfer. */
export interface ResponseOwner {
  readonly method: "GET" | "PUT";
  isOver(): boolean;
  /** Starts the answer with this size. */
  answer(sizeBytes: number): void;
  setUserExtensions(extensions: ReadonlyMap<string, string>): void;
}

/**
 * The `res` of a request listener: for a GET the Writable that takes the file's bytes. Everything that happens to
 * the transfer is told by `req`; here only the stream's own events appear (`finish`: the client has everything).
 */
export class ServerResponse extends TransferWritable {
  readonly #owner: ResponseOwner;
  #sizeIsSet = false;

  /** @internal */
  constructor(owner: ResponseOwner) {
    super(false);
    this.#owner = owner;
  }

  /**
   * Says how many bytes follow and starts the answer. Needed once for every GET that a listener answers itself;
   * until then the client waits. Does nothing when the transfer is over.
   *
   * @param sizeBytes - exact number of bytes that will be written
   * @throws Error 'Only GET requests can set the size', 'The size was previously set'
   */
  setSize(sizeBytes: number): void {
    if (this.#owner.method === "PUT") throw new Error("Only GET requests can set the size");
    if (this.#owner.isOver()) return;
    if (this.#sizeIsSet) throw new Error("The size was previously set");
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
      throw new RangeError(`The size must be a whole number of bytes from 0 on, ${sizeBytes} was given`);
    }
    this.#sizeIsSet = true;
    this.source.sizeBytes = sizeBytes;
    this.#owner.answer(sizeBytes);
  }

  /**
   * Answers options of the client that the protocol does not know. Only names that the client sent go out. Call
   * it before `setSize`, for a PUT while the `request` event is emitted.
   */
  setUserExtensions(extensions: Record<string, unknown>): void {
    this.#owner.setUserExtensions(fromExtensionsObject(extensions));
  }

  /** @internal For the transfer that made it. */
  get blockSource(): BlockSource {
    return this.source;
  }

  /** @internal */
  protected override begin(): void {}
}
