import { EventEmitter } from "node:events";
import { type Stats, stat } from "node:fs";
import type { AddressInfo } from "node:net";
import { isIP } from "node:net";
import { errorTexts } from "../errors.js";
import { withInheritedSockets } from "../io/inherited-sockets.js";
import { findOrigin, sweepLeftOvers, uploadTag } from "../io/left-overs.js";
import { datagramBytesFor } from "../io/socket.js";
import type { MapContext } from "../names/name-map.js";
import { channels, publish } from "../observe/channels.js";
import type {
  RefusalInfo,
  ServerStatus,
  TransferInfo,
  TransferProgress,
  TransferResult,
} from "../observe/records.js";
import { threadRuntime } from "../runtime.js";
import { Dispatcher } from "./dispatcher.js";
import { FileService } from "./file-service.js";
import { askHandler, loadHandler, type RequestHandler } from "./handler.js";
import { LocalPlacement } from "./local-placement.js";
import { loadNameRules, type NameTest } from "./name-rules.js";
import { fillServerOptions, type ServerOptions, type ServerSettings } from "./options.js";
import type { AnswerMode, Placement } from "./placement.js";
import { prepareReload } from "./reload.js";
import type { ServerRequest } from "./request.js";
import { type Incoming, RequestSockets } from "./request-sockets.js";
import type { ServerResponse } from "./response.js";
import type { ServerTransfer } from "./server-transfer.js";
import { SharedPort } from "./shared-port.js";
import type { HostThread } from "./transfer-host.js";
import { type BookedTransfer, bookTransfer, type TransferEnding, toTransferResult } from "./transfer-info.js";

/** Called for every request that is not refused outright, with the server as `this`. */
export type RequestListener = (this: Server, req: ServerRequest, res: ServerResponse) => void;

/** How `close` treats transfers that run. */
export interface CloseOptions {
  /** End them at once, each client gets an ERROR; without it they go on to their end. */
  abort?: boolean | undefined;
  /**
   * Milliseconds: ends a transfer, with an ERROR, once its client has said nothing for so long; the others go on to
   * their end. Without it, silent clients hold a closed server up until their time-outs are over.
   */
  silentMs?: number | undefined;
}

