import { encodeError } from "../../src/engine/index.js";
import type {
  AnswerMode,
  PlacedRequest,
  PlacedTransfer,
  Placement,
  PlacementHandlers,
} from "../../src/server/placement.js";
import { type HostThread, TransferHost } from "../../src/server/transfer-host.js";
import type { World } from "./world.js";

const WORKERS = 2;

interface Placed {
  readonly worker: number;
  readonly host: TransferHost;
  readonly handlers: PlacementHandlers;
  readonly request: PlacedRequest;
  localPort: number;
  /** The owner has been told of the end of the data. */
  isOver: boolean;
  /** The owner wants to hear nothing any more. */
  isSilent: boolean;
  isGone: boolean;
}

/**
 * Worker threads as their owner sees them: everything takes a while in both directions, and a thread can die, with
 * all its sockets, in any step. The hosts in them are the real ones; only the way between the threads is simulated.
 */
export class SimWorkers implements Placement {
  readonly #world: World;
  readonly #thread: HostThread;
  readonly #delayMs: number;
  readonly #placed = new Set<Placed>();
  crashes = 0;
  /** Those that hit an upload whose client had an answer. */
  crashedUploads = 0;

  constructor(world: World, thread: HostThread, delayMs: number) {
    this.#world = world;
    this.#thread = thread;
    this.#delayMs = delayMs;
  }

  async ready(): Promise<void> {}

  async hear(): Promise<void> {}

  async configure(): Promise<void> {}

  threads(): readonly [] {
    return [];
  }

  place(
    request: PlacedRequest,
    answer: AnswerMode,
    root: string,
    handlers: PlacementHandlers,
  ): PlacedTransfer {
    const tell = (say: () => void) => this.#later(() => !placed.isSilent && say());
    const host: TransferHost = new TransferHost(
      this.#threadOf((port) => (placed.localPort = port)),
      request,
      {
        onOpened: (address, port) => tell(() => handlers.onOpened(address, port)),
        onCompleted: (lastAckMissing, account) =>
          tell(() => this.#once(placed, () => handlers.onCompleted(lastAckMissing, account))),
        onFailed: (failure, account) =>
          tell(() => this.#once(placed, () => handlers.onFailed(failure, account))),
        onEnded: () => {
          this.#placed.delete(placed);
          tell(() => handlers.onEnded());
        },
      },
    );
    const worker = this.#world.random.between(0, WORKERS - 1);
    const placed: Placed = {
      worker,
      host,
      handlers,
      request,
      localPort: 0,
      isOver: false,
      isSilent: false,
      isGone: false,
    };
    this.#placed.add(placed);
    this.#later(() => {
      if (!placed.isGone && !placed.isSilent) host.start(answer, root);
    });
    return this.#remote(placed);
  }

  close(): void {}

  /** A thread dies: its transfers fail, their clients are told from the ports they know. */
  crash(): void {
    const worker = this.#world.random.between(0, WORKERS - 1);
    for (const placed of [...this.#placed]) {
      if (placed.worker !== worker || placed.isGone) continue;
      this.crashes++;
      if (placed.request.method === "PUT" && placed.localPort > 0 && !placed.isOver) this.crashedUploads++;
      placed.isGone = true;
      this.#placed.delete(placed);
      const account = placed.host.account();
      placed.host.close();
      if (placed.isSilent) continue;
      if (!placed.isOver && placed.localPort > 0) this.#answerFrom(placed);
      const cause = new Error("simulated crash");
      this.#once(placed, () => placed.handlers.onFailed({ kind: "crashed", cause }, account));
      placed.handlers.onEnded();
      placed.isSilent = true;
    }
  }

  #answerFrom({ localPort, request }: Placed): void {
    const nobody = { onDatagram: () => undefined, onError: () => undefined };
    const socket = this.#world.open(request.localAddress, localPort, nobody);
    socket.sendDatagram(encodeError(0, "Internal error"), request.peer);
    socket.close();
  }

  #remote(placed: Placed): PlacedTransfer {
    const { host, handlers } = placed;
    return {
      get proven() {
        return host.proven;
      },
      get isCarried() {
        return host.isCarried;
      },
      get hasMovedData() {
        return host.hasMovedData;
      },
      get awaitsLastAck() {
        return host.awaitsLastAck;
      },
      silentMs: () => host.silentMs(),
      account: () => host.account(),
      serveFiles: (order) => this.#later(() => host.serveFiles(order)),
      copyUpload: () => this.#later(() => host.copyUpload()),
      sendFrom: (...args) => this.#later(() => host.sendFrom(...args)),
      receiveInto: (...args) => this.#later(() => host.receiveInto(...args)),
      deliver: (bytes) => this.#later(() => !placed.isGone && host.deliver(bytes)),
      handleRepeatedRequest: () => this.#later(() => !placed.isGone && host.handleRepeatedRequest()),
      abort: (errorCode, message) => {
        this.#later(() => !placed.isGone && host.abort(errorCode, message));
        this.#once(placed, () => handlers.onFailed({ kind: "aborted", message }, host.account()));
      },
      close: () => {
        placed.isSilent = true;
        this.#later(() => {
          this.#placed.delete(placed);
          host.close();
        });
      },
    };
  }

  #once(placed: Placed, say: () => void): void {
    if (placed.isOver) return;
    placed.isOver = true;
    say();
  }

  /** Messages of one direction keep their order. */
  #later(act: () => void): void {
    this.#world.after(this.#delayMs, act);
  }

  #threadOf(onPort: (port: number) => void): HostThread {
    const { runtime } = this.#thread;
    const sockets: typeof runtime.sockets = {
      ...runtime.sockets,
      open: async (options, handlers) => {
        const socket = await runtime.sockets.open(options, handlers);
        onPort(socket.localPort);
        return socket;
      },
    };
    return { ...this.#thread, runtime: { ...runtime, sockets } };
  }
}
