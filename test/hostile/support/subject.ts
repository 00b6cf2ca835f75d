import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";

const COMMAND = join(__dirname, "..", "..", "..", "src", "cli", "main.js");

interface Context {
  after(cleanUp: () => Promise<void> | void): void;
}

export interface SubjectOptions {
  readonly root: string;
  /** `address:port`; a port of the kernel's choice on 127.0.0.1 by default. */
  readonly listen?: string;
  /** Further words of the command line. */
  readonly options?: readonly string[];
  /** Words in front of node: `prlimit --nofile=128`. */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The server under test: a real process of the command. `NTFTP_WORKERS` and `NTFTP_NATIVE` of the environment reach
 * it, so that one suite judges every combination.
 */
export class Subject {
  readonly child: ChildProcess;
  readonly address: string;
  readonly port: number;
  /** Lines it wrote so far. */
  readonly stdout: string[];
  readonly stderr: string[];

  constructor(child: ChildProcess, address: string, port: number, stdout: string[], stderr: string[]) {
    this.child = child;
    this.address = address;
    this.port = port;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  get pid(): number {
    return this.child.pid ?? assert.fail("the server has no pid");
  }

  assertAlive(): void {
    assert.equal(this.child.exitCode ?? this.child.signalCode, null, this.stderr.join("\n"));
  }

  /** Resident bytes of the whole process. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  descriptorCount(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Waits until a condition about the process holds; fails with `what` when it never does. */
  async until(what: string, holds: () => boolean, withinMs = 30_000): Promise<void> {
    await until(`${what}\n${this.stderr.slice(-20).join("\n")}`, holds, withinMs);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits for its end. */
  async ended(): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    return { exitCode: this.child.exitCode, signal: this.child.signalCode };
  }
}

/** Starts a server that goes away with the test (or the suite). */
export async function startSubject(context: Context, options: SubjectOptions): Promise<Subject> {
  const child = launch(options);
  context.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const stdout: string[] = [];
  const stderr: string[] = [];
  collect(child.stderr, stderr);
  const listening = new Promise<{ host: string; port: number }>((resolve, reject) => {
    collect(child.stdout, stdout, (line) => {
      const [, bracketed, plain, port] = /Listening on (?:\[([^\]]+)\]|([^\s:]+)):(\d+)/.exec(line) ?? [];
      if (port !== undefined) resolve({ host: bracketed ?? plain ?? "", port: Number(port) });
      if (line.startsWith('{"event":"listening"')) resolve(JSON.parse(line));
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${stderr.join("\n")}`)));
  });
  const { host, port } = await listening;
  return new Subject(child, reachable(host), port, stdout, stderr);
}

function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "localhost") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** A process of the command with `-l`, for those that may not even come to listen. */
export function launch({
  root,
  listen = "127.0.0.1:0",
  options = [],
  wrapper = [],
  env = {},
}: SubjectOptions): ChildProcess {
  const words = [
    ...wrapper,
    process.execPath,
    COMMAND,
    ...(listen === "" ? [] : [listen]),
    "-l",
    root,
    ...options,
  ];
  const [program = "", ...rest] = words;
  return spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
}

/** One server for all tests of a file: started by the first that asks, ended with the last. */
export function sharedSubject(options: () => Promise<SubjectOptions>): () => Promise<Subject> {
  let started: Promise<Subject> | null = null;
  let cleanUp: () => Promise<void> | void = () => undefined;
  after(() => cleanUp());
  return () => {
    const context: Context = {
      after: (end) => {
        cleanUp = end;
      },
    };
    started ??= options().then((filled) => startSubject(context, filled));
    return started;
  };
}

/** Waits for what comes about by itself, looking at it again and again. */
export async function until(what: string, holds: () => boolean, withinMs = 30_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!holds()) {
    assert.ok(performance.now() < endMs, `${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function collect(
  stream: NodeJS.ReadableStream | null,
  lines: string[],
  onLine?: (line: string) => void,
): void {
  if (stream === null) return;
  createInterface({ input: stream }).on("line", (line) => {
    // What a flood makes it say is counted by its length alone.
    if (lines.length < 100_000) lines.push(line);
    onLine?.(line);
  });
}
