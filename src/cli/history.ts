import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Lines of the shell that are kept from one run to the next. */
const LINES_MAX = 500;

/** Where the shell remembers its lines. */
export function historyPath(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"), "ntftp", "history");
}

/** The remembered lines, newest first, as readline wants them. A file that can't be read is an empty one. */
export async function loadHistory(path: string): Promise<string[]> {
  try {
    const text = await readFile(path, "utf8");
    return text.split("\n").filter(Boolean).reverse();
  } catch {
    return [];
  }
}

/** Remembers the lines; a place that can't be written to costs the history and nothing else. */
export async function saveHistory(path: string, newestFirst: readonly string[]): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const lines = newestFirst.slice(0, LINES_MAX).reverse();
    await writeFile(path, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  } catch {
    // See above.
  }
}
