import type { StorageCommand, TransferCounters, TransferEvent, Transmit } from "./effects.js";

/**
 * Effects in the making: the parts of a transfer write here, its poll methods read.
 *
 * What an ACK brings about (bytes released, bytes wanted, blocks sent) lies in fields of this object and becomes an
 * effect when it is polled. With hundreds of transfers taking turns, none of their objects is in the processor's
 * caches any more: each one that an ACK has to look at is a wait for memory. All else goes through queues.
 */
export class Outbox {
  /** Bytes below are acknowledged; 0: no news. */
  #releasedBytes = 0;
  /** Bytes up to here will be needed; 0: no news. */
  #wantedBytes = 0;
  /** Blocks that leave before what is queued; none while the count is 0. */
  #firstBlock = 0;
  #blockCount = 0;
  /** Effects in all queues: mostly none, and then there is no need to look. */
  #queued = 0;
  readonly #transmits = new EffectQueue<Transmit>();
  readonly #storage = new EffectQueue<StorageCommand>();
  readonly #events = new EffectQueue<TransferEvent>();
  readonly counters: TransferCounters = {
    transferredBytes: 0,
    blocksSent: 0,
    blocksRetransmitted: 0,
    blocksReceived: 0,
    duplicatesReceived: 0,
    timeouts: 0,
    junkReceived: 0,
  };

  /** A whole small datagram. */
  send(bytes: Uint8Array): void {
    this.#queue(this.#transmits, { kind: "datagram", bytes });
  }

  sendBlocks(firstBlock: number, count: number): void {
    if (this.#blockCount > 0 || this.#queued > 0) {
      this.#queue(this.#transmits, { kind: "blocks", firstBlock, count });
      return;
    }
    this.#firstBlock = firstBlock;
    this.#blockCount = count;
  }

  /** Sender: bytes up to here will be needed. Never falls. */
  want(uptoBytes: number): void {
    this.#wantedBytes = uptoBytes;
  }

  /** Sender: bytes below are acknowledged. Never falls. */
  release(uptoBytes: number): void {
    this.#releasedBytes = uptoBytes;
  }

  /** Receiver: the next bytes of the file. */
  write(bytes: Uint8Array): void {
    this.#queue(this.#storage, { kind: "write", bytes });
  }

  /** Receiver: that was all. */
  finish(): void {
    this.#queue(this.#storage, { kind: "finish" });
  }

  tell(event: TransferEvent): void {
    this.#queue(this.#events, event);
  }

  pollTransmit(): Transmit | undefined {
    const count = this.#blockCount;
    if (count === 0) return this.#poll(this.#transmits);
    this.#blockCount = 0;
    return { kind: "blocks", firstBlock: this.#firstBlock, count };
  }

  pollStorage(): StorageCommand | undefined {
    const released = this.#releasedBytes;
    if (released > 0) {
      this.#releasedBytes = 0;
      return { kind: "release", uptoBytes: released };
    }
    const wanted = this.#wantedBytes;
    if (wanted === 0) return this.#poll(this.#storage);
    this.#wantedBytes = 0;
    return { kind: "want", uptoBytes: wanted };
  }

  pollEvent(): TransferEvent | undefined {
    return this.#poll(this.#events);
  }

  clearTransmits(): void {
    while (this.pollTransmit() !== undefined);
  }

  clearStorage(): void {
    while (this.pollStorage() !== undefined);
  }

  #queue<T>(queue: EffectQueue<T>, effect: T): void {
    queue.push(effect);
    this.#queued++;
  }

  #poll<T>(queue: EffectQueue<T>): T | undefined {
    if (this.#queued === 0) return undefined;
    const effect = queue.poll();
    if (effect !== undefined) this.#queued--;
    return effect;
  }
}

/**
 * A queue that is filled by one input and drained before the next: an array that never shrinks, and whose places are
 * used again, as `shift` costs more than the rest of an ACK, and an array that is emptied takes new memory.
 */
class EffectQueue<T> {
  readonly #items: (T | undefined)[] = [];
  #head = 0;
  #tail = 0;

  push(item: T): void {
    this.#items[this.#tail++] = item;
  }

  poll(): T | undefined {
    if (this.#head === this.#tail) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#tail) this.#head = this.#tail = 0;
    return item;
  }
}