/**
 * A TFTP server.
 *
 * Events: `bound` (the port is taken, no request has been answered: the moment to give up privileges; what a listener
 * throws becomes the `error` of a start that failed); `listening`; `request` (req, res); `error` (root or socket: a bad packet never raises one); `close`
 * (no new requests; running transfers go on).
 *
 * New against npm `tftp`: `transferStart` ({@link TransferInfo}) and `transferEnd` (the same object,
 * {@link TransferResult}) tell of every transfer without taking its bytes through this thread, as a `request`
 * listener does; `requestRefused` ({@link RefusalInfo}) tells of what did not become one; `workerError` (Error): a
 * worker thread died (its transfers failed, another one takes its place), or a handler module threw. Without a
 * listener it becomes a process warning.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface only adds overloads of `on`
export class Server extends EventEmitter {
  /** As configured ("localhost" stays). */
  readonly host: string;
  /** As configured; the real one is in `address()`. */
  readonly port: number;
  /** Directory that is served; read at every request, so it can be changed at any time. */
  root: string;
  #options: ServerOptions;
  #settings: ServerSettings;
  #reloading: Promise<void> = Promise.resolve();
  readonly #dispatcher: Dispatcher;
  readonly #thread: HostThread;
  readonly #sharedPort: SharedPort | null = null;
  readonly #booked = new WeakMap<ServerTransfer, BookedTransfer>();
  #bookedCount = 0;
  /** The handler module, where it runs in this thread. */
  #handler: RequestHandler | null = null;
  #placement: Placement | null = null;
  readonly #transfers = new WeakMap<ServerRequest, ServerTransfer>();
  #sockets: RequestSockets | null = null;
  /** Resolves when the port is free again, which on a single port may take as long as its transfers. */
  #released: Promise<void> = Promise.resolve();
  /** Of this process, for temporary names: see `left-overs.ts`. */
  #origin = "";
  #state: "new" | "opening" | "listening" | "closed" = "new";

  /** @internal */
  constructor(options: ServerOptions, listener: RequestListener | undefined) {
    super();
    this.#options = options;
    this.#settings = fillServerOptions(options);
    this.host = this.#settings.host;
    this.port = this.#settings.port;
    this.root = this.#settings.root;
    if (this.#settings.handler !== null && listener !== undefined) {
      const error = new TypeError("A server has either a request listener or a handler module");
      throw Object.assign(error, { code: "ERR_INVALID_ARG_VALUE" });
    }
    const files = new FileService(this.#settings);
    if (this.#settings.singlePort) {
      this.#sharedPort = new SharedPort((datagram, socket) =>
        this.#dispatcher.handleRequest(datagram, socket),
      );
    }
    this.#thread = {
      runtime: threadRuntime(),
      files,
      settings: this.#settings,
      transferCount: 0,
      ...(this.#sharedPort === null ? {} : { sharedPort: this.#sharedPort }),
    };
    this.#dispatcher = new Dispatcher(threadRuntime(), this.#settings, {
      root: () => this.root,
      uploadBlockSizeMax: () => this.#sockets?.uploadBlockSizeMax ?? Number.POSITIVE_INFINITY,
      uploadTag: () => uploadTag(this.#origin),
      answerMode: () => this.#answerMode(),
      onRequest: (req, res, transfer) => this.#askListeners(req, res, transfer),
      onTransferStart: (transfer) => this.#announceStart(transfer),
      onTransferEnd: (transfer, ending) => this.#announceEnd(transfer, ending),
      onRefused: (refusal) => this.#announceRefusal(refusal),
      openSink: (root, request) => files.openSink(root, request),
    });
    this.on("request", listener || this.requestListener);
  }

  /**
   * Checks the root, binds, starts the workers, and emits `listening` when the first of them would answer a request at
   * once; or `error` with what is wrong: no such root, 'The root is not a directory', `EADDRINUSE`, `EACCES`,
   * `ERR_SERVER_ALREADY_LISTEN`. A closed server can listen again; with `singlePort` it waits for the transfers of
   * before, which need the port.
   *
   * @param onListening - listener for the `listening` event, once
   */
  listen(onListening?: () => void): void {
    if (onListening !== undefined) this.once("listening", onListening);
    if (this.#state === "opening" || this.#state === "listening") {
      const error = new Error("The server is listening already");
      this.#raise(Object.assign(error, { code: "ERR_SERVER_ALREADY_LISTEN" }));
      return;
    }
    this.#state = "opening";
    const sockets = new RequestSockets(
      withInheritedSockets(threadRuntime().sockets),
      (datagram, socket) => this.#dispatcher.handleRequest(datagram, socket),
      (error) => this.emit("error", error),
      (groups) => void this.#placement?.hear(groups),
    );
    this.#sockets = sockets;
    stat(this.root, (error, stats) => void this.#open(sockets, error, stats));
  }

  /**
   * Stops taking requests and frees the port, with `singlePort` when the last transfer has ended. Emits `close` once
   * per `listen`.
   * @returns a promise that resolves when the last transfer has ended and the port is free
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#state !== "closed") {
      this.#state = "closed";
      this.#dispatcher.setPlacement(null);
      const before = this.#released;
      this.#released = this.#release(this.#sockets, this.#placement).then(() => before);
      process.nextTick(() => this.emit("close"));
    }
    if (options.abort) this.#dispatcher.abortAll(SHUTDOWN_TEXT);
    else if (options.silentMs !== undefined) this.#endSilent(options.silentMs);
    this.#placement?.close(options.abort === true);
    return this.#sharedPort === null ? this.#dispatcher.drained() : this.#released;
  }

  /** Frees the port: at once, or where transfers share it, at their end. */
  async #release(sockets: RequestSockets | null, placement: Placement | null): Promise<void> {
    if (this.#sharedPort === null) {
      sockets?.close();
      return;
    }
    await this.#dispatcher.drained();
    await placement?.hear([]);
    sockets?.close();
    // The addon closes at the end of a turn.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #endSilent(silentMs: number): void {
    const end = (): void => this.#dispatcher.abortSilent(SHUTDOWN_TEXT, silentMs);
    end();
    const timer = setInterval(end, Math.max(SILENCE_LOOK_MS_MIN, silentMs / 4));
    void this.#dispatcher.drained().then(() => clearInterval(timer));
  }

  /**
   * Where the server listens, or null when it doesn't; of several addresses, the first. With `port: 0`, this has the
   * real port.
   */
  address(): AddressInfo | null {
    return this.addresses()[0] ?? null;
  }

  /** All that `address()` has the first of, as configured: `::` is one address. */
  addresses(): AddressInfo[] {
    if (this.#state !== "listening" || this.#sockets === null) return [];
    return this.#sockets.addresses.map(({ address, port }) => ({
      address,
      port,
      family: isIP(address.split("%")[0] ?? "") === 6 ? "IPv6" : "IPv4",
    }));
  }

  /** Whether datagrams move in batches through the addon, and what of it is used, or why it is not. */
  get native(): { readonly isNative: boolean; readonly reason: string } {
    const { isNative, reason } = threadRuntime().native;
    return { isNative, reason };
  }

  /** Transfers under way. */
  get transferCount(): number {
    return this.#dispatcher.transferCount;
  }

  /** What the server does at this moment. */
  status(): ServerStatus {
    const { transferCount: activeTransfers, queuedCount: queuedRequests } = this.#dispatcher;
    return { activeTransfers, queuedRequests, threads: this.#placement?.threads() ?? [] };
  }

  /** How far the transfers under way are, oldest first. Costs the workers nothing. */
  *progress(): Iterable<TransferProgress> {
    for (const transfer of this.#dispatcher.activeTransfers()) {
      const info = this.#booked.get(transfer)?.info;
      if (info === undefined) continue;
      const { sizeBytes, transferredBytes } = transfer.account();
      yield { info, sizeBytes: sizeBytes ?? info.declaredBytes, transferredBytes };
    }
  }

  /**
   * The default request listener: answers from files below `root`. A listener of your own may call it for the
   * requests that it leaves to the server, once per request.
   */
  requestListener(req: ServerRequest, _res: ServerResponse): void {
    const transfer = this.#transfers.get(req);
    if (transfer === undefined || !req.claim()) return;
    if (this.#state === "closed") {
      req.abort(errorTexts.EABORT);
      return;
    }
    transfer.serveFiles(transfer.request.root ?? this.root);
  }

  /**
   * Takes other options while the server runs, without touching transfers under way: they go on as they began. The
   * map file is read again. Addresses, port, workers, handler and `maxTransfers` can't change. Nothing changes when
   * the promise rejects.
   *
   * @param options - all of them, as for `createServer`; without, those of before
   * @returns a promise that resolves when every request from then on is treated by the new options
   */
  reload(options?: ServerOptions): Promise<void> {
    const result = this.#reloading.then(() => this.#reload(options ?? { ...this.#options, root: this.root }));
    this.#reloading = result.catch(() => undefined);
    return result;
  }

  async #reload(options: ServerOptions): Promise<void> {
    const { settings, names } = await prepareReload(options, this.#settings);
    this.#options = options;
    this.#settings = settings;
    this.root = settings.root;
    this.#thread.settings = settings;
    this.#thread.files.configure(settings);
    this.#dispatcher.configure(settings, names);
    await this.#placement?.configure(settings);
  }

  /**
   * A dry run: what the rules of names (`lowercase`, `map`, separators) make of a name. Needs no `listen()`.
   *
   * @param context - who asks; default: a GET from 127.0.0.1
   */
  async testName(name: string, context: Partial<MapContext> = {}): Promise<NameTest> {
    const { method = "GET", address = "127.0.0.1" } = context;
    return (await loadNameRules(this.#settings)).test(name, { method, address });
  }

  /** Files answer by themselves while nobody but the default listener would see the requests. */
  #answerMode(): AnswerMode {
    if (this.#settings.handler !== null) return this.#settings.workers > 0 ? "handler" : "listener";
    const [first, ...others] = this.rawListeners("request");
    return others.length === 0 && first === Server.prototype.requestListener ? "files" : "listener";
  }

  #askListeners(req: ServerRequest, res: ServerResponse, transfer: ServerTransfer): void {
    if (this.#handler !== null) {
      const root = transfer.request.root ?? this.root;
      askHandler(this.#handler, root, (error) => this.#reportWorker(error), req, res, transfer);
      return;
    }
    this.#transfers.set(req, transfer);
    this.emit("request", req, res);
  }

  #announceStart(transfer: ServerTransfer): void {
    const booked = bookTransfer(++this.#bookedCount, transfer.request);
    this.#booked.set(transfer, booked);
    publish(channels.transferStart, { server: this, info: booked.info });
    this.emit("transferStart", booked.info);
  }

  #announceEnd(transfer: ServerTransfer, ending: TransferEnding): void {
    const booked = this.#booked.get(transfer);
    if (booked === undefined) return;
    const result = toTransferResult(booked, ending);
    publish(channels.transferEnd, { server: this, info: booked.info, result });
    this.emit("transferEnd", booked.info, result);
  }

  #announceRefusal(refusal: RefusalInfo): void {
    publish(channels.requestRefused, { server: this, refusal });
    this.emit("requestRefused", refusal);
  }

  #reportWorker(error: Error): void {
    publish(channels.workerError, { server: this, error });
    if (this.listenerCount("workerError") > 0) this.emit("workerError", error);
    else process.emitWarning(error);
  }

  async #openPlacement(): Promise<Placement> {
    const { workers, handler } = this.#settings;
    if (workers > 0) {
      // Loaded here, so that a client or a server without workers does not pay for the pool.
      const { WorkerPlacement } = await import("./worker-placement.js");
      return new WorkerPlacement(
        this.#thread,
        (error) => this.#reportWorker(error),
        (datagram) => this.#takeHeard(datagram),
      );
    }
    if (handler !== null) this.#handler = await loadHandler(handler);
    return new LocalPlacement(this.#thread);
  }

  /** On a single port: what a worker heard is answered from there. */
  #takeHeard(datagram: Incoming): void {
    const socket = this.#sharedPort?.at(datagram.localAddress);
    if (socket !== undefined) this.#dispatcher.handleRequest(datagram, socket);
  }

  async #open(sockets: RequestSockets, error: Error | null, stats: Stats): Promise<void> {
    if (this.#state !== "opening" || this.#sockets !== sockets) return;
    if (error !== null || !stats.isDirectory()) {
      this.#state = "new";
      this.#raise(error ?? new Error("The root is not a directory"));
      return;
    }
    let placement: Placement | null = null;
    try {
      this.#dispatcher.configure(this.#settings, await loadNameRules(this.#settings));
      // Threads start while the sockets are bound.
      placement = await this.#openPlacement();
      await this.#bind(sockets);
      void placement.hear(sockets.groups);
      this.#origin = await findOrigin();
      // Whoever gives up privileges does it here; a failure ends the start.
      this.emit("bound");
    } catch (cause) {
      placement?.close(true);
      sockets.close();
      this.#dispatcher.setPlacement(null);
      if (this.#sockets === sockets && this.#state === "opening") this.#state = "new";
      this.#raise(cause as Error);
      return;
    }
    if (this.#sockets !== sockets || this.#state !== "opening") {
      // Closed meanwhile: close() could not know of these threads.
      placement.close(true);
      return;
    }
    this.#placement = placement;
    // What comes from now on waits for a thread; who was told `listening` need not.
    this.#dispatcher.setPlacement(placement);
    await placement.ready();
    if (this.#sockets !== sockets || this.#state !== "opening") return;
    this.#state = "listening";
    if (!this.#settings.denyPUT) {
      void sweepLeftOvers(this.root, this.#origin, () => this.#state !== "listening");
    }
    process.nextTick(() => this.emit("listening"));
  }

  async #bind(sockets: RequestSockets): Promise<void> {
    const { port } = this.#settings;
    if (port > 65_535) {
      const error = new RangeError(`The port must be between 0 and 65535, ${port} was given`);
      throw Object.assign(error, { code: "ERR_SOCKET_BAD_PORT" });
    }
    // The transfers of before may still be on it.
    await this.#released;
    this.#sharedPort?.setSockets(sockets);
    const { singlePort, denyPUT, blockSize, workers } = this.#settings;
    // An upload without options has blocks of 512 bytes, which any request port takes.
    const sharedDatagramBytes = denyPUT ? 0 : datagramBytesFor(blockSize);
    const shared = { sharedDatagramBytes, hearers: workers };
    await sockets.open(singlePort ? { ...this.#settings, ...shared } : this.#settings, port);
  }

  /** Outside the current call, so that no exception of a listener lands in our promises. */
  #raise(error: Error): void {
    process.nextTick(() => this.emit("error", error));
  }
}

/** The events with their arguments. */
export interface Server {
  on(event: "request", listener: RequestListener): this;
  on(event: "transferStart", listener: (info: TransferInfo) => void): this;
  on(event: "transferEnd", listener: (info: TransferInfo, result: TransferResult) => void): this;
  on(event: "requestRefused", listener: (refusal: RefusalInfo) => void): this;
  on(event: "error" | "workerError", listener: (error: Error) => void): this;
  on(event: "bound" | "listening" | "close", listener: () => void): this;
  on(event: string | symbol, listener: (...args: unknown[]) => void): this;
}

const SHUTDOWN_TEXT = "The server is shutting down";

/** How often silent clients of a closed server are looked for, at most. */
const SILENCE_LOOK_MS_MIN = 20;
