import type { MessagePort } from "node:worker_threads";

/**
 * One end of the connection between the server's thread and a worker. Messages of one turn of the loop travel
 * together: a burst of ACKs that wakes many streams costs one message, not many.
 */
export class WorkerLink<Out, In> {
  readonly #port: MessagePort;
  #queue: Out[] = [];
  #transfers: ArrayBuffer[] = [];
  #isScheduled = false;

  /** The port does not keep its thread alive. */
  constructor(port: MessagePort, onMessage: (message: In) => void) {
    this.#port = port;
    port.on("message", (batch: In[]) => {
      for (const message of batch) onMessage(message);
    });
    port.unref();
  }

  /** Sends before the next turn of the loop begins. @param moved - memory that goes over to the other thread */
  post(message: Out, moved?: ArrayBuffer): void {
    this.#queue.push(message);
    if (moved !== undefined) this.#transfers.push(moved);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.flush());
  }

  /** Sends at once. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#queue.length === 0) return;
    const batch = this.#queue;
    const transfers = this.#transfers;
    this.#queue = [];
    this.#transfers = [];
    this.#port.postMessage(batch, transfers);
  }

  close(): void {
    this.#port.close();
  }
}
