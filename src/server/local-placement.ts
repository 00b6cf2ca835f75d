import type { AnswerMode, PlacedRequest, PlacedTransfer, Placement, PlacementHandlers } from "./placement.js";
import { type HostThread, TransferHost } from "./transfer-host.js";

/** Transfers in the calling thread (`workers: 0`), and inside a worker for its handler module. */
export class LocalPlacement implements Placement {
  readonly #thread: HostThread;

  constructor(thread: HostThread) {
    this.#thread = thread;
  }

  place(
    request: PlacedRequest,
    answer: AnswerMode,
    root: string,
    handlers: PlacementHandlers,
  ): PlacedTransfer {
    const host = new TransferHost(this.#thread, request, handlers);
    void (answer === "files" ? host.openFromFiles(root) : host.open());
    return host;
  }

  /** Every transfer lives on its socket: there is nothing else to end. */
  close(): void {}
}
