import { storageFailureOnWire } from "../driver/storage-failures.js";
import { TftpError } from "../errors.js";
import { toStorageFailure } from "../io/fs-failure.js";
import type { BlockSink, StorageFailure } from "../io/storage.js";
import { type Stats, toExtensionsObject } from "../streams/stats.js";
import type { AdmittedTransfer } from "./admission.js";
import { CopyingSink } from "./copying-sink.js";
import type { ServerSettings } from "./options.js";
import type {
  AnswerMode,
  PlacedRequest,
  PlacedTransfer,
  Placement,
  PlacementHandlers,
  TransferAccount,
  TransferFailure,
} from "./placement.js";
import { RedirectableSink } from "./redirectable-sink.js";
import { ServerRequest } from "./request.js";
import { ServerResponse } from "./response.js";
import { failureToError, type TransferEnding } from "./transfer-info.js";

/** What a transfer needs of its server. */
export interface ServerTransferOwner {
  /** The listeners are to be asked; called once, not for transfers that files answer by themselves. */
  onRequest(req: ServerRequest, res: ServerResponse, transfer: ServerTransfer): void;
  /** The client is owed an ERROR that cannot come from the transfer's own socket. */
  onUnanswered(transfer: ServerTransfer, failure: TransferFailure): void;
  /** Data has ended, well or not: the file is free. Once. */
  onFileReleased(transfer: ServerTransfer, ending: TransferEnding): void;
  /** Nothing is left. Once, after `onFileReleased`. */
  onEnded(transfer: ServerTransfer): void;
  /** Stores an upload that has begun to stream into `req`, in this thread. */
  openSink(root: string, request: PlacedRequest): Promise<BlockSink>;
}

/**
 * One transfer, as the server sees it from the admitted request to the end of dallying: joins the pair of streams
 * with the thread where socket and engine are.
 */
export class ServerTransfer implements AdmittedTransfer, PlacementHandlers {
  readonly request: PlacedRequest;
  /** The datagram, to recognise a repetition. */
  readonly requestBytes: Uint8Array;
  readonly #settings: ServerSettings;
  readonly #owner: ServerTransferOwner;
  readonly #placed: PlacedTransfer;
  #req: ServerRequest | null = null;
  #res: ServerResponse | null = null;
  #userExtensions: ReadonlyMap<string, string> = new Map();
  /** The root to serve from, once the default listener took the request. */
  #root: string | null = null;
  #listenersRun = false;
  /** Where an upload that listeners stream goes. */
  #sink: RedirectableSink | null = null;
  /** Why `res` ended the transfer, where it was an error of its writer. */
  #abortReason: Error | null = null;
  #fileReleased = false;
  #over = false;
  #ended = false;

  constructor(
    placement: Pick<Placement, "place">,
    settings: ServerSettings,
    request: PlacedRequest,
    start: { readonly requestBytes: Uint8Array; readonly answer: AnswerMode; readonly root: string },
    owner: ServerTransferOwner,
  ) {
    this.request = request;
    this.requestBytes = start.requestBytes;
    this.#settings = settings;
    this.#owner = owner;
    this.#placed = placement.place(request, start.answer, start.root, this);
  }

  get method(): "GET" | "PUT" {
    return this.request.method;
  }

  get fileKey(): string {
    return this.request.fileKey;
  }

  get clientAddress(): string {
    return this.request.peer.address;
  }

  get proven(): boolean {
    return this.#placed.proven;
  }

  get isCarried(): boolean {
    return this.#placed.isCarried;
  }

  /** Data has moved: a fresh request of the same client means that it was started anew. */
  get hasMovedData(): boolean {
    return this.#placed.hasMovedData;
  }

  /** GET: every byte has left, and only an ACK is missing. */
  get awaitsLastAck(): boolean {
    return this.#placed.awaitsLastAck;
  }

  /** True until the last byte has arrived; a transfer that dallies is not active. */
  get isActive(): boolean {
    return !this.#fileReleased;
  }

  /** How long nothing has come from the client. */
  silentMs(): number {
    return this.#placed.silentMs();
  }

  /** Its figures at this moment. */
  account(): TransferAccount {
    return this.#placed.account();
  }

