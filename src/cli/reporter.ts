import { escapeControls } from "../observe/escape.js";
import { formatBytes, ProgressLine } from "./progress.js";
import type { Output } from "./serve-args.js";

/** Tells people and programs what happens: results on stdout, errors on stderr. */
export class Reporter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  /** A line for people. */
  say(text: string): void {
    if (this.#output === "human") process.stdout.write(`${text}\n`);
  }

  /** One object for programs. */
  event(event: Record<string, unknown>): void {
    if (this.#output === "json") process.stdout.write(`${JSON.stringify(event)}\n`);
  }

  error(error: Error, details: Record<string, unknown> = {}): void {
    this.event({
      event: "error",
      ...details,
      message: error.message,
      code: (error as { code?: string }).code ?? null,
    });
    process.stderr.write(`Error: ${escapeControls(error.message)}\n`);
  }

  /** Follows one transfer: a repainted line on a terminal, else one line when it is done. */
  follow(kind: "get" | "put", file: string, toStdout: boolean): TransferReport {
    const paints = this.#output === "human" && !toStdout && process.stdout.isTTY === true;
    const line = paints ? new ProgressLine(file, process.stdout) : null;
    const startedMs = performance.now();
    let transferredBytes = 0;
    return {
      progress: (bytes, totalBytes) => {
        transferredBytes = bytes;
        line?.update(bytes, totalBytes);
      },
      done: () => {
        const seconds = (performance.now() - startedMs) / 1000;
        line?.done();
        if (line === null && !toStdout) {
          this.say(`${escapeControls(file)} ${formatBytes(transferredBytes)} in ${seconds.toFixed(1)} s`);
        }
        if (!toStdout)
          this.event({ event: "done", method: kind.toUpperCase(), file, bytes: transferredBytes, seconds });
      },
      failed: () => line?.failed(),
    };
  }
}

/** See {@link Reporter.follow}. */
export interface TransferReport {
  progress(transferredBytes: number, totalBytes: number | null): void;
  done(): void;
  failed(): void;
}
