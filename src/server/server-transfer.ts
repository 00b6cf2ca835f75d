import { NetasciiSink, NetasciiSource } from "../driver/netascii-store.js";
import { TransferDriver } from "../driver/transfer-driver.js";
import { type Fault, type Offer, Transfer } from "../engine/index.js";
import { faultToError, TftpError } from "../errors.js";
import type { DatagramSocket, Peer } from "../io/socket.js";
import type { BlockSink, BlockSource } from "../io/storage.js";
import type { Runtime } from "../runtime.js";
import { type Stats, toExtensionsObject } from "../streams/stats.js";
import type { AdmittedTransfer } from "./admission.js";
import type { ServerSettings } from "./options.js";
import { RedirectableSink } from "./redirectable-sink.js";
import { ServerRequest } from "./request.js";
import { ServerResponse } from "./response.js";

/** A request that was let in. */
export interface AdmittedRequest {
  readonly method: "GET" | "PUT";
  readonly mode: "octet" | "netascii";
  readonly offer: Offer;
  /** As `req.file` shows it. */
  readonly file: string;
  readonly fileKey: string;
  readonly peer: Peer;
  /** The datagram, to recognise a repetition. */
  readonly bytes: Uint8Array;
}

export interface ServerTransferHandlers {
  /** Data has ended, well or not: the file is free. Once. */
  onFileReleased(): void;
  /** Nothing is left. Once, after `onFileReleased`. */
  onEnded(): void;
}

/**
 * One transfer of a server, from the admitted request to the end of dallying: owns engine, driver and the pair
 * of streams, and translates between their events.
 */
export class ServerTransfer implements AdmittedTransfer {
  readonly method: "GET" | "PUT";
  readonly fileKey: string;
  readonly request: AdmittedRequest;
  readonly #settings: ServerSettings;
  readonly #engine: Transfer;
  readonly #driver: TransferDriver;
  readonly #handlers: ServerTransferHandlers;
  #req: ServerRequest | null = null;
  #res: ServerResponse | null = null;
  #userExtensions: ReadonlyMap<string, string> = new Map();
  #sink: RedirectableSink | null = null;
  /** Why `res` ended the transfer, where it was an error of its writer. */
  #abortReason: Error | null = null;
  #fileReleased = false;
  #over = false;

