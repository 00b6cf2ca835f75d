import type { WorkerLink } from "./worker-link.js";
import type { FromWorker, ToWorker } from "./worker-messages.js";

type Link = WorkerLink<ToWorker, FromWorker>;

/** A command for a worker itself, which says when it has been carried out. */
export type WorkerCommand = Extract<ToWorker, { kind: "configure" | "join" }>;

/**
 * Which thread is which worker. Workers are numbers from 0 on; one that takes the place of a dead one takes its number.
 * Commands to workers themselves go from here.
 */
export class WorkerRoster {
  readonly #links = new Map<number, Link>();
  readonly #numbers = new Map<number, number>();
  /** Commands under way, by their id: below those of transfers. */
  readonly #underWay = new Map<number, { readonly threadId: number; readonly done: () => void }>();
  #nextId = -2;

  /** A thread takes messages. @returns the worker that it is */
  connect(threadId: number, link: Link): number {
    this.#links.set(threadId, link);
    return this.workerOf(threadId);
  }

  /** Forgets all threads but these. @returns those that were known */
  retain(living: ReadonlySet<number>): number[] {
    const gone = [...this.#numbers.keys()].filter((threadId) => !living.has(threadId));
    for (const threadId of gone) {
      this.#links.get(threadId)?.close();
      this.#links.delete(threadId);
      this.#numbers.delete(threadId);
      for (const [id, command] of this.#underWay) if (command.threadId === threadId) this.settle(id);
    }
    return gone;
  }

  /** Threads that are connected. */
  get threads(): Iterable<number> {
    return this.#links.keys();
  }

  linkOf(threadId: number): Link | undefined {
    return this.#links.get(threadId);
  }

  /** The number of a thread, from its start on: the smallest that no living one has. */
  workerOf(threadId: number): number {
    let worker = this.#numbers.get(threadId);
    if (worker === undefined) {
      const taken = new Set(this.#numbers.values());
      worker = 0;
      while (taken.has(worker)) worker++;
      this.#numbers.set(threadId, worker);
    }
    return worker;
  }

  /** The connected thread that a worker is at this moment. */
  threadOf(worker: number): number | null {
    for (const [threadId, number] of this.#numbers) {
      if (number === worker && this.#links.has(threadId)) return threadId;
    }
    return null;
  }

  /** Resolves when the thread has carried the command out, or is gone. */
  command(threadId: number, make: (id: number) => WorkerCommand): Promise<void> {
    const link = this.#links.get(threadId);
    if (link === undefined) return Promise.resolve();
    const id = this.#nextId--;
    return new Promise((done) => {
      this.#underWay.set(id, { threadId, done });
      link.post(make(id));
    });
  }

  /** The command of this id has been carried out. */
  settle(id: number): void {
    this.#underWay.get(id)?.done();
    this.#underWay.delete(id);
  }
}
