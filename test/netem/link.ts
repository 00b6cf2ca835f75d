import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const ROOT = join(__dirname, "../../..");
const FORWARDER = join(ROOT, "dist/test/netem/weather");

export const SERVER_ADDRESS = "10.77.0.1";

/** What a link does, the same in both directions; probabilities and times, see weather.c. */
export interface Weather {
  readonly loss?: number;
  readonly duplicate?: number;
  readonly corrupt?: number;
  readonly reorder?: number;
  readonly delay_us?: number;
  readonly jitter_us?: number;
  readonly away_after?: number;
  readonly away_ms?: number;
  readonly seed?: number;
}

/**
 * Two network namespaces with a link between them that has weather. Needs root, iproute2, a C compiler and
 * /dev/net/tun; a missing one is an error that says so.
 */
export class Link {
  readonly #names: readonly [server: string, client: string];
  readonly #forwarder: ChildProcess;
  readonly #report: Promise<string>;

  private constructor(names: readonly [string, string], forwarder: ChildProcess, report: Promise<string>) {
    this.#names = names;
    this.#forwarder = forwarder;
    this.#report = report;
  }

  static async open(weather: Weather): Promise<Link> {
    compiled ??= compileForwarder();
    await compiled;
    const names = [`nt-s-${process.pid}-${counter}`, `nt-c-${process.pid}-${counter++}`] as const;
    for (const name of names) await ip("netns", "add", name);
    const [server, client] = names;
    const settings = Object.entries(weather).map(([key, value]) => `${key}=${value}`);
    const words = [`/var/run/netns/${server}`, "weather", `/var/run/netns/${client}`, "weather", ...settings];
    const forwarder = spawn(FORWARDER, words, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    forwarder.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const report = once(forwarder, "close").then(() => output.replace("ready\n", "").trim());
    await Promise.race([
      once(forwarder.stdout, "data"),
      report.then(() =>
        Promise.reject(
          new Error("the link with weather could not be made (root and /dev/net/tun are needed)"),
        ),
      ),
    ]);
    for (const [name, own, other] of [
      [server, SERVER_ADDRESS, "10.77.0.2"],
      [client, "10.77.0.2", SERVER_ADDRESS],
    ] as const) {
      await ip("-n", name, "link", "set", "lo", "up");
      await ip("-n", name, "addr", "add", own, "peer", other, "dev", "weather");
      await ip("-n", name, "link", "set", "weather", "up");
    }
    return new Link(names, forwarder, report);
  }

  /** Starts a program on the server's side. */
  onServer(command: string, words: readonly string[], cwd: string): ChildProcess {
    return this.#spawn(this.#names[0], command, words, cwd);
  }

  /** Runs a program on the client's side; resolves with its exit status and what it said. */
  async onClient(
    command: string,
    words: readonly string[],
    cwd: string,
    timeoutMs: number,
  ): Promise<{ code: number | null; output: string; elapsedMs: number }> {
    const startedMs = performance.now();
    const child = this.#spawn(this.#names[1], command, words, cwd);
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const [code] = (await once(child, "close")) as [number | null];
    clearTimeout(timer);
    return { code, output, elapsedMs: performance.now() - startedMs };
  }

  /** Takes the link down. @returns what the forwarder did */
  async close(): Promise<string> {
    this.#forwarder.kill("SIGTERM");
    const report = await this.#report;
    for (const name of this.#names) await ip("netns", "del", name);
    return report;
  }

  #spawn(name: string, command: string, words: readonly string[], cwd: string): ChildProcess {
    return spawn("ip", ["netns", "exec", name, command, ...words], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}

let counter = 0;

/** Once for all links, which may be opened at the same time. */
let compiled: Promise<void> | null = null;

async function ip(...words: string[]): Promise<void> {
  try {
    await run("ip", words);
  } catch (error) {
    throw new Error(
      `ip ${words.join(" ")} failed (root and iproute2 are needed): ${(error as Error).message}`,
    );
  }
}

async function compileForwarder(): Promise<void> {
  const source = join(ROOT, "test/netem/weather.c");
  if (existsSync(FORWARDER) && statSync(FORWARDER).mtimeMs > statSync(source).mtimeMs) return;
  mkdirSync(join(FORWARDER, ".."), { recursive: true });
  try {
    await run("cc", ["-O2", "-Wall", "-o", FORWARDER, source]);
  } catch (error) {
    throw new Error(`the link with weather can't be compiled (cc is needed): ${(error as Error).message}`);
  }
}
