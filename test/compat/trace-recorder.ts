import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OverMessage } from "./run-scenario.js";
import { waitedForCpuMs } from "./starvation.js";

/** Time for one scenario; the original hangs in some. */
const SCENARIO_MS = 15_000;

/** Pauses of a process that its peers may have taken for silence. */
const STARVED_MS = 50;

export type Implementation = "ours" | "original";

export interface Recording {
  readonly trace: readonly string[];
  /** The machine had so much else to do that silence in the trace need not mean anything. */
  readonly wasStarved: boolean;
}

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

  /** Plays one scenario; a process that has to be killed leaves the line "hangs" as its last. */
  async record(scenario: string, implementation: Implementation): Promise<Recording> {
    const child = fork(join(__dirname, "run-scenario.js"), [scenario, implementation], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // Warnings are events for whoever asks, and not printed.
      execArgv: ["--pending-deprecation", "--no-warnings"],
      // One worker is as good as one for each core, and cheaper to start.
      env: { NTFTP_WORKERS: "1", ...process.env, TMPDIR: this.#folder },
    });
    const trace: string[] = [];
    let complaints = "";
    let hangs = false;
    let waitedMs = 0;
    child.stderr?.on("data", (chunk) => {
      complaints += chunk;
    });
    child.on("message", (message: string | OverMessage) => {
      if (typeof message === "string") trace.push(message);
      else waitedMs = message.waitedForCpuMs;
    });
    const timer = setTimeout(() => {
      hangs = true;
      waitedMs = waitedForCpuMs(child.pid);
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
    return { trace, wasStarved: waitedMs > STARVED_MS };
  }
}
