import { posix } from "node:path";
import { addAbortSignal } from "node:stream";
import type { CommonOptions } from "../options.js";
import { threadRuntime } from "../runtime.js";
import { fromExtensionsObject } from "../streams/stats.js";
import { type ClientSettings, fillClientOptions } from "./client-settings.js";
import { ClientTransfer } from "./client-transfer.js";
import {
  basenameOf,
  type Callback,
  callbackOf,
  type FileOptions,
  getFile,
  parseFileArguments,
  putFile,
  requirePath,
} from "./files.js";
import { type ExpectedDigests, GetStream } from "./get-stream.js";
import { PutStream } from "./put-stream.js";
import { normalizeRemoteName } from "./remote-name.js";

/** Options of one transfer. */
export interface TransferOptions {
  /** Extra options of the request, for servers that know them. Names of the protocol are left out. */
  userExtensions?: Record<string, unknown> | undefined;
  /** Transfer mode; default "octet". "netascii" translates line ends (LF here, CR LF on the wire). */
  mode?: "octet" | "netascii" | undefined;
  /** Ends the transfer; the server is told. */
  signal?: AbortSignal | undefined;
}

export interface GetOptions extends TransferOptions, ExpectedDigests {}

export interface PutOptions extends TransferOptions {
  /** Bytes that will be written: a number or its decimal text. */
  size: number | string;
}

/** Options of `createClient`. */
export interface ClientOptions extends CommonOptions {
  /**
   * Largest file that is fetched, in bytes from 0 on; default: no limit. A server that sends or announces more gets ERROR 3,
   * and the GET fails with `EFBIG`.
   */
  maxDownloadSize?: number | undefined;
  /**
   * The calling thread has nothing else to do, as that of a command has not; default false. While blocks come one by one
   * over the native path, it sleeps in the system's receive call instead of the event loop, and blocks of a GET that come in
   * order are acknowledged there: that takes less CPU. Everything else of the loop waits for some 4 milliseconds while blocks
   * keep coming, and two ticks of the kernel (8 milliseconds, as a rule) more when one does not. `data` comes in bunches of
   * up to 33 blocks.
   */
  dedicatedThread?: boolean | undefined;
}

/** A TFTP client: settings for any number of transfers, each with a socket of its own. Opens nothing by itself. */
export class Client {
  readonly #settings: ClientSettings;

  /** @internal */
  constructor(options: ClientOptions) {
    this.#settings = fillClientOptions(options);
  }

  /**
   * Starts a GET and returns the file as a Readable.
   * @throws Error for a name that leaves the root or holds control characters; TypeError for no string
   */
  createGetStream(remote: string, options?: GetOptions | null): GetStream {
    const remoteName = normalizeRemoteName(remote);
    const { userExtensions, mode, signal, ...digests } = options ?? {};
    const stream = new GetStream(digests);
    const transfer = new ClientTransfer(
      threadRuntime(),
      this.#settings,
      {
        method: "GET",
        remoteName,
        mode: mode ?? "octet",
        userExtensions: fromExtensionsObject(userExtensions),
        sizeBytes: 0,
      },
      { sink: stream.blockSink },
      {
        onStats: (stats) => stream.emit("stats", stats),
        onCompleted: () => undefined,
        onFailed: (error) => stream.fail(error),
      },
    );
    stream.setControl(transfer);
    if (signal !== undefined) addAbortSignal(signal, stream);
    if (!stream.destroyed) transfer.start();
    return stream;
  }

  /**
   * Returns a Writable whose bytes become the remote file; the request leaves with the first write.
   * @throws Error 'Missing file size' without a usable `size`; as createGetStream for the name
   */
  createPutStream(remote: string, options: PutOptions): PutStream {
    const remoteName = normalizeRemoteName(remote);
    const sizeBytes = parseSize(options?.size);
    const stream: PutStream = new PutStream(sizeBytes, () => transfer.start());
    const transfer = new ClientTransfer(
      threadRuntime(),
      this.#settings,
      {
        method: "PUT",
        remoteName,
        mode: options.mode ?? "octet",
        userExtensions: fromExtensionsObject(options.userExtensions),
        sizeBytes,
      },
      { source: stream.blockSource },
      {
        onStats: (stats) => stream.emit("stats", stats),
        onCompleted: () => stream.complete(),
        onFailed: (error) => stream.fail(error),
      },
    );
    stream.setControl(transfer);
    if (options.signal !== undefined) addAbortSignal(options.signal, stream);
    return stream;
  }

  /**
   * Downloads into a file, which appears whole or not at all: the bytes go to a temporary file beside it, which is
   * renamed when everything has arrived.
   *
   * Forms: `get(remote[, local][, options][, callback])`. `local` defaults to the last part of `remote`. With a
   * callback it is called once with an error or nothing; without, a promise is returned.
   */
  get(remote: string, callback: Callback): undefined;
  get(remote: string, local: string, callback: Callback): undefined;
  get(remote: string, options: FileOptions | null, callback: Callback): undefined;
  get(remote: string, local: string, options: FileOptions | null, callback: Callback): undefined;
  get(remote: string, options?: FileOptions | null): Promise<void>;
  get(remote: string, local: string, options?: FileOptions | null): Promise<void>;
  get(remote: string, ...rest: unknown[]): Promise<void> | undefined {
    return settle(callbackOf(rest), () => {
      const { name, options } = parseFileArguments(rest);
      const remoteName = normalizeRemoteName(remote);
      return getFile(this.#settings, remoteName, name ?? posix.basename(remoteName), options);
    });
  }

  /**
   * Uploads a file. Forms: `put(local[, remote][, options][, callback])`; `remote` defaults to the last part of
   * `local`. Done means that the server has acknowledged the last block.
   */
  put(local: string, callback: Callback): undefined;
  put(local: string, remote: string, callback: Callback): undefined;
  put(local: string, options: FileOptions | null, callback: Callback): undefined;
  put(local: string, remote: string, options: FileOptions | null, callback: Callback): undefined;
  put(local: string, options?: FileOptions | null): Promise<void>;
  put(local: string, remote: string, options?: FileOptions | null): Promise<void>;
  put(local: string, ...rest: unknown[]): Promise<void> | undefined {
    return settle(callbackOf(rest), () => {
      const { name, options } = parseFileArguments(rest);
      requirePath(local);
      const remoteName = normalizeRemoteName(name ?? basenameOf(local));
      return putFile(this.#settings, local, remoteName, options);
    });
  }
}

/** With a callback, argument errors are thrown and the outcome is called back; without, all is in the promise. */
function settle(callback: Callback | undefined, run: () => Promise<void>): Promise<void> | undefined {
  if (callback === undefined) {
    return new Promise((resolve) => resolve(run()));
  }
  run().then(
    // Outside the promise: an exception of the callback is the caller's, not a rejection.
    () => process.nextTick(callback),
    (error: Error) => process.nextTick(callback, error),
  );
  return undefined;
}

function parseSize(size: unknown): number {
  if (size === undefined || size === null) throw new Error("Missing file size");
  const bytes = typeof size === "string" && /^[0-9]+$/.test(size) ? Number(size) : size;
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw new Error(`The file size must be a whole number of bytes from 0 on, ${String(size)} was given`);
  }
  return bytes;
}
