import type { AnswersAhead, DatagramRun } from "./socket.js";

/** Rows of one flush; a full table is flushed at once. */
const ROWS_MAX = 2048;

/** Room for the small datagrams of one flush. */
const OUTBOX_BYTES = 65_536;

/** So many of the memories of a flush are looked through for one that comes again: each costs the addon more than that. */
const MEMORIES_COMPARED = 8;

/** Commands of the reactor (native/command_table.h). */
const Command = { run: 0, datagram: 1, close: 2, removePeer: 3, answerAhead: 4 } as const;

/**
 * Gathers what a thread sends in one turn of its loop, as rows of numbers for the reactor. The rows leave when the
 * current callback of the loop has ended, or at the end of the batch of datagrams that is being handed over.
 */
export class CommandWriter {
  readonly rows: Uint32Array;
  readonly outbox = new Uint8Array(OUTBOX_BYTES);
  readonly #rowWords: number;
  readonly #send: (count: number, memories: readonly Uint8Array[]) => void;
  #count = 0;
  #outboxBytes = 0;
  #memories: Uint8Array[] = [];
  #isHeld = false;
  #isScheduled = false;

  /** @param send - carries out the rows; the memories are named by their index */
  constructor(rowWords: number, send: (count: number, memories: readonly Uint8Array[]) => void) {
    this.#rowWords = rowWords;
    this.#send = send;
    this.rows = new Uint32Array(ROWS_MAX * rowWords);
  }

  run(
    handle: number,
    peerId: number,
    { opcode, firstNumber, count, payloadBytesEach, payload }: DatagramRun,
  ): void {
    const { rows } = this;
    const at = this.#next(Command.run, handle, peerId);
    rows[at + 3] = firstNumber;
    rows[at + 4] = opcode;
    rows[at + 5] = count;
    rows[at + 6] = payloadBytesEach;
    rows[at + 7] = this.#memoryIndex(payload.memory);
    rows[at + 8] = payload.offset;
    rows[at + 9] = payload.length;
  }

  /** False for what is larger than the outbox. */
  datagram(handle: number, peerId: number, bytes: Uint8Array): boolean {
    if (bytes.length > OUTBOX_BYTES) return false;
    if (this.#outboxBytes + bytes.length > OUTBOX_BYTES) this.flush();
    const at = this.#next(Command.datagram, handle, peerId);
    this.outbox.set(bytes, this.#outboxBytes);
    this.rows[at + 8] = this.#outboxBytes;
    this.rows[at + 9] = bytes.length;
    this.#outboxBytes += bytes.length;
    return true;
  }

  close(handle: number): void {
    this.#next(Command.close, handle, 0);
  }

  removePeer(handle: number, peerId: number): void {
    this.#next(Command.removePeer, handle, peerId);
  }

  answerAhead(
    handle: number,
    peerId: number,
    { firstNumber, opcode, count, datagramBytes, answerOpcode }: AnswersAhead,
  ): void {
    const { rows } = this;
    const at = this.#next(Command.answerAhead, handle, peerId);
    rows[at + 3] = firstNumber;
    rows[at + 4] = opcode;
    rows[at + 5] = count;
    rows[at + 6] = datagramBytes;
    rows[at + 7] = answerOpcode;
  }

  /** A batch is being handed over: what is sent meanwhile waits for its end. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.flush();
  }

  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    const memories = this.#memories;
    // Sending reports errors, whose handlers may send.
    this.#count = 0;
    this.#outboxBytes = 0;
    if (memories.length > 0) this.#memories = [];
    this.#send(count, memories);
  }

  #next(command: number, handle: number, peerId: number): number {
    if (this.#count === ROWS_MAX) this.flush();
    if (!this.#isHeld && !this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        if (!this.#isHeld) this.flush();
      });
    }
    const at = this.#count++ * this.#rowWords;
    const { rows } = this;
    rows[at] = command;
    rows[at + 1] = handle;
    rows[at + 2] = peerId;
    return at;
  }

  #memoryIndex(memory: Uint8Array): number {
    const memories = this.#memories;
    // Many transfers of one file are often at the same few places of it.
    const oldest = Math.max(0, memories.length - MEMORIES_COMPARED);
    for (let index = memories.length - 1; index >= oldest; index--) {
      if (memories[index] === memory) return index;
    }
    return memories.push(memory) - 1;
  }
}
