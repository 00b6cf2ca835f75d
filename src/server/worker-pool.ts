import { join } from "node:path";
import { Piscina, queueOptionsSymbol } from "piscina";
import type { ThreadStatus } from "../observe/records.js";
import { WorkerLink } from "./worker-link.js";
import {
  type EndedReport,
  type FromWorker,
  type HeardReport,
  type HelloMessage,
  reviveError,
  type TaskResult,
  type ToWorker,
  type TransferTask,
  type WorkerSetup,
} from "./worker-messages.js";
import { type WorkerCommand, WorkerRoster } from "./worker-roster.js";

/** `dist/workers`, beside `dist/src`. */
const WORKER_FILE = join(__dirname, "..", "..", "workers", "transfer-worker.js");

/** Tasks that may wait for a worker to be started in place of one that died. */
const WAITING_TASKS_MAX = 4096;

/**
 * V8 would let the young objects of each thread grow to 48 MiB before it looks for garbage. A transfer leaves little
 * behind: less memory is enough, and stays in the processor's cache (measured: 1,024 transfers 30 % faster, 15 %
 * less resident memory).
 */
const YOUNG_GENERATION_MIB = 8;

/** How long clients may be told after an abort before the threads end. */
const ABORT_GRACE_MS = 500;

type Settings = WorkerSetup["settings"];

type Link = WorkerLink<ToWorker, FromWorker>;

/** What the pool tells about a task. */
export interface TaskHandlers {
  /** Reports of the worker in order, `ended` last. */
  onMessage(message: FromWorker): void;
  /** The worker died; nobody told the client. */
  onCrash(error: Error): void;
}

export interface WorkerPoolOptions {
  readonly count: number;
  readonly setup: WorkerSetup;
  readonly tasksMax: number;
  /** A worker died (once for each), or a handler threw. */
  onWorkerError(error: Error): void;
  /** A worker takes commands, the first of this name or one in place of one that died. */
  onConnected(worker: number): void;
  /** A worker heard what is for none of its transfers. */
  onHeard(worker: number, report: HeardReport): void;
}

/** Where a task may run, and where it does. */
interface PlaceNote {
  readonly id: number;
  /** The only worker whose thread will do, or null. */
  readonly heardBy: number | null;
  threadId: number | null;
}

/** A task, with the thread that it was given to. */
interface Placed extends TransferTask {
  readonly [queueOptionsSymbol]: PlaceNote;
}

interface RunningTask {
  readonly handlers: TaskHandlers;
  readonly placed: Placed;
  /** How it went is known, unless listeners take part. */
  hasResult: boolean;
  /** Its end, which came before. */
  overtaker: EndedReport | null;
}

/**
 * The worker threads of a server: Piscina starts, balances and replaces them; a link to each carries what goes
 * between the threads while a task runs.
 */
