import { join } from "node:path";
import { Piscina, queueOptionsSymbol } from "piscina";
import type { ThreadStatus } from "../observe/records.js";
import { WorkerLink } from "./worker-link.js";
import {
  type FromWorker,
  type HelloMessage,
  reviveError,
  type TaskResult,
  type ToWorker,
  type TransferTask,
  type WorkerSetup,
} from "./worker-messages.js";

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
}

/** A task, with the thread that it was given to. */
interface Placed extends TransferTask {
  readonly [queueOptionsSymbol]: { threadId: number | null };
}

/**
 * The worker threads of a server: Piscina starts, balances and replaces them; a link to each carries what goes
 * between the threads while a task runs.
 */
export class WorkerPool {
  readonly #pool: Piscina;
  readonly #options: WorkerPoolOptions;
  readonly #links = new Map<number, WorkerLink<ToWorker, FromWorker>>();
  readonly #tasks = new Map<number, { readonly handlers: TaskHandlers; readonly placed: Placed }>();
  /** Commands for tasks whose worker has not said hello yet. */
  readonly #unsent = new Map<number, { command: ToWorker; moved: ArrayBuffer | undefined }[]>();
  readonly #names = new Map<number, number>();
  readonly #reported = new WeakSet<Error>();
  /** Those of the last reload. */
  #settings: Settings | null = null;
  /** Settings under way to a worker, by their id: below those of transfers. */
  readonly #untaken = new Map<number, { readonly threadId: number; readonly taken: () => void }>();
  #nextSettingsId = -2;
  readonly #ready: Promise<void>;
  /** A thread said hello, or died before it could. */
  #onFirstSign: () => void = () => undefined;
  #onIdle: (() => void) | null = null;
  #isDestroyed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#ready = new Promise((resolve) => {
      this.#onFirstSign = resolve;
    });
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
        let best: (typeof workers)[number] | null = null;
        for (const worker of workers)
          if (best === null || worker.currentUsage < best.currentUsage) best = worker;
        const note = task[queueOptionsSymbol] as unknown as { threadId: number | null } | null;
        if (note !== null && best !== null) note.threadId = best.id;
        return best;
      },
    });
    this.#pool.on("message", (message: HelloMessage) => this.#connect(message));
    this.#pool.on("error", (error: Error) => this.#report(error));
    this.#pool.on("workerDestroy", (worker: { readonly id: number }) => this.#disconnect(worker.id));
  }

  /** Resolves when a thread takes tasks; also when none can be started, which `onWorkerError` tells. */
  ready(): Promise<void> {
    return this.#ready;
  }

  run(task: TransferTask, handlers: TaskHandlers): void {
    const placed: Placed = { ...task, [queueOptionsSymbol]: { threadId: null } };
    this.#tasks.set(task.id, { handlers, placed });
    this.#pool.run(placed).then(
      ({ report, ended }: TaskResult) => {
        if (report !== null) handlers.onMessage(report);
        if (ended !== null) this.#pass(ended);
      },
      (error: Error) => {
        this.#forget(task.id);
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
    const link = threadId === null ? undefined : this.#links.get(threadId);
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
    return this.#pool.threads.map((worker) => {
      const { active, idle } = worker.performance.eventLoopUtilization();
      const transfers = counts.get(worker.threadId) ?? 0;
      return { name: this.#nameOf(worker.threadId), transfers, busyMs: active, idleMs: idle };
    });
  }

  /** The smallest number that no living thread has. */
  #nameOf(threadId: number): string {
    let name = this.#names.get(threadId);
    if (name === undefined) {
      const taken = new Set(this.#names.values());
      name = 0;
      while (taken.has(name)) name++;
      this.#names.set(threadId, name);
    }
    return String(name);
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
    this.#isDestroyed = true;
    this.#onFirstSign();
    void this.#pool.destroy();
  }

  #taken(settingsId: number): void {
    this.#untaken.get(settingsId)?.taken();
    this.#untaken.delete(settingsId);
  }

  #pass(message: FromWorker): void {
    if (message.kind === "handler-error") {
      // Its transfer may be over by now.
      this.#options.onWorkerError(reviveError(message.error));
      return;
    }
    if (message.kind === "configured") {
      this.#taken(message.id);
      return;
    }
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
    await Promise.all([...this.#links.keys()].map((threadId) => this.#tell(threadId, settings)));
  }

  #tell(threadId: number, settings: Settings): Promise<void> {
    const id = this.#nextSettingsId--;
    return new Promise((taken) => {
      this.#untaken.set(id, { threadId, taken });
      this.#links.get(threadId)?.post({ kind: "configure", id, settings });
    });
  }

  #connect({ threadId, port }: HelloMessage): void {
    const link = new WorkerLink<ToWorker, FromWorker>(port, (message) => this.#pass(message));
    this.#links.set(threadId, link);
    // It may have been started with older ones.
    if (this.#settings !== null) void this.#tell(threadId, this.#settings);
    this.#onFirstSign();
    for (const [id, waiting] of this.#unsent) {
      if (this.#tasks.get(id)?.placed[queueOptionsSymbol].threadId !== threadId) continue;
      for (const { command, moved } of waiting) link.post(command, moved);
      this.#unsent.delete(id);
    }
  }

  #disconnect(threadId: number): void {
    this.#links.get(threadId)?.close();
    this.#links.delete(threadId);
    this.#names.delete(threadId);
    for (const [id, news] of this.#untaken) if (news.threadId === threadId) this.#taken(id);
    // Those that only dallied are over; the others are rejected by the pool.
    setImmediate(() => {
      for (const [id, { placed }] of this.#tasks) {
        if (placed[queueOptionsSymbol].threadId === threadId) this.#pass({ kind: "ended", id });
      }
    });
  }

  #report(error: Error): void {
    this.#onFirstSign();
    if (this.#isDestroyed || this.#reported.has(error)) return;
    this.#reported.add(error);
    this.#options.onWorkerError(error);
  }
}
