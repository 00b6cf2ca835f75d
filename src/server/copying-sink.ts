import type { BlockSink, SinkHandlers } from "../io/storage.js";

/**
 * Stores an upload into a file, and gives a copy to whoever reads `req` at the same time, as an extra listener that
 * counts or hashes uploads does. A slow reader holds the client back, so that nothing piles up.
 */
export class CopyingSink implements BlockSink {
  readonly #file: BlockSink;
  readonly #copy: BlockSink;
  #copying = false;
  #fileIsFull = false;
  #copyIsFull = false;

  constructor(file: BlockSink, copy: BlockSink) {
    this.#file = file;
    this.#copy = copy;
  }

  /** From the next byte on the copy is wanted. */
  startCopying(): void {
    this.#copying = true;
  }

  attach(handlers: SinkHandlers): void {
    const drained = (): void => {
      if (!this.#fileIsFull && !this.#copyIsFull) handlers.onDrained();
    };
    this.#file.attach({
      ...handlers,
      onDrained: () => {
        this.#fileIsFull = false;
        drained();
      },
      // Whoever reads along hears of the end before the client does.
      onFinished: () => this.#copy.finish(),
    });
    this.#copy.attach({
      onDrained: () => {
        this.#copyIsFull = false;
        drained();
      },
      onFinished: () => handlers.onFinished(),
      onFailure: () => undefined,
    });
  }

  write(bytes: Uint8Array): boolean {
    if (this.#copying && !this.#copy.write(bytes)) this.#copyIsFull = true;
    if (!this.#file.write(bytes)) this.#fileIsFull = true;
    return !this.#fileIsFull && !this.#copyIsFull;
  }

  finish(): void {
    this.#file.finish();
  }

  discard(): void {
    this.#file.discard();
    this.#copy.discard();
  }
}
