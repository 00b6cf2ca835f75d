import { NetasciiSink, NetasciiSource } from "../driver/netascii-store.js";
import { storageFailureOnWire } from "../driver/storage-failures.js";
import { TransferDriver } from "../driver/transfer-driver.js";
import { type Fault, Transfer, type TransferCounters } from "../engine/index.js";
import { toStorageFailure } from "../io/fs-failure.js";
import { processTimeMs } from "../io/process-time.js";
import { type DatagramSocket, receivingOptions, type SocketHandlers } from "../io/socket.js";
import type { BlockSink, BlockSource } from "../io/storage.js";
import type { Runtime } from "../runtime.js";
import { CopyingSink } from "./copying-sink.js";
import type { FileService } from "./file-service.js";
import type { ServerSettings } from "./options.js";
import type {
  AnswerMode,
  FileOrder,
  PlacedRequest,
  PlacedTransfer,
  PlacementHandlers,
  TransferAccount,
  TransferFailure,
} from "./placement.js";
import type { SharedPort } from "./shared-port.js";

/** What all transfers of a thread share. */
export interface HostThread {
  readonly runtime: Runtime;
  readonly files: FileService;
  /** Replaced when the server reloads; a transfer keeps what it began with. */
  settings: ServerSettings;
  /** Those of which anything is left. Written by them. */
  transferCount: number;
  /** Where transfers have no ports of their own. */
  readonly sharedPort?: SharedPort;
}

/** News of a transfer are told in steps of this size: fine enough for every decision, and nothing beside a datagram. */
const HEARD_STEP_MS = 10;

/** Follows a transfer from beside it, without a part in it. */
export interface HostWatcher {
  onBound(localPort: number): void;
  /** The first answer leaves. */
  onAnswered(sizeBytes: number | null, atMs: number): void;
  /** Something came from the network, and has been dealt with; told 10 ms later, but for the first steps. */
  onHeard(): void;
}

/**
 * One transfer in its own thread, the server's or a worker: engine, driver, socket and file store, from the
 * admitted request to the end of dallying.
 */
export class TransferHost implements PlacedTransfer {
  readonly #thread: HostThread;
  readonly #request: PlacedRequest;
  readonly #handlers: PlacementHandlers;
  readonly #engine: Transfer;
  readonly #driver: TransferDriver;
  readonly #watcher: HostWatcher | null;
  #copying: CopyingSink | null = null;
  #copyIsWanted = false;
  /** What the file system said, while the ERROR is on its way through the engine. */
  #refusal: TransferFailure | null = null;
  #sizeBytes: number | null = null;
  #firstAnswerAtMs: number | null = null;
  #over = false;
  /** On a single port: takes what came another way. */
  #received: ((bytes: Uint8Array) => void) | null = null;
  /** Resolves when the file of an upload has its name, or nothing is left of it. */
  #stored: Promise<void> | null = null;

