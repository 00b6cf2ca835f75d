/** What can be read of a transfer in another thread without asking. */
export interface BoardEntry {
  readonly proven: boolean;
  readonly hasMovedData: boolean;
  readonly silentMs: number;
  /** 0 until the socket is bound. */
  readonly localPort: number;
}

const SLOT_INTS = 4;
const STAGE = 0;
const LAST_HEARD_MS = 1;
const LOCAL_PORT = 2;

/** Values of STAGE, in the order in which a transfer passes them. */
const Stage = { placed: 0, proven: 1, moving: 2 } as const;

/**
 * The state of transfers in shared memory: workers write, the dispatcher reads it whenever a client repeats its
 * request or room has to be made. So a transfer costs no message until it ends.
 */
export class TransferBoard {
  readonly memory: SharedArrayBuffer;
  readonly #ints: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#ints = new Int32Array(memory);
  }

  static withSlots(count: number): TransferBoard {
    return new TransferBoard(new SharedArrayBuffer(count * SLOT_INTS * Int32Array.BYTES_PER_ELEMENT));
  }

  get slotCount(): number {
    return this.#ints.length / SLOT_INTS;
  }

  /** Server: a new transfer takes the slot. */
  reset(slot: number): void {
    const at = slot * SLOT_INTS;
    Atomics.store(this.#ints, at + STAGE, Stage.placed);
    Atomics.store(this.#ints, at + LOCAL_PORT, 0);
    Atomics.store(this.#ints, at + LAST_HEARD_MS, processMs());
  }

  read(slot: number): BoardEntry {
    const at = slot * SLOT_INTS;
    const stage = Atomics.load(this.#ints, at + STAGE);
    return {
      proven: stage >= Stage.proven,
      hasMovedData: stage >= Stage.moving,
      silentMs: (processMs() - Atomics.load(this.#ints, at + LAST_HEARD_MS)) | 0,
      localPort: Atomics.load(this.#ints, at + LOCAL_PORT),
    };
  }

  /** Worker: the socket is bound. */
  setLocalPort(slot: number, localPort: number): void {
    Atomics.store(this.#ints, slot * SLOT_INTS + LOCAL_PORT, localPort);
  }

  /** Worker: the client was heard. */
  setHeard(slot: number, proven: boolean, hasMovedData: boolean): void {
    const at = slot * SLOT_INTS;
    const stage = hasMovedData ? Stage.moving : proven ? Stage.proven : Stage.placed;
    Atomics.store(this.#ints, at + STAGE, stage);
    Atomics.store(this.#ints, at + LAST_HEARD_MS, processMs());
  }
}

/** Milliseconds on the clock that all threads of the process share, as 32 bits that wrap. */
function processMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds * 1000 + Math.floor(nanoseconds / 1e6)) | 0;
}
