import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** The compiled command. */
export const COMMAND = join(__dirname, "../../src/cli/main.js");
/** A running command. */
export interface Run {
  readonly child: ChildProcess;
  readonly done: Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Resolves when the output holds this. */
  until(text: string): Promise<void>;
}

/** Starts the command with these words, or another program. */
export function start(words: readonly string[], cwd?: string, command = process.execPath): Run {
  const args = command === process.execPath ? [COMMAND, ...words] : [...words];
  const child = spawn(command, args, { cwd, env: { ...process.env, XDG_STATE_HOME: cwd ?? "/nowhere" } });
  const text = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].on("data", (chunk: Buffer) => {
      text[stream] += chunk;
      for (const watch of watchers) watch();
    });
  }
  const done = once(child, "close").then(([code]) => ({ code: code as number | null, ...text }));
  const until = (wanted: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if ((text.stdout + text.stderr).includes(wanted)) resolve();
      };
      watchers.add(watch);
      watch();
      done.then(() => reject(new Error(`ended without "${wanted}": ${text.stdout}${text.stderr}`)));
    });
  return { child, done, until };
}
