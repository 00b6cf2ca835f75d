import { threadRuntime } from "../runtime.js";
import { FileService } from "./file-service.js";
import { askHandler, loadHandler, type RequestHandler } from "./handler.js";
import type { PlacementHandlers } from "./placement.js";
import { PortMember } from "./port-member.js";
import { RemoteSink, RemoteSource } from "./remote-store.js";
import { ServerTransfer } from "./server-transfer.js";
import { SharedPort } from "./shared-port.js";
import { TransferBoard } from "./transfer-board.js";
import { type HostThread, type HostWatcher, TransferHost } from "./transfer-host.js";
import type { TransferEnding } from "./transfer-info.js";
import type { WorkerLink } from "./worker-link.js";
import {
  type CompletedReport,
  cloneError,
  cloneFailure,
  type EndedReport,
  type FailedReport,
  type FromWorker,
  NO_TRANSFER,
  type TaskResult,
  type ToWorker,
  type TransferTask,
  type WorkerSetup,
} from "./worker-messages.js";

type Link = WorkerLink<FromWorker, ToWorker>;

/** The transfers of one worker thread. `workers/transfer-worker.ts` connects it with the pool. */
export class WorkerSide {
  readonly #thread: HostThread;
  readonly #board: TransferBoard;
  readonly #link: Link;
  readonly #handler: Promise<RequestHandler> | null;
  /** Of the request port, where transfers share it. */
  readonly #member: PortMember;
  readonly #transfers = new Map<number, WorkerTransferSide>();
  /** Commands for tasks that have not come yet: task and command travel on different ways. */
  readonly #early = new Map<number, ToWorker[]>();
  #newestId = -1;

  constructor(setup: WorkerSetup, link: Link) {
    const { settings, board, cacheBytesMax, handler } = setup;
    const files = new FileService(settings, cacheBytesMax);
    const runtime = threadRuntime();
    const member = new PortMember(runtime.sockets, link);
    const sharedPort = new SharedPort((datagram) => member.relay(datagram));
    sharedPort.setSockets(member);
    const shared = settings.singlePort ? { sharedPort } : {};
    this.#thread = { runtime, files, settings, transferCount: 0, ...shared };
    this.#board = new TransferBoard(board);
    this.#link = link;
    this.#member = member;
    this.#handler = handler === null ? null : loadHandler(handler);
    // Said once; every transfer that wants the module fails.
    this.#handler?.catch((error: unknown) =>
      link.post({ kind: "worker-error", id: NO_TRANSFER, error: cloneError(error) }),
    );
  }

  /** Transfers of which anything is left. */
  get transferCount(): number {
    return this.#transfers.size;
  }

  /** Ids of tasks that commands wait for. */
  earlyIds(): Iterable<number> {
    return this.#early.keys();
  }

  /** Resolves when the transfer's data has ended. Never rejects. */
  run(task: TransferTask): Promise<TaskResult> {
    this.#newestId = task.id;
    // Tasks come in the order of their ids: who was passed over does not come any more.
    for (const id of this.#early.keys()) if (id < task.id) this.#early.delete(id);
    return new Promise((resolve) => {
      const transfer = new WorkerTransferSide(task, this.#thread, this.#board, this.#link, {
        onResult: resolve,
        onEnded: () => this.#transfers.delete(task.id),
      });
      this.#transfers.set(task.id, transfer);
      if (this.#handler !== null && task.answer === "handler") void transfer.startHandler(this.#handler);
      else transfer.start();
      const early = this.#early.get(task.id);
      this.#early.delete(task.id);
      for (const command of early ?? []) transfer.obey(command);
    });
  }

  obey(command: ToWorker): void {
    switch (command.kind) {
      case "configure":
        this.#thread.settings = command.settings;
        this.#thread.files.configure(command.settings);
        this.#link.post({ kind: "configured", id: command.id });
        return;
      case "join":
        this.#member.join(command.members);
        // Sockets that were closed are gone at the end of this turn.
        setImmediate(() => this.#link.post({ kind: "configured", id: command.id }));
        return;
      case "settled":
        this.#member.settle(command.count, command.bytes);
        return;
      default:
        this.#pass(command);
    }
  }

  #pass(command: ToWorker): void {
    const transfer = this.#transfers.get(command.id);
    if (transfer !== undefined) transfer.obey(command);
    else if (command.id > this.#newestId) {
      const waiting = this.#early.get(command.id) ?? [];
      waiting.push(command);
      this.#early.set(command.id, waiting);
    }
  }
}

