import { constants } from "node:os";
import { Command, CommanderError, InvalidArgumentError } from "commander";

/** The command was told to end. */
class Interrupted extends Error {
  /** As shells tell the end by a signal. */
  readonly exitStatus: number;

  constructor(kind: "SIGINT" | "SIGTERM") {
    super(`ended by ${kind}`);
    this.exitStatus = 128 + constants.signals[kind];
  }
}

/** A command line that can't be carried out; the message says what to do. */
export class BadUsage extends Error {}

/** A command that throws {@link BadUsage} instead of ending the process, and keeps its help. */
export class BenchCommand extends Command {
  #help: string | null = null;

  constructor(name: string) {
    super(name);
    this.exitOverride().configureOutput({
      writeOut: (text) => {
        this.#help = (this.#help ?? "") + text;
      },
      writeErr: () => undefined,
      getOutHelpWidth: () => 100,
    });
  }

  /**
   * Reads a command line (without node and script).
   * @returns the help when it was asked for, else null
   * @throws BadUsage
   */
  read(words: readonly string[]): string | null {
    try {
      this.parse(words, { from: "user" });
      return null;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.code === "commander.helpDisplayed") return this.#help ?? "";
      throw new BadUsage(error.message.replace(/^error: /, ""));
    }
  }

  /**
   * As {@link read}, for a command that writes its help itself.
   * @returns whether help was asked for: it is on standard output, and nothing else is to be done
   * @throws BadUsage
   */
  readsHelp(words: readonly string[]): boolean {
    const help = this.read(words);
    if (help !== null) process.stdout.write(help);
    return help !== null;
  }
}

/** A reader of numbers for an option. */
export function numberIn(lowest: number, highest: number, takesFractions = false): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    const isFine = takesFractions ? Number.isFinite(value) : Number.isSafeInteger(value);
    if (!isFine || value < lowest || value > highest) {
      const what = takesFractions ? "a number" : "a whole number";
      throw new InvalidArgumentError(`It must be ${what} from ${lowest} to ${highest}.`);
    }
    return value;
  };
}

/** A reader of lists: words with commas between them. */
export function listOf(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
}

/**
 * Runs a command's main function: its status becomes that of the process, its failure one line. A first SIGINT or
 * SIGTERM aborts the signal that it gets, so that it can end what it started; a second one ends the process.
 */
export function runMain(
  name: string,
  main: (words: readonly string[], signal: AbortSignal) => Promise<number>,
): void {
  const interruption = new AbortController();
  for (const kind of ["SIGINT", "SIGTERM"] as const) {
    process.once(kind, () => interruption.abort(new Interrupted(kind)));
  }
  main(process.argv.slice(2), interruption.signal).then(
    (status) => {
      process.exitCode = status;
    },
    (error: Error) => {
      const { signal } = interruption;
      if (signal.aborted) {
        const { message, exitStatus } = signal.reason as Interrupted;
        process.stderr.write(`${name}: ${message}\n`);
        process.exitCode = exitStatus;
        return;
      }
      const isUsage = error instanceof BadUsage;
      process.stderr.write(`${name}: ${error.message}${isUsage ? " (see --help)" : ""}\n`);
      process.exitCode = isUsage ? 2 : 1;
    },
  );
}
