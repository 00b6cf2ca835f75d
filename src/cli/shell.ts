import { readdirSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Client } from "../index.js";
import type { ShellInvocation } from "./args.js";
import { ExitCode } from "./exit-codes.js";
import { historyPath, loadHistory, saveHistory } from "./history.js";
import { Reporter } from "./reporter.js";
import { clientFor, transferFile } from "./transfer.js";

/** Time within which a second ^C quits. */
const QUIT_MS = 3000;

const HELP = `get <remote> [<local>]   fetch a file
put <local> [<remote>]   store a file
help                     print this
quit                     end the shell (also ^D, or ^C twice)
Words with spaces can be quoted: get "my file".`;

/** `ntftp HOST`. Resolves with the exit code when the user leaves, or the script on stdin ends. */
export async function runShell(invocation: ShellInvocation): Promise<number> {
  return new Shell(invocation).run();
}

class Shell {
  readonly #invocation: ShellInvocation;
  readonly #client: Client;
  readonly #reporter: Reporter;
  readonly #interactive = process.stdin.isTTY === true;
  #running: AbortController | null = null;
  #lastInterruptMs = Number.NEGATIVE_INFINITY;
  #failed = false;

  constructor(invocation: ShellInvocation) {
    this.#invocation = invocation;
    this.#client = clientFor(invocation.endpoint, invocation.settings);
    this.#reporter = new Reporter(invocation.output);
  }

  async run(): Promise<number> {
    const history = this.#interactive ? await loadHistory(historyPath()) : [];
    const lines = createInterface({
      input: process.stdin,
      output: this.#interactive ? process.stdout : undefined,
      terminal: this.#interactive,
      prompt: "> ",
      completer: complete,
      history,
      removeHistoryDuplicates: true,
    });
    let remembered: string[] = history;
    lines.on("history", (newest: string[]) => {
      remembered = newest;
    });
    lines.on("SIGINT", () => this.#interrupt(lines));
    if (!this.#interactive) process.on("SIGINT", () => process.exit(ExitCode.interrupted));
    if (this.#interactive) lines.prompt();
    for await (const line of lines) {
      if (await this.#execute(line)) break;
      if (this.#interactive) lines.prompt();
    }
    lines.close();
    if (!this.#interactive) return this.#failed ? ExitCode.failed : ExitCode.done;
    await saveHistory(historyPath(), remembered);
    return ExitCode.done;
  }

  /** Runs one line; true means leave. */
  async #execute(line: string): Promise<boolean> {
    const [command, ...words] = splitWords(line);
    switch (command) {
      case undefined:
        return false;
      case "quit":
      case "exit":
        return true;
      case "help":
        this.#reporter.say(HELP);
        return false;
      case "get":
      case "put":
        await this.#transfer(command, words);
        return false;
      default:
        this.#fail(new Error("Invalid command ('get' or 'put')"));
        return false;
    }
  }

  async #transfer(kind: "get" | "put", words: readonly string[]): Promise<void> {
    const [first, second, ...more] = words;
    if (first === "-h" || first === "--help") {
      this.#reporter.say(HELP);
      return;
    }
    if (first === undefined || more.length > 0) {
      const usage = kind === "get" ? "get <remote> [<local>]" : "put <local> [<remote>]";
      this.#fail(new Error(`Usage: ${usage}`));
      return;
    }
    const remote = kind === "get" ? first : (second ?? basename(first));
    const local = kind === "get" ? (second ?? posix.basename(first)) : first;
    const controller = new AbortController();
    this.#running = controller;
    const { mode, output } = this.#invocation;
    try {
      await transferFile(this.#client, { kind, remote, local, mode }, output, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) this.#fail(error as Error);
    } finally {
      this.#running = null;
    }
  }

  /** ^C ends a running transfer; at the prompt, twice within three seconds, the shell. */
  #interrupt(lines: Interface): void {
    if (this.#running !== null) {
      this.#running.abort();
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.#lastInterruptMs < QUIT_MS) {
      process.stdout.write("\n");
      lines.close();
      return;
    }
    this.#lastInterruptMs = nowMs;
    process.stdout.write("\n(^C again to quit)\n");
    lines.write(null, { ctrl: true, name: "u" });
    lines.prompt();
  }

  #fail(error: Error): void {
    this.#failed = true;
    this.#reporter.error(error);
  }
}

/** Splits at spaces; single and double quotes keep words together. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) {
    words.push(match[1] ?? match[2] ?? match[3] ?? "");
  }
  return words;
}

/** Completes commands, and names of local files behind `put`. */
export function complete(line: string): [string[], string] {
  const put = /^put\s+(\S*)$/.exec(line);
  if (put === null) {
    return [["get ", "put ", "help", "quit"].filter((command) => command.startsWith(line)), line];
  }
  const typed = put[1] ?? "";
  const directory = typed.endsWith("/") ? typed : dirname(typed);
  const start = typed.endsWith("/") ? "" : basename(typed);
  try {
    const names = readdirSync(directory || ".", { withFileTypes: true });
    const hits = names
      .filter((entry) => entry.name.startsWith(start))
      .map(
        (entry) =>
          (typed.includes("/") ? join(directory, entry.name) : entry.name) + (entry.isDirectory() ? "/" : ""),
      );
    return [hits, typed];
  } catch {
    return [[], typed];
  }
}
