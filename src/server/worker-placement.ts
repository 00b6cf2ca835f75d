import { encodeError } from "../engine/index.js";
import { CACHE_BYTES_MAX } from "../io/block-cache.js";
import type { SocketFactory } from "../io/socket.js";
import type { ThreadStatus } from "../observe/records.js";
import type { ServerSettings } from "./options.js";
import type { AnswerMode, PlacedRequest, PlacedTransfer, Placement, PlacementHandlers } from "./placement.js";
import { RemoteTransfer } from "./remote-transfer.js";
import { TransferBoard } from "./transfer-board.js";
import type { HostThread } from "./transfer-host.js";
import { WorkerPool } from "./worker-pool.js";

/** Slots beyond the limit of transfers, for those that were evicted and are about to end. */
const SPARE_SLOTS = 64;

/** Looks at a port of a dead worker until the kernel has it back. */
const PORT_ATTEMPTS_MAX = 20;
const PORT_PAUSE_MS = 25;

/** Transfers in the threads of a pool. */
export class WorkerPlacement implements Placement {
  readonly #pool: WorkerPool;
  readonly #board: TransferBoard;
  readonly #freeSlots: number[] = [];
  readonly #thread: HostThread;
  #nextId = 0;

  constructor(thread: HostThread, onWorkerError: (error: Error) => void) {
    const { settings } = thread;
    this.#thread = thread;
    this.#board = TransferBoard.withSlots(settings.transfersMax + SPARE_SLOTS);
    for (let slot = this.#board.slotCount - 1; slot >= 0; slot--) this.#freeSlots.push(slot);
    this.#pool = new WorkerPool({
      count: settings.workers,
      setup: {
        settings,
        handler: settings.handler,
        board: this.#board.memory,
        // All workers together keep as much as a server without them.
        cacheBytesMax: Math.floor(CACHE_BYTES_MAX / settings.workers),
      },
      tasksMax: settings.transfersMax + SPARE_SLOTS,
      onWorkerError,
    });
  }

  ready(): Promise<void> {
    return this.#pool.ready();
  }

  configure(settings: ServerSettings): Promise<void> {
    return this.#pool.configure(settings);
  }

  place(
    request: PlacedRequest,
    answer: AnswerMode,
    root: string,
    handlers: PlacementHandlers,
  ): PlacedTransfer {
    const id = this.#nextId++;
    const slot = this.#freeSlots.pop() ?? -1;
    if (slot >= 0) this.#board.reset(slot);
    const transfer = new RemoteTransfer(id, slot, this.#pool, this.#board, handlers);
    this.#pool.run(
      { id, request, answer, root, slot },
      {
        onMessage: (message) => {
          transfer.take(message);
          if (message.kind === "ended" && slot >= 0) this.#freeSlots.push(slot);
        },
        onCrash: (error) => {
          const { runtime, files } = this.#thread;
          const { localPort } = slot < 0 ? { localPort: 0 } : this.#board.read(slot);
          if (slot >= 0) this.#freeSlots.push(slot);
          if (request.method === "PUT") void files.removeLeftOver(root, request);
          if (!transfer.isOver && localPort > 0) void answerFrom(runtime.sockets, request, localPort);
          transfer.crash(error);
        },
      },
    );
    return transfer;
  }

  threads(): readonly ThreadStatus[] {
    return this.#pool.threads();
  }

  close(abort: boolean): void {
    this.#pool.close(abort);
  }
}

/** One ERROR from the local port of a transfer whose worker died. */
async function answerFrom(
  sockets: SocketFactory,
  { localAddress, peer }: PlacedRequest,
  localPort: number,
): Promise<void> {
  const handlers = { onDatagram: () => undefined, onError: () => undefined };
  for (let attempt = 1; attempt <= PORT_ATTEMPTS_MAX; attempt++) {
    try {
      const socket = await sockets.open({ address: localAddress, port: localPort }, handlers);
      socket.sendDatagram(encodeError(0, "Internal error"), peer);
      socket.close();
      return;
    } catch {
      // The thread is still on its way out.
      await new Promise((resolve) => setTimeout(resolve, PORT_PAUSE_MS).unref());
    }
  }
}
