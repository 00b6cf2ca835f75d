import { isIP } from "node:net";
import { NetasciiSink, NetasciiSource } from "../driver/netascii-store.js";
import type { Timer } from "../driver/timer-queue.js";
import { type Negotiated, TransferDriver, type TransferHandlers } from "../driver/transfer-driver.js";
import {
  ErrorCode,
  encodeRequest,
  type Fault,
  type Option,
  REQUEST_BYTES_MAX,
  requestOptions,
  Transfer,
} from "../engine/index.js";
import { errorTexts, faultToError, TftpError } from "../errors.js";
import { receivingOptions } from "../io/socket.js";
import type { BlockSink, BlockSource } from "../io/storage.js";
import type { Runtime } from "../runtime.js";
import type { TransferControl } from "../streams/control.js";
import { type Stats, toExtensionsObject } from "../streams/stats.js";
import type { ClientSettings } from "./client-settings.js";
import { LimitedSink } from "./limited-sink.js";
import { resolveHost } from "./resolve.js";

/** Wait for an answer from one address of a host before the next is asked as well (RFC 8305 §5). */
const NEXT_ADDRESS_MS = 250;

/** One GET or PUT as the caller wants it. */
export interface ClientRequest {
  readonly method: "GET" | "PUT";
  /** Normalised, see remote-name.ts. */
  readonly remoteName: string;
  readonly mode: "octet" | "netascii";
  readonly userExtensions: ReadonlyMap<string, string>;
  /** PUT: the size in bytes; GET: 0. */
  readonly sizeBytes: number;
}

export interface ClientTransferHandlers {
  onStats(stats: Stats): void;
  /** The file is whole: GET in the sink, PUT acknowledged by the server. */
  onCompleted(): void;
  onFailed(error: Error): void;
}

/** GET: where the bytes go. PUT: where they come from. */
export type ClientStore =
  | { readonly sink: BlockSink; readonly source?: undefined }
  | { readonly source: BlockSource; readonly sink?: undefined };

/**
 * One transfer of a client, from the host name to the last ACK: tries the host's addresses until one answers,
 * and repeats the request without options for a server that refuses them (ERROR 8).
 *
 * Exactly one of the handlers `onCompleted` and `onFailed` is called, asynchronously, unless `abort` or `close`
 * came first.
 */
export class ClientTransfer implements TransferControl {
  readonly #runtime: Runtime;
  readonly #settings: ClientSettings;
  readonly #request: ClientRequest;
  readonly #store: ClientStore;
  readonly #handlers: ClientTransferHandlers;
  /** Addresses that were not asked yet. */
  #addresses: string[] = [];
  /** Attempts under way; one once a server has answered. */
  readonly #attempts = new Set<TransferDriver>();
  #opening = 0;
  #options: readonly Option[] = [];
  #withoutOptions = false;
  #answered: TransferDriver | null = null;
  #negotiated = false;
  #over = false;
  readonly #nextAddress: Timer;