  /** Makes the streams and asks the listeners. */
  onOpened(localAddress: string, localPort: number): void {
    if (this.#over) return;
    const { method, file, peer, offer } = this.request;
    const stats: Stats = {
      blockSize: offer.parameters.blockSize,
      windowSize: offer.parameters.windowSize,
      size: offer.declaredSizeBytes,
      userExtensions: toExtensionsObject(offer.userExtensions),
      retries: this.#settings.retries,
      timeout: offer.parameters.timeoutMs ?? this.#settings.timeoutMs,
      localAddress,
      localPort,
      remoteAddress: peer.address,
      remotePort: peer.port,
    };
    const req = new ServerRequest(method, file, stats, () => this.#placed.copyUpload());
    const res = new ServerResponse({
      method,
      isOver: () => this.#over,
      answer: (sizeBytes) => this.#placed.sendFrom(res.blockSource, sizeBytes, this.#userExtensions),
      setUserExtensions: (extensions) => {
        this.#userExtensions = extensions;
      },
    });
    const control = {
      abort: (errorCode: number, message: string, reason?: Error) => {
        this.#abortReason ??= reason ?? null;
        if (!this.#over) this.#placed.abort(errorCode, message);
      },
      close: () => this.#closeSilently(),
    };
    req.setControl(control);
    res.setControl(control);
    this.#req = req;
    this.#res = res;
    this.#owner.onRequest(req, res, this);
    this.#afterListeners();
  }

  /**
   * The default listener takes the request. An upload that streams into `req` already goes on into the file, with
   * what nobody has read yet; so does one whose last byte has come, as its client was told that all is well.
   */
  serveFiles(root: string): void {
    this.#root = root;
    if (this.#sink !== null) {
      this.#storeLate(root, this.#sink).catch((error: unknown) => this.#refuse(toStorageFailure(error)));
    } else if (this.#listenersRun) {
      this.#startFiles(root);
    }
  }

  /** A datagram of its client that another worker heard; false for one that nothing can be done with yet. */
  deliver(bytes: Uint8Array): boolean {
    if (!this.#placed.isCarried) return false;
    this.#placed.deliver(bytes);
    return true;
  }

  handleRepeatedRequest(): void {
    this.#placed.handleRepeatedRequest();
  }

  /** Gives way to another request: a new one of the same client, or of somebody else at a limit. */
  evict(by: "same-client" | "limit"): void {
    const beforeData = by === "same-client" && !this.hasMovedData;
    const cause = new TftpError("Superseded by another request", { code: "EABORT" });
    this.#failSilently(cause, { kind: "superseded", by, beforeData, cause });
  }

  /** Its client asks for something else, which it would not without the last bytes: their ACK has been lost. */
  endWithoutLastAck(): void {
    if (this.#over) return;
    const account = this.#placed.account();
    this.#placed.close();
    this.onCompleted(true, account);
    this.onEnded();
  }

  /** Ends everything in silence, with an error for the listeners. */
  #failSilently(error: Error, failure: TransferFailure): void {
    if (this.#over) return;
    const account = this.#placed.account();
    this.#placed.close();
    this.#req?.fail(error);
    this.#res?.destroy();
    this.#end({ failure, lastAckMissing: false, account });
  }

  /** The server closes: the client gets an ERROR; one that only dallies is let go. */
  shutDown(text: string): void {
    if (this.#fileReleased) {
      const error = new TftpError(text, { code: "EABORT" });
      this.#failSilently(error, { kind: "aborted", message: text });
      return;
    }
    this.#req?.abort(text);
    // A request that has all its bytes does not abort any more; its transfer does.
    if (!this.#fileReleased) this.#placed.abort(0, text);
  }

  onCompleted(lastAckMissing: boolean, account: TransferAccount): void {
    this.#releaseFile({ failure: null, lastAckMissing, account });
    const req = this.#req;
    if (req === null || this.method === "PUT") return;
    req.completeGet();
    if (this.#root !== null) this.#res?.end();
    this.#res?.complete();
  }

  onFailed(failure: TransferFailure, account: TransferAccount): void {
    this.#over = true;
    this.#releaseFile({ failure, lastAckMissing: false, account });
    const unanswered = failure.kind === "no-socket" || (failure.kind === "refused" && !failure.answered);
    if (unanswered) this.#owner.onUnanswered(this, failure);
    const req = this.#req;
    if (failure.kind === "refused") this.#refuse({ kind: failure.reason, cause: failure.cause });
    else if (failure.kind !== "aborted") req?.fail(failureToError(failure));
    else if (this.#abortReason !== null) req?.fail(this.#abortReason);
    else req?.settleAborted();
    this.#res?.close();
  }

  onEnded(): void {
    this.#end(null);
  }

  /** After the listeners ran: a PUT that none of them stores into a file is read from `req`. */
  #afterListeners(): void {
    this.#listenersRun = true;
    const req = this.#req;
    if (req === null || this.#over) return;
    if (this.#root !== null) this.#startFiles(this.#root);
    else if (this.method === "PUT") {
      this.#sink = new RedirectableSink(req.blockSink);
      this.#placed.receiveInto(this.#sink, this.#userExtensions);
    }
  }

  #startFiles(root: string): void {
    const req = this.#req;
    if (req === null || this.#over) return;
    const order = { root, userExtensions: this.#userExtensions, copyTo: req.copySink };
    this.#placed.serveFiles(order);
    if (this.method === "PUT") req.feedReaders();
  }

  /** @throws the file system's error; Error when somebody has read a part: the file would lack it */
  async #storeLate(root: string, sink: RedirectableSink): Promise<void> {
    const file = await this.#owner.openSink(root, this.request);
    const req = this.#req;
    if (req === null || req.destroyed || (this.#over && !sink.finished)) {
      file.discard();
    } else if (req.readableDidRead) {
      file.discard();
      throw new Error("The upload was read before it was handed to the default listener");
    } else if (sink.finished) {
      file.attach({
        onDrained: () => undefined,
        onFinished: () => undefined,
        onFailure: ({ cause }) => req.failLate(cause),
      });
      for (let chunk = req.read(); chunk !== null; chunk = req.read()) file.write(chunk);
      file.finish();
    } else {
      // Nothing is copied, but the stream ends with the file.
      sink.redirect(new CopyingSink(file, req.copySink));
      for (let chunk = req.read(); chunk !== null; chunk = req.read()) file.write(chunk);
    }
  }

  #refuse({ kind, cause }: StorageFailure): void {
    this.#req?.refuse(storageFailureOnWire(kind).message, cause);
  }

  #closeSilently(): void {
    if (this.#over) return;
    const account = this.#placed.account();
    this.#placed.close();
    this.#req?.close();
    this.#res?.close();
    this.#end({ failure: { kind: "aborted", message: "" }, lastAckMissing: false, account });
  }

  #releaseFile(ending: TransferEnding): void {
    if (this.#fileReleased) return;
    this.#fileReleased = true;
    this.#owner.onFileReleased(this, ending);
  }

  /** @param ending - null where it has been told, as it is whenever the placement speaks of the end */
  #end(ending: TransferEnding | null): void {
    this.#over = true;
    if (ending !== null) this.#releaseFile(ending);
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.onEnded(this);
  }
}
