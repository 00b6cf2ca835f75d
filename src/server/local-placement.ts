import { performance } from "node:perf_hooks";
import type { ThreadStatus } from "../observe/records.js";
import type { AnswerMode, PlacedRequest, PlacedTransfer, Placement, PlacementHandlers } from "./placement.js";
import { type HostThread, TransferHost } from "./transfer-host.js";

/** Transfers in the calling thread. */
export class LocalPlacement implements Placement {
  readonly #thread: HostThread;

  constructor(thread: HostThread) {
    this.#thread = thread;
  }

  async ready(): Promise<void> {}

  /** The sockets are the server's. */
  async hear(): Promise<void> {}

  /** The thread's settings are the server's. */
  async configure(): Promise<void> {}

  place(
    request: PlacedRequest,
    answer: AnswerMode,
    root: string,
    handlers: PlacementHandlers,
  ): PlacedTransfer {
    const host = new TransferHost(this.#thread, request, handlers);
    host.start(answer, root);
    return host;
  }

  threads(): readonly ThreadStatus[] {
    const { active, idle } = performance.eventLoopUtilization();
    return [{ name: "main", transfers: this.#thread.transferCount, busyMs: active, idleMs: idle }];
  }

  /** Every transfer lives on its socket: there is nothing else to end. */
  close(): void {}
}
