import { encodeError } from "../engine/index.js";
import { CACHE_BYTES_MAX } from "../io/block-cache.js";
import type { SocketFactory, SocketGroup } from "../io/socket.js";
import type { ThreadStatus } from "../observe/records.js";
import { BriefTransfers } from "./brief-transfers.js";
import type { ServerSettings } from "./options.js";
import type { AnswerMode, PlacedRequest, PlacedTransfer, Placement, PlacementHandlers } from "./placement.js";
import { RelayDesk } from "./relay-desk.js";
import { RemoteTransfer } from "./remote-transfer.js";
import type { Incoming } from "./request-sockets.js";
import { TransferBoard } from "./transfer-board.js";
import type { HostThread } from "./transfer-host.js";
import { NO_TRANSFER } from "./worker-messages.js";
import { WorkerPool } from "./worker-pool.js";

/** Slots beyond the limit of transfers, for those that were evicted and are about to end. */
const SPARE_SLOTS = 64;

/** Looks at a port of a dead worker until the kernel has it back. */
const PORT_ATTEMPTS_MAX = 20;
const PORT_PAUSE_MS = 25;

/** Transfers in the threads of a pool; those that are hardly worth the way there stay in this one. */
export class WorkerPlacement implements Placement {
  readonly #pool: WorkerPool;
  readonly #brief: BriefTransfers;
  readonly #board: TransferBoard;
  readonly #freeSlots: number[] = [];
  readonly #thread: HostThread;
  readonly #joining = new Map<number, Promise<void>>();
  /** On a single port: the sockets, one of each for every worker. */
  #groups: readonly SocketGroup[] = [];
  #nextId = 0;

  /** @param onHeard - on a single port: takes what workers heard that is for none of their transfers */
  constructor(
    thread: HostThread,
    onWorkerError: (error: Error) => void,
    onHeard: (datagram: Incoming) => void,
  ) {
    const { settings } = thread;
    this.#thread = thread;
    this.#brief = new BriefTransfers(thread);
    const desk = new RelayDesk(onHeard, (worker, count, bytes) =>
      this.#pool.tell(worker, { kind: "settled", id: NO_TRANSFER, count, bytes }),
    );
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
      onConnected: (worker) => this.#join(worker),
      onHeard: (worker, report) => desk.take(worker, report),
    });
  }

  async ready(): Promise<void> {
    const { singlePort, workers } = this.#thread.settings;
    // On a single port, each client is heard by one of them only.
    await this.#pool.ready(singlePort ? workers : 1);
    await Promise.all(this.#joining.values());
  }

  async hear(groups: readonly SocketGroup[]): Promise<void> {
    this.#groups = groups;
    for (let worker = 0; worker < this.#thread.settings.workers; worker++) this.#join(worker);
    await Promise.all(this.#joining.values());
    // Threads on their way out take their sockets along.
    if (groups.length === 0) await this.#pool.ended();
  }

  #join(worker: number): void {
    if (!this.#thread.settings.singlePort) return;
    const members = this.#groups.flatMap((group) => group.members[worker] ?? []);
    this.#joining.set(
      worker,
      this.#pool.command(worker, (id) => ({ kind: "join", id, members })),
    );
  }

  configure(settings: ServerSettings): Promise<void> {
    this.#brief.configure(settings);
    return this.#pool.configure(settings);
  }

  place(
    request: PlacedRequest,
    answer: AnswerMode,
    root: string,
    handlers: PlacementHandlers,
  ): PlacedTransfer {
    const brief = this.#brief.place(request, answer, root, handlers);
    return brief ?? this.#handOver(request, answer, root, handlers);
  }

  #handOver(
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
          if (answer === "files") this.#brief.take(root, request, message);
          if (message.kind === "ended" && slot >= 0) this.#freeSlots.push(slot);
        },
        onCrash: (error) => {
          const { runtime, files, sharedPort } = this.#thread;
          const { localPort } = slot < 0 ? { localPort: 0 } : this.#board.read(slot);
          if (slot >= 0) this.#freeSlots.push(slot);
          if (request.method === "PUT") void files.removeLeftOver(root, request);
          if (!transfer.isOver && localPort > 0) {
            if (sharedPort === undefined) void answerFrom(runtime.sockets, request, localPort);
            else sharedPort.at(request.localAddress)?.sendDatagram(deathNotice(), request.peer);
          }
          transfer.crash(error);
        },
      },
    );
    return transfer;
  }

  threads(): readonly ThreadStatus[] {
    return [...this.#brief.threads(), ...this.#pool.threads()];
  }

  close(abort: boolean): void {
    this.#pool.close(abort);
  }
}

function deathNotice(): Uint8Array {
  return encodeError(0, "Internal error");
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
      socket.sendDatagram(deathNotice(), peer);
      socket.close();
      return;
    } catch {
      // The thread is still on its way out.
      await new Promise((resolve) => setTimeout(resolve, PORT_PAUSE_MS).unref());
    }
  }
}