  constructor(
    runtime: Runtime,
    settings: ServerSettings,
    request: AdmittedRequest,
    handlers: ServerTransferHandlers,
  ) {
    this.method = request.method;
    this.fileKey = request.fileKey;
    this.request = request;
    this.#settings = settings;
    this.#handlers = handlers;
    const { method, mode, offer, peer } = request;
    const { timeoutMs, retries } = settings;
    this.#engine = new Transfer({ role: "server", method, mode, offer, timeoutMs, retries });
    this.#driver = new TransferDriver({
      transfer: this.#engine,
      clock: runtime.clock,
      timers: runtime.timers,
      peer,
      tidIsOpen: false,
      handlers: {
        onCompleted: () => this.#completed(),
        onFailed: (fault) => this.#failed(fault),
        onEnded: () => this.#end(),
      },
    });
  }

  get proven(): boolean {
    return this.#engine.proven;
  }

  /** Data has moved: a fresh request of the same client means that it was started anew. */
  get hasMovedData(): boolean {
    return this.#engine.hasMovedData;
  }

  /** True until the last byte has arrived; a transfer that dallies is not active. */
  get isActive(): boolean {
    return !this.#fileReleased;
  }

  /** How long nothing has come from the client. */
  silentMs(nowMs: number): number {
    return nowMs - this.#driver.lastHeardMs;
  }

  isOver(): boolean {
    return this.#over;
  }

  get driver(): TransferDriver {
    return this.#driver;
  }

  /** Takes the bound socket and makes the streams for the listeners. */
  open(socket: DatagramSocket): { req: ServerRequest; res: ServerResponse } {
    this.#driver.bind(socket);
    const { method, file, peer, offer } = this.request;
    const stats: Stats = {
      blockSize: offer.parameters.blockSize,
      windowSize: offer.parameters.windowSize,
      size: offer.declaredSizeBytes,
      userExtensions: toExtensionsObject(offer.userExtensions),
      retries: this.#settings.retries,
      timeout: offer.parameters.timeoutMs ?? this.#settings.timeoutMs,
      localAddress: socket.localAddress,
      localPort: socket.localPort,
      remoteAddress: peer.address,
      remotePort: peer.port,
    };
    const req = new ServerRequest(method, file, stats);
    const res = new ServerResponse({
      method,
      isOver: () => this.#over,
      answer: (sizeBytes) => this.sendFrom(res.blockSource, sizeBytes),
      setUserExtensions: (extensions) => {
        this.#userExtensions = extensions;
      },
    });
    const control = {
      abort: (errorCode: number, message: string, reason?: Error) => {
        this.#abortReason ??= reason ?? null;
        this.#driver.abort(errorCode, message);
      },
      close: () => this.#closeSilently(),
    };
    req.setControl(control);
    res.setControl(control);
    this.#req = req;
    this.#res = res;
    return { req, res };
  }

  /** Answers a GET from this source. */
  sendFrom(source: BlockSource, sizeBytes: number): void {
    if (this.#over) {
      source.close();
      return;
    }
    this.#driver.setSource(this.request.mode === "netascii" ? new NetasciiSource(source) : source);
    this.#accept(sizeBytes);
  }

  /**
   * Answers a PUT into this sink. One that streams into `req` already goes on into it, with what nobody has read
   * yet; so does one whose last byte has come, as its client was told that all is well.
   *
   * @throws Error when somebody has read a part: the file would lack it
   */
  receiveInto(file: BlockSink): void {
    const req = this.#req;
    if (req === null || req.destroyed || (this.#over && this.#sink?.finished !== true)) {
      file.discard();
    } else if (this.#sink === null) {
      this.#receive(req.teeInto(file));
    } else if (req.readableDidRead) {
      file.discard();
      throw new Error("The upload was read before it was handed to the default listener");
    } else if (this.#sink.finished) {
      file.attach({ onDrained: ignore, onFinished: ignore, onFailure: ({ cause }) => req.failLate(cause) });
      for (let chunk = req.read(); chunk !== null; chunk = req.read()) file.write(chunk);
      file.finish();
    } else {
      this.#sink.redirect(req.teeInto(file));
      for (let chunk = req.read(); chunk !== null; chunk = req.read()) file.write(chunk);
    }
  }

  /** After the listeners ran: a PUT that none of them stores into a file is read from `req`. */
  acceptUnclaimedPut(): void {
    const req = this.#req;
    if (this.method === "PUT" && req !== null && !req.isClaimed && !this.#over) this.#receive(req.blockSink);
  }

  #receive(target: BlockSink): void {
    this.#sink = new RedirectableSink(target);
    this.#driver.setSink(this.request.mode === "netascii" ? new NetasciiSink(this.#sink) : this.#sink);
    this.#accept(null);
  }

  handleRepeatedRequest(): void {
    this.#driver.handleRepeatedRequest();
  }

  /** Gives way to another request. */
  evict(): void {
    this.fail(new TftpError("Superseded by another request", { code: "EABORT" }));
  }

  /** Ends everything in silence, with an error for the listeners. */
  fail(error: Error): void {
    if (this.#over) return;
    this.#driver.close();
    this.#req?.fail(error);
    this.#res?.destroy();
    this.#end();
  }

  /** The server closes: the client gets an ERROR; one that only dallies is let go. */
  shutDown(text: string): void {
    if (this.#fileReleased || this.#req === null) this.fail(new TftpError(text, { code: "EABORT" }));
    else this.#req.abort(text);
  }

  #accept(sizeBytes: number | null): void {
    this.#driver.accept({ sizeBytes, userExtensions: this.#userExtensions });
  }

  #completed(): void {
    this.#releaseFile();
    if (this.method === "GET") {
      this.#req?.completeGet();
      if (this.#req?.isClaimed) this.#res?.end();
      this.#res?.complete();
    }
  }

  #failed(fault: Fault): void {
    this.#over = true;
    this.#releaseFile();
    if (fault.kind === "aborted" && this.#abortReason !== null) this.#req?.fail(this.#abortReason);
    else if (fault.kind === "aborted") this.#req?.settleAborted();
    else this.#req?.fail(faultToError(fault, ""));
    this.#res?.close();
  }

  #closeSilently(): void {
    if (this.#over) return;
    this.#driver.close();
    this.#req?.close();
    this.#res?.close();
    this.#end();
  }

  #releaseFile(): void {
    if (this.#fileReleased) return;
    this.#fileReleased = true;
    this.#handlers.onFileReleased();
  }

  #end(): void {
    this.#over = true;
    this.#releaseFile();
    this.#handlers.onEnded();
  }
}

function ignore(): void {}
