import type { BlockSink, SinkHandlers } from "../io/storage.js";

/**
 * A sink whose target can change while data flows: a PUT starts into `req`, and a listener that had to think
 * first (a look-up, an authorisation) may still hand it to the default listener.
 */
export class RedirectableSink implements BlockSink {
  #target: BlockSink;
  #handlers: SinkHandlers | null = null;
  #finished = false;

  constructor(target: BlockSink) {
    this.#target = target;
  }

  /** True once the last byte went to the target. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Sends what follows to another sink. What the old target got is the caller's to move. */
  redirect(target: BlockSink): void {
    this.#target = target;
    if (this.#handlers === null) return;
    target.attach(this.#handlers);
    // The old target may have been full.
    this.#handlers.onDrained();
  }

  attach(handlers: SinkHandlers): void {
    this.#handlers = handlers;
    this.#target.attach(handlers);
  }

  write(bytes: Uint8Array): boolean {
    return this.#target.write(bytes);
  }

  finish(): void {
    this.#finished = true;
    this.#target.finish();
  }

  discard(): void {
    this.#target.discard();
  }
}
