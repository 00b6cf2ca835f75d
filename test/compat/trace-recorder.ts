import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Time for one scenario; the original hangs in some. */
const SCENARIO_MS = 15_000;

export type Implementation = "ours" | "original";

/** Plays scenarios in processes of their own, below a folder of their own. */
export class TraceRecorder {
  #folder = "";

  async open(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "ntftp-compat-"));
  }

  /** Also removes what dying processes left behind. */
  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The trace of one scenario; a process that has to be killed leaves the line "hangs" as its last. */
  async record(scenario: string, implementation: Implementation): Promise<string[]> {
    const child = fork(join(__dirname, "run-scenario.js"), [scenario, implementation], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // Warnings are events for whoever asks, and not printed.
      execArgv: ["--pending-deprecation", "--no-warnings"],
      env: { ...process.env, TMPDIR: this.#folder },
    });
    const trace: string[] = [];
    let complaints = "";
    let hangs = false;
    child.stderr?.on("data", (chunk) => {
      complaints += chunk;
    });
    child.on("message", (line) => {
      if (typeof line === "string") trace.push(line);
    });
    const timer = setTimeout(() => {
      hangs = true;
      child.kill("SIGKILL");
    }, SCENARIO_MS);
    // Messages may still be on their way when the process has ended: the channel tells when it is empty.
    await Promise.all([
      new Promise((resolve) => child.once("exit", resolve)),
      new Promise((resolve) => child.once("disconnect", resolve)),
    ]);
    clearTimeout(timer);
    if (hangs) trace.push("hangs");
    if (complaints !== "") trace.push(`stderr: ${complaints}`);
    return trace;
  }
}
