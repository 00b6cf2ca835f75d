import { processTimeMs } from "../io/process-time.js";
import type { BlockSink, BlockSource } from "../io/storage.js";
import type {
  FileOrder,
  PlacedTransfer,
  PlacementHandlers,
  TransferAccount,
  TransferFailure,
} from "./placement.js";
import { pumpSource } from "./remote-store.js";
import type { TransferBoard } from "./transfer-board.js";
import { type FromWorker, reviveFailure } from "./worker-messages.js";
import type { WorkerPool } from "./worker-pool.js";

/** Credit is given back in steps; a worker may be ahead by several of them. */
const CREDIT_STEP_BYTES = 32_768;

/** Datagrams on their way to a transfer that another worker heard: as many as a client sends in one go. */
const DELIVERIES_MAX = 64;

/** A transfer in a worker, seen from the server's thread. */
export class RemoteTransfer implements PlacedTransfer {
  readonly #id: number;
  readonly #slot: number;
  readonly #pool: WorkerPool;
  readonly #board: TransferBoard;
  readonly #handlers: PlacementHandlers;
  #source: ReturnType<typeof pumpSource> | null = null;
  #sink: BlockSink | null = null;
  #unreportedBytes = 0;
  #sinkIsFull = false;
  #undelivered = 0;
  /** The owner has been told of the end of the data, or does not want to hear of it. */
  #isOver = false;
  #isSilent = false;

  constructor(id: number, slot: number, pool: WorkerPool, board: TransferBoard, handlers: PlacementHandlers) {
    this.#id = id;
    this.#slot = slot;
    this.#pool = pool;
    this.#board = board;
    this.#handlers = handlers;
  }

  /** Without a slot nothing is known: it counts as busy, and is left alone. */
  get proven(): boolean {
    return this.#slot < 0 || this.#board.read(this.#slot).proven;
  }

  get isCarried(): boolean {
    return this.#slot < 0 || this.#board.read(this.#slot).localPort > 0;
  }

  get hasMovedData(): boolean {
    return this.#slot < 0 || this.#board.read(this.#slot).hasMovedData;
  }

  get awaitsLastAck(): boolean {
    return this.#slot >= 0 && this.#board.read(this.#slot).awaitsLastAck;
  }

  silentMs(): number {
    return this.#slot < 0 ? 0 : this.#board.read(this.#slot).silentMs;
  }

  account(): TransferAccount {
    if (this.#slot >= 0) return this.#board.account(this.#slot);
    return { ...NOTHING_KNOWN, endedAtMs: processTimeMs() };
  }

  serveFiles({ root, userExtensions, copyTo }: FileOrder): void {
    this.#attachSink(copyTo);
    this.#pool.post({ kind: "serve-files", id: this.#id, root, userExtensions });
  }

  copyUpload(): void {
    this.#pool.post({ kind: "copy-upload", id: this.#id });
  }

  sendFrom(source: BlockSource, sizeBytes: number, userExtensions: ReadonlyMap<string, string>): void {
    const id = this.#id;
    this.#source = pumpSource(source, (bytes, ended) =>
      this.#pool.post({ kind: "data", id, bytes, ended }, bytes.buffer as ArrayBuffer),
    );
    this.#pool.post({ kind: "send", id, sizeBytes, userExtensions });
  }

  receiveInto(sink: BlockSink, userExtensions: ReadonlyMap<string, string>): void {
    this.#attachSink(sink);
    this.#pool.post({ kind: "receive", id: this.#id, userExtensions });
  }

  handleRepeatedRequest(): void {
    this.#pool.post({ kind: "repeat", id: this.#id });
  }

  deliver(bytes: Uint8Array): void {
    if (this.#undelivered >= DELIVERIES_MAX) return;
    this.#undelivered++;
    this.#pool.post({ kind: "deliver", id: this.#id, bytes });
  }

  abort(errorCode: number, message: string): void {
    this.#pool.post({ kind: "abort", id: this.#id, errorCode, message });
    // The worker's report would come too late: what follows an abort follows it at once.
    this.#fail({ kind: "aborted", message });
  }

  close(): void {
    this.#isSilent = true;
    this.#dropStore();
    this.#pool.post({ kind: "close", id: this.#id });
  }

  take(message: FromWorker): void {
    if (this.#isSilent) return;
    switch (message.kind) {
      case "opened":
        if (!this.#isOver) this.#handlers.onOpened(message.localAddress, message.localPort);
        break;
      case "delivered":
        this.#undelivered = Math.max(0, this.#undelivered - 1);
        break;
      case "want":
        this.#source?.want(message.uptoBytes);
        break;
      case "data":
        this.#takeData(message.bytes);
        break;
      case "finish":
        this.#sink?.finish();
        break;
      case "completed":
        if (this.#isOver) break;
        this.#isOver = true;
        this.#sink = null;
        this.#handlers.onCompleted(message.lastAckMissing, message.account);
        break;
      case "failed":
        this.#fail(reviveFailure(message.failure), message.account);
        break;
      case "ended":
        this.crash(new Error("The worker of this transfer died"));
        break;
    }
  }

  /** Data has ended, or was aborted here. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The worker is gone, or has nothing left of the transfer. Nothing is heard of it any more. */
  crash(error: Error): void {
    if (this.#isSilent) return;
    this.#fail({ kind: "crashed", cause: error });
    this.#isSilent = true;
    this.#handlers.onEnded();
  }

  #fail(failure: TransferFailure, account = this.account()): void {
    if (this.#isOver || this.#isSilent) return;
    this.#isOver = true;
    this.#dropStore();
    this.#handlers.onFailed(failure, account);
  }

  #attachSink(sink: BlockSink): void {
    const id = this.#id;
    this.#sink = sink;
    sink.attach({
      onDrained: () => {
        this.#sinkIsFull = false;
        this.#reportConsumed();
      },
      onFinished: () => this.#pool.post({ kind: "stored", id }),
      onFailure: ({ kind }) => this.#pool.post({ kind: "store-failed", id, failure: kind }),
    });
  }

  #takeData(bytes: Uint8Array): void {
    if (this.#sink === null) return;
    this.#unreportedBytes += bytes.length;
    if (!this.#sink.write(bytes)) this.#sinkIsFull = true;
    this.#reportConsumed();
  }

  #reportConsumed(): void {
    if (this.#sinkIsFull || this.#unreportedBytes < CREDIT_STEP_BYTES) return;
    this.#pool.post({ kind: "consumed", id: this.#id, bytes: this.#unreportedBytes });
    this.#unreportedBytes = 0;
  }

  #dropStore(): void {
    this.#source?.close();
    this.#source = null;
    this.#sink?.discard();
    this.#sink = null;
  }
}

/** The account of a transfer that got no place on the board. */
const NOTHING_KNOWN: Omit<TransferAccount, "endedAtMs"> = {
  sizeBytes: null,
  transferredBytes: 0,
  blocksSent: 0,
  retransmissions: 0,
  duplicates: 0,
  timeouts: 0,
  junk: 0,
  proven: true,
  firstAnswerAtMs: null,
};
