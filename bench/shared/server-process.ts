import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { encodeRequest } from "../../src/engine/index.js";
import { type CpuAccount, memoryOf, openCpuAccount } from "./cpu-account.js";

/** Where a server is to listen, and what it serves. */
export interface ServerPlace {
  readonly host: string;
  readonly port: number;
  readonly root: string;
}

/** A server that can be started. */
export interface Subject {
  /** Short name, for options and files. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  /** A `peer` is somebody else's: what ntftp is measured against. The `floor` is no server, and repeats nothing. */
  readonly kind: "ours" | "peer" | "floor";
  /** Ours, with the native path: without the addon it would be something else than its name says. */
  readonly needsNative?: boolean;
  /** Where it can't choose its address or port. */
  readonly fixed?: { readonly host: string; readonly port: number };
  command(place: ServerPlace): readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const READY_MS = 15_000;
const PROBE_MS = 100;
const STOP_MS = 3000;
const MEMORY_MS = 200;

/** A running server under account. */
export class ServerProcess {
  readonly host: string;
  readonly port: number;
  readonly account: CpuAccount;
  readonly #child: ChildProcess;
  #output = "";
  #peakBytes = 0;
  #memoryTimer: NodeJS.Timeout | null = null;

  private constructor(subject: Subject, place: ServerPlace) {
    this.host = place.host;
    this.port = place.port;
    this.account = openCpuAccount();
    const [file = "", ...words] = this.account.wrap(subject.command(place));
    this.#child = spawn(file, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...subject.env },
    });
    if (this.#child.pid !== undefined) this.account.adopt(this.#child.pid);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      // Only the beginning matters: why it did not start. A server that logs each failure may log much.
      stream?.on("data", (chunk: Buffer) => {
        if (this.#output.length < 2000) this.#output += chunk.toString();
      });
    }
  }

  /** Resolves when it answers; rejects with what it said when it does not. */
  static async start(subject: Subject, root: string): Promise<ServerProcess> {
    const host = subject.fixed?.host ?? "127.0.0.1";
    const port = subject.fixed?.port ?? (await freePort());
    const server = new ServerProcess(subject, { host, port, root });
    try {
      await server.#waitUntilReady(subject.title);
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Bytes it holds now. */
  memoryBytes(): number {
    return memoryOf(this.account.pids());
  }

  /** Looks at its memory now and then, from now on. */
  watchMemory(): void {
    this.#peakBytes = this.memoryBytes();
    this.#memoryTimer = setInterval(() => {
      this.#peakBytes = Math.max(this.#peakBytes, this.memoryBytes());
    }, MEMORY_MS);
  }

  /** The most it was seen to hold. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Ends it and everything it started. */
  async stop(): Promise<void> {
    if (this.#memoryTimer !== null) clearInterval(this.#memoryTimer);
    const deadlineMs = performance.now() + STOP_MS;
    for (let pids = this.account.pids(); pids.length > 0; pids = this.account.pids()) {
      const isLate = performance.now() > deadlineMs;
      for (const pid of pids) {
        try {
          process.kill(pid, isLate ? "SIGKILL" : "SIGTERM");
        } catch {
          // It ended by itself in between.
        }
      }
      await pause(20);
    }
    if (this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined) {
      await once(this.#child, "exit");
    }
    this.account.close();
  }

  /** Asks for a file that does not exist until there is an answer, whatever it says. */
  async #waitUntilReady(title: string): Promise<void> {
    const probe = createSocket("udp4");
    const request = encodeRequest({
      method: "GET",
      fileName: "is-it-there",
      mode: "octet",
      options: [],
    });
    let isReady = false;
    let failure: Error | null = null;
    probe.on("message", () => (isReady = true));
    probe.on("error", () => undefined);
    this.#child.on("error", (error) => (failure = error));
    const deadlineMs = performance.now() + READY_MS;
    try {
      while (!isReady) {
        if (failure !== null) throw failure;
        if (this.#child.exitCode !== null || performance.now() > deadlineMs) {
          const said = this.#output.trim().split("\n").slice(0, 3).join(" / ");
          throw new Error(
            `${title} does not answer at ${this.host} port ${this.port}: ${said || "it says nothing"}`,
          );
        }
        probe.send(request, this.port, this.host);
        await pause(PROBE_MS);
      }
    } finally {
      probe.close();
    }
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}
