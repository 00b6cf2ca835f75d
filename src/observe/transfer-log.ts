import { LogBudget } from "./log-budget.js";
import { includesLevel, type LogLevel, levelOfOutcome, levelOfRefusal } from "./log-levels.js";
import type { ObservedServer } from "./observed-server.js";
import type { RefusalInfo, TransferInfo, TransferOutcome, TransferResult } from "./records.js";

/** How often a log says what it left out, ms. */
const SUMMARY_MS = 5_000;

/** What a log listens to. */
export type LogSubject = Pick<ObservedServer, "on">;

/** A form of log: turns what happened into lines. Everything it is told is written. */
export interface LogForm {
  /** The level of a line that says that a transfer began. */
  readonly startLevel: LogLevel;
  /** The level of the line for this end. */
  endLevel(outcome: TransferOutcome): LogLevel;
  started(info: TransferInfo): void;
  ended(level: LogLevel, info: TransferInfo, result: TransferResult): void;
  refused(level: LogLevel, refusal: RefusalInfo): void;
  workerFailed(error: Error): void;
  /** Something about the server itself: that it listens, or is about to end. */
  said(event: string, text: string, fields: Record<string, unknown>): void;
  /** @param counts - lines that were left out, by what they would have told */
  leftOut(total: number, counts: ReadonlyMap<string, number>): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Steady rate above which lines are left out, with ten times as many at once; 0 for no limit. */
  readonly linesPerSecond: number;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

/**
 * Follows a server and has a form write what its level includes, within a budget of lines. What exceeds it is counted,
 * and told in one line every few seconds. Troubles of this machine have a budget of their own, so that a flood of
 * requests can't hide them.
 */
export class TransferLog {
  readonly #form: LogForm;
  readonly #level: LogLevel;
  readonly #budget: LogBudget;
  readonly #troubleBudget: LogBudget;
  readonly #leftOut = new Map<string, number>();
  #leftOutTotal = 0;
  #summaryTimer: NodeJS.Timeout | null = null;

  constructor(subject: LogSubject, form: LogForm, options: LogOptions) {
    const { level, linesPerSecond, now = () => performance.now() } = options;
    this.#form = form;
    this.#level = level;
    this.#budget = new LogBudget(linesPerSecond, now);
    this.#troubleBudget = new LogBudget(linesPerSecond, now);
    subject.on("transferStart", (info) => this.#write(form.startLevel, "start", () => form.started(info)));
    subject.on("transferEnd", (info, result) => {
      const lineLevel = form.endLevel(result.outcome);
      const write = (): void => form.ended(lineLevel, info, result);
      this.#write(lineLevel, result.outcome, write, levelOfOutcome[result.outcome] === "error");
    });
    subject.on("requestRefused", (refusal) => {
      const lineLevel = levelOfRefusal[refusal.reason];
      this.#write(lineLevel, `refused: ${refusal.reason}`, () => form.refused(lineLevel, refusal));
    });
    subject.on("workerError", (error) =>
      this.#write("error", "worker", () => form.workerFailed(error), true),
    );
  }

  /** Lines that were left out so far. */
  get leftOutTotal(): number {
    return this.#leftOutTotal;
  }

  /** A line about the server itself, outside of every budget. */
  say(event: string, text: string, fields: Record<string, unknown> = {}): void {
    if (includesLevel(this.#level, "info")) this.#form.said(event, text, fields);
  }

  /** Says what was left out and not told yet. */
  close(): void {
    if (this.#summaryTimer !== null) clearInterval(this.#summaryTimer);
    this.#summaryTimer = null;
    this.#summarize();
  }

  #write(level: LogLevel, what: string, write: () => void, isTrouble = false): void {
    if (!includesLevel(this.#level, level)) return;
    if ((isTrouble ? this.#troubleBudget : this.#budget).take()) {
      write();
      return;
    }
    this.#leftOutTotal++;
    this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + 1);
    if (this.#summaryTimer !== null) return;
    this.#summaryTimer = setInterval(() => this.#summarize(), SUMMARY_MS);
    this.#summaryTimer.unref();
  }

  #summarize(): void {
    if (this.#leftOut.size === 0) {
      // Nothing since the last time: quiet until the next flood.
      if (this.#summaryTimer !== null) clearInterval(this.#summaryTimer);
      this.#summaryTimer = null;
      return;
    }
    const total = [...this.#leftOut.values()].reduce((sum, count) => sum + count, 0);
    this.#form.leftOut(total, this.#leftOut);
    this.#leftOut.clear();
  }
}
