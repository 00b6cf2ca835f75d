import type { BlockSink, SinkHandlers } from "../io/storage.js";
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

  constructor(method: "GET" | "PUT", file: string, stats: Stats) {
    super();
    this.method = method;
    this.file = file;
    this.stats = stats;
  }

  /** Marks the request as answered from files; false when it was already, or is over. */
  claim(): boolean {
    // An upload that came whole before anybody took it is still here to be stored.
    const isHeld = this.method === "PUT" && !this.destroyed && !this.readableEnded;
    if (this.#servedFromFiles || (this.settled && !isHeld)) return false;
    this.#servedFromFiles = true;
    return true;
  }

  get isClaimed(): boolean {
    return this.#servedFromFiles;
  }

  /** The default listener could not go on: `close`, `abort`, then `error` with what happened on this side. */
  refuse(text: string, error: Error): void {
    this.abortWith(text, this.#isHeard() ? error : null);
  }

  /** Somebody else ended the transfer (`res` was destroyed): `close`, `abort`. */
  settleAborted(): void {
    this.abortWith(null, null);
  }

  /** A request that the default listener answers without anybody hearing its errors never ends the process. */
  override fail(error: Error): void {
    if (this.#isHeard()) super.fail(error);
    else this.completeWithoutData();
  }

  /** The upload was acknowledged, and could not be stored afterwards. */
  failLate(error: Error): void {
    if (this.#isHeard()) process.nextTick(() => this.emit("error", error));
  }

  /** GET: the client has everything. */
  completeGet(): void {
    this.completeWithoutData();
  }

  /** PUT: the store of the transfer, for streaming listeners. */
  get blockSink(): BlockSink {
    return this.sink;
  }

  /**
   * PUT: a sink that stores into `file` and also feeds this stream when somebody reads it, as an extra listener
   * that counts or hashes uploads does.
   */
  teeInto(file: BlockSink): BlockSink {
    const stream = this.sink;
    let streamWritten = false;
    return {
      attach: (handlers: SinkHandlers) => {
        stream.attach({
          onDrained: () => undefined,
          onFinished: () => undefined,
          onFailure: () => undefined,
        });
        file.attach({
          ...handlers,
          onFinished: () => {
            stream.finish();
            if (!streamWritten) this.resume();
            handlers.onFinished();
          },
        });
      },
      write: (bytes) => {
        if (streamWritten || this.readableFlowing !== null || this.listenerCount("readable") > 0) {
          streamWritten = true;
          stream.write(bytes);
        }
        return file.write(bytes);
      },
      finish: () => file.finish(),
      discard: () => {
        file.discard();
        stream.discard();
      },
    };
  }

  #isHeard(): boolean {
    return !this.#servedFromFiles || this.listenerCount("error") > 0;
  }
}