  constructor(
    thread: HostThread,
    request: PlacedRequest,
    handlers: PlacementHandlers,
    watcher: HostWatcher | null = null,
  ) {
    this.#watcher = watcher;
    this.#thread = thread;
    thread.transferCount++;
    this.#request = request;
    this.#handlers = handlers;
    const { method, mode, offer, peer } = request;
    const { timeoutMs, retries } = thread.settings;
    this.#engine = new Transfer({ role: "server", method, mode, offer, timeoutMs, retries });
    this.#driver = new TransferDriver({
      transfer: this.#engine,
      clock: thread.runtime.clock,
      timers: thread.runtime.timers,
      peer,
      tidIsOpen: false,
      handlers: {
        onCompleted: (lastAckMissing) => handlers.onCompleted(lastAckMissing, this.account()),
        onFailed: (fault) => this.#failed(fault),
        onEnded: () => this.#ended(),
      },
    });
  }

  get proven(): boolean {
    return this.#engine.proven;
  }

  get isCarried(): boolean {
    return this.#driver.socket !== null;
  }

  get hasMovedData(): boolean {
    return this.#engine.hasMovedData;
  }

  get awaitsLastAck(): boolean {
    return this.#engine.awaitsLastAck;
  }

  /** Resolves when an upload has its name, or nothing is left of it. */
  get stored(): Promise<void> {
    return this.#stored ?? Promise.resolve();
  }

  silentMs(): number {
    return this.#thread.runtime.clock.nowMs() - this.#driver.lastHeardMs;
  }

  get counters(): Readonly<TransferCounters> {
    return this.#driver.counters;
  }

  account(): TransferAccount {
    const counters = this.#driver.counters;
    return {
      sizeBytes: this.#sizeBytes,
      transferredBytes: counters.transferredBytes,
      blocksSent: counters.blocksSent,
      retransmissions: counters.blocksRetransmitted,
      duplicates: counters.duplicatesReceived,
      timeouts: counters.timeouts,
      junk: counters.junkReceived,
      proven: this.#engine.proven,
      firstAnswerAtMs: this.#firstAnswerAtMs,
      endedAtMs: processTimeMs(),
    };
  }

  /** Begins; what goes wrong is told by the handlers. */
  start(answer: AnswerMode, root: string): void {
    void (answer === "files" ? this.#openFromFiles(root) : this.#open());
  }

  /** Binds the socket and asks the listeners. */
  async #open(): Promise<void> {
    const socket = await this.#openSocket().catch((cause: Error) => {
      this.#giveUp({ kind: "no-socket", cause });
      return null;
    });
    // Outside of the above: what a listener throws is not a missing socket.
    if (socket !== null && this.#bind(socket)) {
      this.#handlers.onOpened(socket.localAddress, socket.localPort);
    }
  }

  /** Opens the file, then the socket: a name that does not exist costs no socket. */
  async #openFromFiles(root: string): Promise<void> {
    const store = await this.#openStore(root).catch((error: unknown) => {
      const { kind: reason, cause } = toStorageFailure(error);
      this.#giveUp({ kind: "refused", reason, cause, answered: false });
      return null;
    });
    if (store === null) return;
    try {
      if (!this.#over) this.#bind(await this.#openSocket());
    } catch (cause) {
      this.#giveUp({ kind: "no-socket", cause: cause as Error });
    }
    this.#answerFrom(store, NO_EXTENSIONS);
  }

  serveFiles({ root, userExtensions, copyTo }: FileOrder): void {
    this.#openStore(root).then(
      (store) => {
        if (!isSource(store)) {
          this.#copying = new CopyingSink(store, copyTo);
          if (this.#copyIsWanted) this.#copying.startCopying();
        }
        this.#answerFrom(this.#copying ?? store, userExtensions);
      },
      (error: unknown) => {
        const { kind: reason, cause } = toStorageFailure(error);
        this.#refusal = { kind: "refused", reason, cause, answered: true };
        const { errorCode, message } = storageFailureOnWire(reason);
        this.#driver.abort(errorCode, message);
      },
    );
  }

  copyUpload(): void {
    this.#copyIsWanted = true;
    this.#copying?.startCopying();
  }

  sendFrom(source: BlockSource, sizeBytes: number, userExtensions: ReadonlyMap<string, string>): void {
    if (this.#over) {
      source.close();
      return;
    }
    this.#driver.setSource(this.#request.mode === "netascii" ? new NetasciiSource(source) : source);
    this.#noteAnswer(sizeBytes);
    this.#driver.accept({ sizeBytes, userExtensions });
  }

  receiveInto(sink: BlockSink, userExtensions: ReadonlyMap<string, string>): void {
    if (this.#over) {
      sink.discard();
      return;
    }
    this.#driver.setSink(this.#request.mode === "netascii" ? new NetasciiSink(sink) : sink);
    this.#noteAnswer(this.#request.offer.declaredSizeBytes);
    this.#driver.accept({ sizeBytes: null, userExtensions });
  }

  #noteAnswer(sizeBytes: number | null): void {
    this.#sizeBytes = sizeBytes;
    this.#firstAnswerAtMs = processTimeMs();
    this.#watcher?.onAnswered(sizeBytes, this.#firstAnswerAtMs);
  }

  handleRepeatedRequest(): void {
    this.#driver.handleRepeatedRequest();
  }

  deliver(bytes: Uint8Array): void {
    if (this.isCarried && !this.#over) this.#received?.(bytes);
  }

  abort(errorCode: number, message: string): void {
    this.#driver.abort(errorCode, message);
  }

  close(): void {
    this.#leave();
    this.#driver.close();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#thread.transferCount--;
  }

  /** What the socket reports to. */
  #socketHandlers(): SocketHandlers {
    const driver = this.#driver;
    const watcher = this.#watcher;
    if (watcher === null) return driver;
    const engine = this.#engine;
    const { timers } = this.#thread.runtime;
    const telling = timers.createTimer(() => {
      if (!this.#over) watcher.onHeard();
    });
    let toldStage = -1;
    return {
      onDatagram: (bytes, from) => {
        driver.onDatagram(bytes, from);
        const stage = Number(engine.proven) + Number(engine.hasMovedData) + Number(engine.awaitsLastAck);
        if (stage !== toldStage) {
          toldStage = stage;
          watcher.onHeard();
        } else if (telling.deadlineMs === Number.POSITIVE_INFINITY && !this.#over) {
          telling.set(driver.lastHeardMs + HEARD_STEP_MS);
        }
      },
      onError: (error) => driver.onError(error),
    };
  }

  #openStore(root: string): Promise<BlockSource | BlockSink> {
    const { files } = this.#thread;
    const isGet = this.#request.method === "GET";
    if (isGet) return files.openSource(root, this.#request);
    return files.openSink(root, this.#request).then((sink) => {
      this.#stored = sink.settled();
      return sink;
    });
  }

  /** Gives the store back when the transfer has ended meanwhile. */
  #answerFrom(store: BlockSource | BlockSink, userExtensions: ReadonlyMap<string, string>): void {
    if (isSource(store)) this.sendFrom(store, store.sizeBytes ?? 0, userExtensions);
    else this.receiveInto(store, userExtensions);
  }

  async #openSocket(): Promise<DatagramSocket> {
    const { method, offer, localAddress } = this.#request;
    const { sharedPort } = this.#thread;
    if (sharedPort !== undefined) {
      const handlers = this.#socketHandlers();
      this.#received = (bytes) => handlers.onDatagram(bytes, this.#request.peer, localAddress);
      return sharedPort.open(this.#request, handlers);
    }
    const receiving = receivingOptions(method === "PUT" ? offer.parameters : null);
    const options = { address: localAddress, port: this.#thread.settings.portRange ?? 0, ...receiving };
    return this.#thread.runtime.sockets.open(options, this.#socketHandlers());
  }

  /** False when the transfer ended while its socket was opened. */
  #bind(socket: DatagramSocket): boolean {
    if (this.#over) {
      socket.close();
      return false;
    }
    this.#driver.bind(socket);
    this.#watcher?.onBound(socket.localPort);
    return true;
  }

  #failed(fault: Fault): void {
    const failure = fault.kind === "aborted" ? (this.#refusal ?? fault) : fault;
    this.#handlers.onFailed(failure, this.account());
  }

  /** Ends before anything was sent. */
  #giveUp(failure: TransferFailure): void {
    if (this.#over) return;
    this.close();
    this.#handlers.onFailed(failure, this.account());
    this.#handlers.onEnded();
  }

  #ended(): void {
    this.#leave();
    // The end of this thread may follow: what is being removed has to be gone by then.
    if (this.#stored === null) this.#handlers.onEnded();
    else void this.#stored.then(() => this.#handlers.onEnded());
  }
}

function isSource(store: BlockSource | BlockSink): store is BlockSource {
  return "locate" in store;
}

const NO_EXTENSIONS: ReadonlyMap<string, string> = new Map();
