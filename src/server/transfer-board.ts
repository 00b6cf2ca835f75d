import { processTimeMs } from "../io/process-time.js";
import type { TransferAccount } from "./placement.js";

/** What can be read of a transfer in another thread without asking. */
export interface BoardEntry {
  readonly proven: boolean;
  readonly hasMovedData: boolean;
  readonly awaitsLastAck: boolean;
  readonly silentMs: number;
  /** 0 until the socket is bound. */
  readonly localPort: number;
}

const SLOT_INTS = 4;
const SIGNS = 0;
const LAST_HEARD_MS = 1;
const LOCAL_PORT = 2;

/** Bits of SIGNS. */
const Sign = { proven: 1, hasMovedData: 2, awaitsLastAck: 4 } as const;

/** The figures of a slot, behind the integers of all; each is written by one thread and read by another. */
const SLOT_FIGURES = 8;
const SIZE_BYTES = 0;
const FIRST_ANSWER_MS = 1;
const TRANSFERRED_BYTES = 2;
const BLOCKS_SENT = 3;
const RETRANSMISSIONS = 4;
const DUPLICATES = 5;
const TIMEOUTS = 6;
const JUNK = 7;

/** Stands for null among the figures. */
const UNKNOWN = -1;

const SLOT_BYTES = SLOT_INTS * Int32Array.BYTES_PER_ELEMENT + SLOT_FIGURES * Float64Array.BYTES_PER_ELEMENT;

/**
 * The state of transfers in shared memory: workers write, the dispatcher reads it whenever a client repeats its
 * request or room has to be made, and whoever watches the server, to see how far transfers are. So a transfer costs
 * no message until it ends.
 *
 * The figures are plain stores, as they decide nothing: a reader may see them a moment late.
 */
export class TransferBoard {
  readonly memory: SharedArrayBuffer;
  readonly slotCount: number;
  readonly #ints: Int32Array;
  readonly #figures: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.slotCount = memory.byteLength / SLOT_BYTES;
    const figuresAt = this.slotCount * SLOT_INTS * Int32Array.BYTES_PER_ELEMENT;
    this.#ints = new Int32Array(memory, 0, this.slotCount * SLOT_INTS);
    this.#figures = new Float64Array(memory, figuresAt, this.slotCount * SLOT_FIGURES);
  }

  static withSlots(count: number): TransferBoard {
    return new TransferBoard(new SharedArrayBuffer(count * SLOT_BYTES));
  }

  /** Server: a new transfer takes the slot. */
  reset(slot: number): void {
    const figuresAt = slot * SLOT_FIGURES;
    this.#figures.fill(0, figuresAt, figuresAt + SLOT_FIGURES);
    this.#figures[figuresAt + SIZE_BYTES] = UNKNOWN;
    this.#figures[figuresAt + FIRST_ANSWER_MS] = UNKNOWN;
    const at = slot * SLOT_INTS;
    Atomics.store(this.#ints, at + SIGNS, 0);
    Atomics.store(this.#ints, at + LOCAL_PORT, 0);
    Atomics.store(this.#ints, at + LAST_HEARD_MS, nowAsInt());
  }

  read(slot: number): BoardEntry {
    const at = slot * SLOT_INTS;
    const signs = Atomics.load(this.#ints, at + SIGNS);
    return {
      proven: (signs & Sign.proven) !== 0,
      hasMovedData: (signs & Sign.hasMovedData) !== 0,
      awaitsLastAck: (signs & Sign.awaitsLastAck) !== 0,
      silentMs: (nowAsInt() - Atomics.load(this.#ints, at + LAST_HEARD_MS)) | 0,
      localPort: Atomics.load(this.#ints, at + LOCAL_PORT),
    };
  }

  /** The figures of a transfer as its worker last wrote them. */
  account(slot: number): TransferAccount {
    const figure = (name: number): number => this.#figures[slot * SLOT_FIGURES + name] ?? 0;
    const known = (name: number): number | null => (figure(name) === UNKNOWN ? null : figure(name));
    return {
      sizeBytes: known(SIZE_BYTES),
      transferredBytes: figure(TRANSFERRED_BYTES),
      blocksSent: figure(BLOCKS_SENT),
      retransmissions: figure(RETRANSMISSIONS),
      duplicates: figure(DUPLICATES),
      timeouts: figure(TIMEOUTS),
      junk: figure(JUNK),
      proven: this.read(slot).proven,
      firstAnswerAtMs: known(FIRST_ANSWER_MS),
      endedAtMs: processTimeMs(),
    };
  }

  /** Worker: the socket is bound. */
  setLocalPort(slot: number, localPort: number): void {
    Atomics.store(this.#ints, slot * SLOT_INTS + LOCAL_PORT, localPort);
  }

  /** Worker: the first answer leaves. */
  setAnswered(slot: number, sizeBytes: number | null, atMs: number): void {
    this.#figures[slot * SLOT_FIGURES + SIZE_BYTES] = sizeBytes ?? UNKNOWN;
    this.#figures[slot * SLOT_FIGURES + FIRST_ANSWER_MS] = atMs;
  }

  /** Worker: the client was heard. */
  setProgress(slot: number, counters: ProgressCounters): void {
    const at = slot * SLOT_FIGURES;
    const figures = this.#figures;
    figures[at + TRANSFERRED_BYTES] = counters.transferredBytes;
    figures[at + BLOCKS_SENT] = counters.blocksSent;
    figures[at + RETRANSMISSIONS] = counters.blocksRetransmitted;
    figures[at + DUPLICATES] = counters.duplicatesReceived;
    figures[at + TIMEOUTS] = counters.timeouts;
    figures[at + JUNK] = counters.junkReceived;
  }

  /** Worker: the client was heard. */
  setHeard(slot: number, { proven, hasMovedData, awaitsLastAck }: TransferSigns): void {
    const at = slot * SLOT_INTS;
    const signs =
      (proven ? Sign.proven : 0) |
      (hasMovedData ? Sign.hasMovedData : 0) |
      (awaitsLastAck ? Sign.awaitsLastAck : 0);
    Atomics.store(this.#ints, at + SIGNS, signs);
    Atomics.store(this.#ints, at + LAST_HEARD_MS, nowAsInt());
  }
}

/** What the dispatcher wants to know of a transfer when its client asks again. */
export type TransferSigns = Pick<BoardEntry, "proven" | "hasMovedData" | "awaitsLastAck">;

/** The counters of a transfer that the board shows. */
export interface ProgressCounters {
  readonly transferredBytes: number;
  readonly blocksSent: number;
  readonly blocksRetransmitted: number;
  readonly duplicatesReceived: number;
  readonly timeouts: number;
  readonly junkReceived: number;
}

/** As 32 bits that wrap. */
function nowAsInt(): number {
  return Math.floor(processTimeMs()) | 0;
}