export class WorkerPool {
  readonly #pool: Piscina;
  readonly #options: WorkerPoolOptions;
  readonly #roster = new WorkerRoster();
  readonly #tasks = new Map<number, RunningTask>();
  /** Commands for tasks whose worker has not said hello yet. */
  readonly #unsent = new Map<number, { command: ToWorker; moved: ArrayBuffer | undefined }[]>();
  /** Tasks of workers that died, for those that take their places: their clients are heard by no other. */
  readonly #held = new Map<number, number[]>();
  readonly #reported = new WeakSet<Error>();
  /** Those of the last reload. */
  #settings: Settings | null = null;
  /** Threads that said hello, or died before they could. */
  #signs = 0;
  readonly #awaited = new Set<{ readonly signs: number; readonly resolve: () => void }>();
  #onIdle: (() => void) | null = null;
  #destroyed: Promise<void> | null = null;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    const { count, setup, tasksMax } = options;
    this.#pool = new Piscina({
      filename: WORKER_FILE,
      minThreads: count,
      maxThreads: count,
      // Any other setting puts a worker to sleep between tasks, with its sockets and timers.
      atomics: "disabled",
      concurrentTasksPerWorker: tasksMax,
      maxQueue: WAITING_TASKS_MAX,
      recordTiming: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
      workerData: setup,
      loadBalancer: (task, workers) => {
        const note = task[queueOptionsSymbol] as unknown as PlaceNote;
        const only = note.heardBy === null ? null : this.#roster.threadOf(note.heardBy);
        let best: (typeof workers)[number] | null = null;
        for (const worker of workers) {
          if (note.heardBy !== null && worker.id !== only) continue;
          if (best === null || worker.currentUsage < best.currentUsage) best = worker;
        }
        if (best !== null) this.#notePlace(note, best.id);
        return best;
      },
    });
    this.#pool.on("message", (message: HelloMessage) => this.#connect(message));
    this.#pool.on("error", (error: Error) => this.#report(error));
    this.#pool.on("workerDestroy", (worker: { readonly id: number }) => this.#disconnectDead(worker.id));
  }

  /** Resolves when so many threads take tasks; one that can't be started counts, too: `onWorkerError` tells. */
  ready(count = 1): Promise<void> {
    if (this.#signs >= count) return Promise.resolve();
    return new Promise((resolve) => this.#awaited.add({ signs: count, resolve }));
  }

  /** Gives the task to a thread: the one that heard its request, or the least busy one. */
  run(task: TransferTask, handlers: TaskHandlers): void {
    const { heardBy } = task.request;
    const placed: Placed = { ...task, [queueOptionsSymbol]: { id: task.id, heardBy, threadId: null } };
    this.#tasks.set(task.id, { handlers, placed, hasResult: false, overtaker: null });
    if (heardBy === null || this.#roster.threadOf(heardBy) !== null) this.#start(placed, handlers);
    else this.#hold(heardBy, task.id);
  }

  #hold(worker: number, id: number): void {
    const held = this.#held.get(worker);
    if (held === undefined) this.#held.set(worker, [id]);
    else held.push(id);
  }

  #start(placed: Placed, handlers: TaskHandlers): void {
    this.#pool.run(placed).then(
      ({ report, ended }: TaskResult) => {
        if (report !== null) handlers.onMessage(report);
        const task = this.#tasks.get(placed.id);
        if (task !== undefined) task.hasResult = true;
        const last = ended ?? task?.overtaker ?? null;
        if (last !== null) this.#pass(last);
      },
      (error: Error) => {
        this.#forget(placed.id);
        this.#report(error);
        handlers.onCrash(error);
      },
    );
  }

  /** Sends a command to the worker that has the task; one that has ended gets none. */
  post(command: ToWorker, moved?: ArrayBuffer): void {
    const task = this.#tasks.get(command.id);
    if (task === undefined) return;
    const { threadId } = task.placed[queueOptionsSymbol];
    const link = threadId === null ? undefined : this.#roster.linkOf(threadId);
    if (link !== undefined) {
      link.post(command, moved);
      return;
    }
    const waiting = this.#unsent.get(command.id) ?? [];
    waiting.push({ command, moved });
    this.#unsent.set(command.id, waiting);
  }

  /** What each thread does; a worker that replaces a dead one takes its name. */
  threads(): readonly ThreadStatus[] {
    const counts = new Map<number, number>();
    for (const { placed } of this.#tasks.values()) {
      const { threadId } = placed[queueOptionsSymbol];
      if (threadId !== null) counts.set(threadId, (counts.get(threadId) ?? 0) + 1);
    }
    const byNumber = this.#pool.threads.map((thread) => {
      const { active: busyMs, idle: idleMs } = thread.performance.eventLoopUtilization();
      const number = this.#roster.workerOf(thread.threadId);
      return { number, transfers: counts.get(thread.threadId) ?? 0, busyMs, idleMs };
    });
    // Numbers are given to threads as they become ready: in any order.
    byNumber.sort((a, b) => a.number - b.number);
    return byNumber.map(({ number, ...figures }) => ({ name: String(number), ...figures }));
  }

  /** Ends the threads when the last task has ended; with `abort` after a moment at the latest. */
  close(abort: boolean): void {
    if (this.#tasks.size === 0) {
      this.#destroy();
      return;
    }
    this.#onIdle = () => this.#destroy();
    if (abort) setTimeout(() => this.#destroy(), ABORT_GRACE_MS).unref();
  }

  #destroy(): void {
    this.#onIdle = null;
    this.#signal(Number.POSITIVE_INFINITY);
    this.#destroyed ??= this.#pool.destroy();
    for (const id of [...this.#held.values()].flat()) {
      const task = this.#tasks.get(id);
      this.#forget(id);
      task?.handlers.onCrash(new Error("The worker of this transfer died"));
    }
    this.#held.clear();
  }

  /** Resolves when the threads are gone, if they are on their way out; else at once. */
  async ended(): Promise<void> {
    await this.#destroyed;
  }

  #hear(threadId: number, message: FromWorker): void {
    switch (message.kind) {
      case "heard":
        this.#options.onHeard(this.#roster.workerOf(threadId), message);
        break;
      case "worker-error":
        // Its transfer may be over by now.
        this.#options.onWorkerError(reviveError(message.error));
        break;
      case "configured":
        this.#roster.settle(message.id);
        break;
      case "ended":
        this.#hearEnd(message);
        break;
      default:
        this.#pass(message);
    }
  }

  /** The link and the result of a task are two ways: the end must not overtake how the transfer went. */
  #hearEnd(message: EndedReport): void {
    const task = this.#tasks.get(message.id);
    const resultSaysIt = task !== undefined && task.placed.answer !== "listener";
    if (resultSaysIt && !task.hasResult) task.overtaker = message;
    else this.#pass(message);
  }

  #pass(message: FromWorker): void {
    const task = this.#tasks.get(message.id);
    if (message.kind === "ended") this.#forget(message.id);
    task?.handlers.onMessage(message);
  }

  #forget(id: number): void {
    this.#tasks.delete(id);
    this.#unsent.delete(id);
    // The promise of this task is still being settled: its owner may have more to do with it.
    if (this.#tasks.size === 0 && this.#onIdle !== null) setImmediate(() => this.#onIdle?.());
  }

  /** Resolves when all workers have taken the settings, or are gone. */
  async configure(settings: Settings): Promise<void> {
    this.#options.setup.settings = settings;
    this.#settings = settings;
    const configure = (id: number): WorkerCommand => ({ kind: "configure", id, settings });
    await Promise.all([...this.#roster.threads].map((threadId) => this.#roster.command(threadId, configure)));
  }

  /** Resolves when the worker has carried it out, or is gone. */
  async command(worker: number, make: (id: number) => WorkerCommand): Promise<void> {
    const threadId = this.#roster.threadOf(worker);
    if (threadId !== null) await this.#roster.command(threadId, make);
  }

  /** Tells a worker what needs no answer. */
  tell(worker: number, message: ToWorker): void {
    const threadId = this.#roster.threadOf(worker);
    if (threadId !== null) this.#roster.linkOf(threadId)?.post(message);
  }

  #connect({ threadId, port }: HelloMessage): void {
    const link: Link = new WorkerLink(port, (message) => this.#hear(threadId, message));
    const worker = this.#roster.connect(threadId, link);
    const settings = this.#settings;
    // It may have been started with older ones.
    if (settings !== null) void this.#roster.command(threadId, (id) => ({ kind: "configure", id, settings }));
    this.#options.onConnected(worker);
    this.#signal(1);
    this.#startHeld(worker);
    for (const id of [...this.#unsent.keys()]) {
      if (this.#tasks.get(id)?.placed[queueOptionsSymbol].threadId === threadId) this.#sendUnsent(id, link);
    }
  }

  #notePlace(note: PlaceNote, threadId: number): void {
    note.threadId = threadId;
    const link = this.#roster.linkOf(threadId);
    if (link !== undefined) this.#sendUnsent(note.id, link);
  }

  #sendUnsent(id: number, link: Link): void {
    for (const { command, moved } of this.#unsent.get(id) ?? []) link.post(command, moved);
    this.#unsent.delete(id);
  }

  #startHeld(worker: number): void {
    const ids = this.#held.get(worker) ?? [];
    this.#held.delete(worker);
    for (const id of ids) {
      const task = this.#tasks.get(id);
      if (task !== undefined) this.#start(task.placed, task.handlers);
    }
  }

  /** A thread that has ended does not know its id any more: those that are not among the living have ended. */
  #disconnectDead(threadId: number): void {
    const living = new Set(this.#pool.threads.map((worker) => worker.threadId));
    living.delete(threadId);
    const gone = new Set<number | null>(this.#roster.retain(living));
    // Those that only dallied are over; the others are rejected by the pool.
    setImmediate(() => {
      for (const [id, { placed }] of this.#tasks) {
        if (gone.has(placed[queueOptionsSymbol].threadId)) this.#pass({ kind: "ended", id });
      }
    });
  }

  #signal(count: number): void {
    this.#signs += count;
    for (const waiting of this.#awaited) {
      if (this.#signs < waiting.signs) continue;
      this.#awaited.delete(waiting);
      waiting.resolve();
    }
  }

  #report(error: Error): void {
    this.#signal(1);
    if (this.#destroyed !== null || this.#reported.has(error)) return;
    this.#reported.add(error);
    this.#options.onWorkerError(error);
  }
}