  constructor(
    runtime: Runtime,
    settings: ClientSettings,
    request: ClientRequest,
    store: ClientStore,
    handlers: ClientTransferHandlers,
  ) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.#request = request;
    this.#store = store;
    this.#handlers = handlers;
    this.#nextAddress = runtime.timers.createTimer(() => this.#tryNext());
  }

  /** Payload bytes moved so far. */
  get transferredBytes(): number {
    return this.#answered?.counters.transferredBytes ?? 0;
  }

  /** Looks the host up and sends the request. */
  start(): void {
    const { timeoutMs, blockSize, windowSize } = this.#settings;
    const { sizeBytes, userExtensions } = this.#request;
    this.#options = requestOptions({ blockSize, windowSize, timeoutMs, sizeBytes, userExtensions });
    if (this.#encode(this.#options).length > REQUEST_BYTES_MAX) {
      process.nextTick(() => this.#fail(new TftpError(errorTexts.ERBIG, { code: "ERBIG" })));
      return;
    }
    resolveHost(this.#settings.host, (error, addresses) => {
      if (this.#over) return;
      if (error !== null) {
        this.#fail(error);
        return;
      }
      this.#addresses = addresses;
      this.#tryNext();
    });
  }

  abort(errorCode: number, message: string): void {
    this.#cancel((driver) => driver.abort(errorCode, message));
  }

  close(): void {
    this.#cancel((driver) => driver.close());
  }

  #cancel(end: (driver: TransferDriver) => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#nextAddress.cancel();
    for (const driver of this.#attempts) end(driver);
    this.#dropStore();
  }

  #tryNext(): void {
    const address = this.#addresses.shift();
    if (this.#over || this.#answered !== null || address === undefined) return;
    if (this.#addresses.length > 0) this.#nextAddress.set(this.#runtime.clock.nowMs() + NEXT_ADDRESS_MS);
    this.#ask(address);
  }

  /** Sends the request from a socket of its own. */
  #ask(address: string): void {
    const { port, retries, timeoutMs } = this.#settings;
    const { method, mode, sizeBytes } = this.#request;
    const options = this.#withoutOptions ? [] : this.#options;
    const driver: TransferDriver = new TransferDriver({
      transfer: new Transfer({
        role: "client",
        method,
        mode,
        timeoutMs,
        retries,
        request: this.#encode(options),
        options,
        putBytes: sizeBytes,
      }),
      clock: this.#runtime.clock,
      timers: this.#runtime.timers,
      peer: { address, port },
      tidIsOpen: true,
      handlers: this.#driverHandlers(() => driver),
    });
    const family = isIP(address.split("%")[0] ?? "");
    this.#opening++;
    this.#openSocket(driver, family === 6 ? "::" : "0.0.0.0").then(
      () => {
        this.#opening--;
        if (this.#over || this.#answered !== null) driver.close();
        else {
          this.#attempts.add(driver);
          driver.start();
        }
      },
      (error: Error) => {
        this.#opening--;
        this.#attemptFailed(error);
      },
    );
  }

  async #openSocket(driver: TransferDriver, address: string): Promise<void> {
    const { port, dedicatedThread: mayBlock } = this.#settings;
    if (port > 65_535) {
      const text = `The port must be between 1 and 65535, ${port} was given`;
      throw Object.assign(new RangeError(text), { code: "ERR_SOCKET_BAD_PORT" });
    }
    const receiving = receivingOptions(this.#request.method === "GET" ? this.#settings : null);
    const options = { address, port: 0, mayBlock, ...receiving };
    driver.bind(await this.#runtime.sockets.open(options, driver));
  }

  #driverHandlers(self: () => TransferDriver): TransferHandlers {
    return {
      onAnswered: () => this.#adopt(self()),
      onNegotiated: (negotiated) => this.#begin(self(), negotiated),
      onCompleted: () => {
        if (this.#over) return;
        this.#over = true;
        this.#handlers.onCompleted();
      },
      onFailed: (fault) => this.#driverFailed(self(), fault),
      onEnded: () => this.#attempts.delete(self()),
    };
  }

  /** The first server that answers is the peer; the other attempts end in silence. */
  #adopt(driver: TransferDriver): void {
    this.#answered = driver;
    this.#nextAddress.cancel();
    for (const other of this.#attempts) if (other !== driver) other.close();
    this.#attempts.clear();
    this.#attempts.add(driver);
  }

  /** Data follows: only now, as a refused request may still be repeated and needs the store untouched. */
  #begin(driver: TransferDriver, negotiated: Negotiated): void {
    this.#negotiated = true;
    const { sink, source } = this.#store;
    const isText = this.#request.mode === "netascii";
    if (sink !== undefined) {
      const limited = new LimitedSink(sink, this.#settings.downloadBytesMax, negotiated.sizeBytes);
      driver.setSink(isText ? new NetasciiSink(limited) : limited);
    } else driver.setSource(isText ? new NetasciiSource(source) : source);
    this.#handlers.onStats(this.#statsOf(driver, negotiated));
  }

  #statsOf(driver: TransferDriver, negotiated: Negotiated): Stats {
    const { parameters, sizeBytes, userExtensions, oack } = negotiated;
    const isPlainPut = !oack && this.#request.method === "PUT";
    return {
      blockSize: parameters.blockSize,
      windowSize: parameters.windowSize,
      size: isPlainPut ? this.#request.sizeBytes || null : sizeBytes,
      userExtensions: toExtensionsObject(userExtensions),
      retries: this.#settings.retries,
      timeout: parameters.timeoutMs ?? this.#settings.timeoutMs,
      localAddress: driver.socket?.localAddress ?? "",
      localPort: driver.socket?.localPort ?? 0,
      remoteAddress: driver.peer.address,
      remotePort: driver.peer.port,
    };
  }

  #driverFailed(driver: TransferDriver, fault: Fault): void {
    this.#attempts.delete(driver);
    if (this.#over) return;
    const optionsRefused =
      fault.kind === "peer-error" && fault.errorCode === ErrorCode.optionNegotiation && !this.#negotiated;
    if (optionsRefused && !this.#withoutOptions) {
      this.#withoutOptions = true;
      this.#answered = null;
      this.#ask(driver.peer.address);
      return;
    }
    if (optionsRefused) {
      this.#fail(faultToError({ kind: "violation", name: "EBADOP", detail: fault.message }, "(Server) "));
      return;
    }
    this.#attemptFailed(faultToError(fault, "(Server) "));
  }

  #attemptFailed(error: Error): void {
    if (this.#over) return;
    if (this.#answered === null) {
      if (this.#addresses.length > 0) this.#tryNext();
      if (this.#opening > 0 || this.#attempts.size > 0) return;
    }
    this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#nextAddress.cancel();
    this.#dropStore();
    this.#handlers.onFailed(error);
  }

  #dropStore(): void {
    this.#store.sink?.discard();
    this.#store.source?.close();
  }

  #encode(options: readonly Option[]): Uint8Array {
    const { method, remoteName, mode } = this.#request;
    return encodeRequest({ method, fileName: remoteName, mode, options });
  }
}