interface TransferSideOwner {
  /** Once: the result of the task. */
  onResult(result: TaskResult): void;
  /** Nothing is left. */
  onEnded(): void;
}

/** One transfer in a worker: its host, and what goes over the link for it. */
class WorkerTransferSide {
  readonly #task: TransferTask;
  readonly #thread: HostThread;
  readonly #link: Link;
  readonly #owner: TransferSideOwner;
  readonly #host: TransferHost;
  #handled: ServerTransfer | null = null;
  #source: RemoteSource | null = null;
  readonly #sink: RemoteSink;
  #report: CompletedReport | FailedReport | null = null;
  #resolved = false;
  #ended = false;
  /** The listener has been asked, and has not answered yet. */
  #isAsked = false;

  constructor(
    task: TransferTask,
    thread: HostThread,
    board: TransferBoard,
    link: Link,
    owner: TransferSideOwner,
  ) {
    this.#task = task;
    this.#thread = thread;
    this.#link = link;
    this.#owner = owner;
    const { id, slot } = task;
    this.#sink = new RemoteSink({
      data: (bytes) => link.post({ kind: "data", id, bytes }, bytes.buffer as ArrayBuffer),
      finish: () => link.post({ kind: "finish", id }),
    });
    const watcher: HostWatcher | null =
      slot < 0
        ? null
        : {
            onBound: (localPort) => board.setLocalPort(slot, localPort),
            onAnswered: (sizeBytes, atMs) => board.setAnswered(slot, sizeBytes, atMs),
            onHeard: () => {
              board.setProgress(slot, host.counters);
              board.setHeard(slot, host);
            },
          };
    const host: TransferHost = new TransferHost(thread, task.request, this.#handlers(), watcher);
    this.#host = host;
  }

  start(): void {
    this.#host.start(this.#task.answer, this.#task.root);
  }

  /** Runs the handler module beside the engine: streams and all live in this thread. */
  async startHandler(loading: Promise<RequestHandler>): Promise<void> {
    const { request, root, id, answer } = this.#task;
    let handler: RequestHandler;
    try {
      handler = await loading;
    } catch (error) {
      this.#failBeforeStart(error as Error);
      return;
    }
    if (this.#ended) return;
    const host = this.#host;
    const report = (error: Error): void =>
      this.#link.post({ kind: "worker-error", id, error: cloneError(error) });
    this.#handled = new ServerTransfer(
      { place: () => host },
      this.#thread.settings,
      request,
      { requestBytes: new Uint8Array(0), answer, root },
      {
        onRequest: (req, res, transfer) => askHandler(handler, root, report, req, res, transfer),
        openSink: (from, of) => this.#thread.files.openSink(from, of),
        // The server's thread answers what could not be opened.
        onUnanswered: () => undefined,
        // What the host has told already is not told again; a handler may have closed the request in silence.
        onFileReleased: (_, ending) => this.#tellEnding(ending),
        onEnded: () => this.#finish(),
      },
    );
    this.start();
  }

  obey(command: ToWorker): void {
    const host = this.#host;
    switch (command.kind) {
      case "serve-files": {
        if (!this.#takesAnswer()) break;
        const { root, userExtensions } = command;
        host.serveFiles({ root, userExtensions, copyTo: this.#sink });
        break;
      }
      case "copy-upload":
        host.copyUpload();
        break;
      case "send":
        if (!this.#takesAnswer("GET")) break;
        this.#source = new RemoteSource(command.sizeBytes, (uptoBytes) =>
          this.#link.post({ kind: "want", id: command.id, uptoBytes }),
        );
        host.sendFrom(this.#source, command.sizeBytes, command.userExtensions);
        break;
      case "data":
        this.#source?.take(command.bytes, command.ended);
        break;
      case "receive":
        if (this.#takesAnswer("PUT")) host.receiveInto(this.#sink, command.userExtensions);
        break;
      case "consumed":
        this.#sink.consumed(command.bytes);
        break;
      case "stored":
        this.#sink.stored();
        break;
      case "store-failed":
        this.#sink.failed(command.failure);
        break;
      case "repeat":
        host.handleRepeatedRequest();
        break;
      case "deliver":
        host.deliver(command.bytes);
        this.#link.post({ kind: "delivered", id: command.id });
        break;
      case "abort":
        host.abort(command.errorCode, command.message);
        break;
      case "close":
        host.close();
        this.#finish();
        break;
    }
  }

  /** A listener answers once, when it was asked, and what it was asked. */
  #takesAnswer(method = this.#task.request.method): boolean {
    if (!this.#isAsked || method !== this.#task.request.method) return false;
    this.#isAsked = false;
    return true;
  }

  #handlers(): PlacementHandlers {
    const { id } = this.#task;
    return {
      onOpened: (localAddress, localPort) => {
        if (this.#handled !== null) this.#handled.onOpened(localAddress, localPort);
        else if (this.#isForListener) {
          this.#isAsked = true;
          this.#link.post({ kind: "opened", id, localAddress, localPort });
        }
      },
      onCompleted: (lastAckMissing, account) => {
        this.#tellEnding({ failure: null, lastAckMissing, account });
        this.#handled?.onCompleted(lastAckMissing, account);
      },
      onFailed: (failure, account) => {
        this.#tellEnding({ failure, lastAckMissing: false, account });
        this.#handled?.onFailed(failure, account);
      },
      onEnded: () => {
        this.#handled?.onEnded();
        this.#finish();
      },
    };
  }

  /** Once; later calls do nothing. */
  #tellEnding({ failure, lastAckMissing, account }: TransferEnding): void {
    if (this.#report !== null) return;
    const { id } = this.#task;
    if (failure === null) this.#tell({ kind: "completed", id, lastAckMissing, account });
    else this.#tell({ kind: "failed", id, failure: cloneFailure(failure), account });
  }

  /** The data has ended. Where no listener takes part, the task's result says it all, if possible with the end. */
  #tell(report: CompletedReport | FailedReport): void {
    this.#report = report;
    if (!this.#isForListener) {
      void this.#host.stored.then(() => this.#resolve(null));
      return;
    }
    this.#link.post(report);
    // The report goes first: the result lets go of what keeps the process alive.
    this.#link.flush();
    // A process that ends with its last task leaves no half of an upload behind.
    void this.#host.stored.then(() => this.#resolve(null));
  }

  #failBeforeStart(cause: Error): void {
    const failure = { kind: "refused", reason: "io", cause, answered: false } as const;
    const account = this.#host.account();
    this.#report = { kind: "failed", id: this.#task.id, failure: cloneFailure(failure), account };
    this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    const ended: EndedReport = { kind: "ended", id: this.#task.id };
    if (this.#resolved || this.#isForListener) this.#link.post(ended);
    this.#resolve(ended);
    this.#owner.onEnded();
  }

  /** What concerns listeners goes over the link, behind the bytes; their result is empty. */
  #resolve(ended: EndedReport | null): void {
    if (this.#resolved) return;
    this.#resolved = true;
    this.#owner.onResult(
      this.#isForListener ? { report: null, ended: null } : { report: this.#report, ended },
    );
  }

  get #isForListener(): boolean {
    return this.#task.answer === "listener";
  }
}
