import { EventEmitter } from "node:events";
import { type Stats, stat } from "node:fs";
import type { AddressInfo } from "node:net";
import { isIP } from "node:net";
import { errorTexts } from "../errors.js";
import { threadRuntime } from "../runtime.js";
import { DefaultListener } from "./default-listener.js";
import { Dispatcher } from "./dispatcher.js";
import { fillServerOptions, type ServerOptions, type ServerSettings } from "./options.js";
import type { ServerRequest } from "./request.js";
import { RequestSockets } from "./request-sockets.js";
import type { ServerResponse } from "./response.js";
import type { ServerTransfer } from "./server-transfer.js";

/** Called for every request that is not refused outright, with the server as `this`. */
export type RequestListener = (this: Server, req: ServerRequest, res: ServerResponse) => void;

/** How `close` treats transfers that run. */
export interface CloseOptions {
  /** End them at once, each client gets an ERROR; without it they go on to their end. */
  abort?: boolean | undefined;
}

/**
 * A TFTP server.
 *
 * Events: `listening`; `request` (req, res); `error` (root or socket: a bad packet never raises one); `close`
 * (no new requests; running transfers go on).
 */
export class Server extends EventEmitter {
  /** As configured ("localhost" stays). */
  readonly host: string;
  /** As configured; the real one is in {@link Server.address}. */
  readonly port: number;
  /** Directory that is served; read at every request, so it can be changed at any time. */
  root: string;
  readonly #settings: ServerSettings;
  readonly #dispatcher: Dispatcher;
  readonly #files: DefaultListener;
  readonly #transfers = new WeakMap<ServerRequest, ServerTransfer>();
  #sockets: RequestSockets | null = null;
  #state: "new" | "opening" | "listening" | "closed" = "new";

  constructor(options: ServerOptions, listener: RequestListener | undefined) {
    super();
    this.#settings = fillServerOptions(options);
    this.host = this.#settings.host;
    this.port = this.#settings.port;
    this.root = this.#settings.root;
    this.#files = new DefaultListener(this.#settings);
    this.#dispatcher = new Dispatcher(threadRuntime(), this.#settings, (req, res, transfer) => {
      this.#transfers.set(req, transfer);
      this.emit("request", req, res);
      transfer.acceptUnclaimedPut();
    });
    this.on("request", listener || this.requestListener);
  }

  /**
   * Checks the root, binds, and emits `listening`, or `error` with what is wrong: no such root, 'The root is not
   * a directory', `EADDRINUSE`, `EACCES`, `ERR_SERVER_ALREADY_LISTEN`. A closed server can listen again.
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
      threadRuntime().sockets,
      (datagram, socket) => this.#dispatcher.handleRequest(datagram, socket),
      (error) => this.emit("error", error),
    );
    this.#sockets = sockets;
    stat(this.root, (error, stats) => void this.#open(sockets, error, stats));
  }

  /**
   * Stops taking requests and frees the port. Emits `close` once per `listen`.
   * @returns a promise that resolves when the last transfer has ended
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#state !== "closed") {
      this.#state = "closed";
      this.#sockets?.close();
      process.nextTick(() => this.emit("close"));
    }
    if (options.abort) this.#dispatcher.abortAll("The server is shutting down");
    return this.#dispatcher.drained();
  }

  /** Where the server listens, or null when it doesn't. With `port: 0`, this has the real port. */
  address(): AddressInfo | null {
    if (this.#state !== "listening" || this.#sockets === null) return null;
    const { address, port } = this.#sockets.address;
    return { address, port, family: isIP(address.split("%")[0] ?? "") === 6 ? "IPv6" : "IPv4" };
  }

  /** Transfers under way. */
  get transferCount(): number {
    return this.#dispatcher.transferCount;
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
    this.#files.serve(this.root, req, transfer);
  }

  async #open(sockets: RequestSockets, error: Error | null, stats: Stats): Promise<void> {
    if (this.#state !== "opening" || this.#sockets !== sockets) return;
    if (error !== null || !stats.isDirectory()) {
      this.#state = "new";
      this.#raise(error ?? new Error("The root is not a directory"));
      return;
    }
    try {
      await this.#bind(sockets);
    } catch (cause) {
      if (this.#sockets === sockets && this.#state === "opening") this.#state = "new";
      this.#raise(cause as Error);
      return;
    }
    if (this.#sockets !== sockets || this.#state !== "opening") return;
    this.#state = "listening";
    this.emit("listening");
  }

  async #bind(sockets: RequestSockets): Promise<void> {
    const { address, port } = this.#settings;
    if (port > 65_535) {
      const error = new RangeError(`The port must be between 0 and 65535, ${port} was given`);
      throw Object.assign(error, { code: "ERR_SOCKET_BAD_PORT" });
    }
    await sockets.open(address, port);
  }

  /** Outside the current call, so that no exception of a listener lands in our promises. */
  #raise(error: Error): void {
    process.nextTick(() => this.emit("error", error));
  }
}
