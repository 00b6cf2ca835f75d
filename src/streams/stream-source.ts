import { QueuedSource } from "./queued-source.js";

/**
 * A block source that a writer fills. Holds what may have to be retransmitted and what the next windows need;
 * a writer gets its callback when there is room for more.
 */
export class StreamSource extends QueuedSource {
  #wantedBytes = 0;
  #written: (() => void) | null = null;

  /** Takes a copy of the chunk; `written` is called when the next one is wanted. One write at a time. */
  append(chunk: Uint8Array, written: () => void): void {
    this.#written = written;
    this.fill(chunk, false);
    this.#callWriter();
  }

  /** No more chunks. */
  end(): void {
    this.fill(NOTHING, true);
  }

  override want(uptoBytes: number): void {
    this.#wantedBytes = Math.max(this.#wantedBytes, uptoBytes);
    this.#callWriter();
  }

  #callWriter(): void {
    const written = this.#written;
    if (written === null || this.availableBytes >= this.#wantedBytes) return;
    this.#written = null;
    written();
  }
}

const NOTHING = new Uint8Array(0);
