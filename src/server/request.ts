import type { BlockSink } from "../io/storage.js";
import { TransferReadable } from "../streams/get-stream.js";
import type { Stats } from "../streams/stats.js";

/**
 * A request of a client: the `req` of a request listener, and its connection for GET and PUT alike. For a PUT it
 * is the Readable with the file's bytes; a GET has none.
 *
 * Events: `close` (the transfer is over; once, before the others), `end` (PUT, all bytes came), `error`, `abort`.
 */
export class ServerRequest extends TransferReadable {
  readonly method: "GET" | "PUT";
  /** The requested name, normalised; `/x` keeps its slash. */
  readonly file: string;
  readonly stats: Stats;
  /** Set by the default listener: the request is answered from files. */
  #servedFromFiles = false;

  /** An upload goes into a file, and nobody has read it here yet. */
  #mayBeFed = false;
  readonly #onFirstRead: () => void;

  /** @internal @param onFirstRead - an upload that goes into a file is also read here from now on */
  constructor(method: "GET" | "PUT", file: string, stats: Stats, onFirstRead: () => void) {
    super();
    this.#onFirstRead = onFirstRead;
    this.method = method;
    this.file = file;
    this.stats = stats;
  }

  /** @internal Marks the request as answered from files; false when it was already, or is over. */
  claim(): boolean {
    // An upload that came whole before anybody took it is still here to be stored.
    const isHeld = this.method === "PUT" && !this.destroyed && !this.readableEnded;
    if (this.#servedFromFiles || (this.settled && !isHeld)) return false;
    this.#servedFromFiles = true;
    return true;
  }

  /**
   * The default listener could not go on: `close`, `abort`, then `error` with what happened on this side.
   * @internal
   */
  refuse(text: string, error: Error): void {
    this.abortWith(text, this.#isHeard() ? error : null);
  }

  /** @internal Somebody else ended the transfer (`res` was destroyed): `close`, `abort`. */
  settleAborted(): void {
    this.abortWith(null, null);
  }

  /**
   * A request that the default listener answers without anybody hearing its errors never ends the process.
   * @internal
   */
  override fail(error: Error): void {
    if (this.#isHeard()) super.fail(error);
    else this.completeWithoutData();
  }

  /** @internal The upload was acknowledged, and could not be stored afterwards. */
  failLate(error: Error): void {
    if (this.#isHeard()) process.nextTick(() => this.emit("error", error));
  }

  /** @internal GET: the client has everything. */
  completeGet(): void {
    this.completeWithoutData();
  }

  /** @internal PUT: the store of the transfer, for streaming listeners. */
  get blockSink(): BlockSink {
    return this.sink;
  }

  /**
   * PUT into a file: the store of the copy for whoever reads along. Its end is that of the stream.
   * @internal
   */
  get copySink(): BlockSink {
    return { ...this.sink, finish: () => this.completeStored() };
  }

  /** @internal PUT into a file: whoever reads, now or later, is to get a copy of what comes from then on. */
  feedReaders(): void {
    this.#mayBeFed = true;
    if (this.readableFlowing !== null || this.listenerCount("readable") > 0) this.#feed();
  }

  /** @internal PUT: the file is stored; who read along gets the end now. */
  completeStored(): void {
    if (this.settled) return;
    this.sink.finish();
    if (this.readableFlowing === null && this.listenerCount("readable") === 0) this.resume();
  }

  /** @internal */
  override _read(): void {
    this.#feed();
    super._read();
  }

  #feed(): void {
    if (!this.#mayBeFed) return;
    this.#mayBeFed = false;
    this.#onFirstRead();
  }

  #isHeard(): boolean {
    return !this.#servedFromFiles || this.listenerCount("error") > 0;
  }
}
