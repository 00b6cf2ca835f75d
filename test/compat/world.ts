import { type EventEmitter, once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../helpers/ports.js";
import { FakePeer } from "./fake-peer.js";

/** Either implementation, as a program written for npm `tftp` sees it. */
// biome-ignore lint/suspicious/noExplicitAny: the same untyped programs run against both
export type TftpModule = any;

/** The last line of a trace whose program came to its end. */
export const THE_END = "the end";

/** How long nothing may be noted before a scenario is taken to be over. */
const QUIET_MS = 60;

/** Short, as some scenarios wait for its end; long enough that a busy machine does not end others. */
const TIMEOUT_MS = 800;

/** What a scenario has at hand; everything goes away with it. */
export class ScenarioWorld {
  /** What `import()` takes to load the implementation. */
  readonly specifier: string;
  readonly folder = mkdtempSync(join(tmpdir(), "ntftp-compat-"));
  readonly #onNote: (line: string) => void;
  readonly #peers: FakePeer[] = [];
  readonly #servers: TftpModule[] = [];
  #lastNoteMs = 0;

  /** @param onNote - takes the trace line by line, so that it survives the death of the process */
  constructor(specifier: string, onNote: (line: string) => void) {
    this.specifier = specifier;
    this.#onNote = onNote;
  }

  note(line: string): void {
    this.#lastNoteMs = performance.now();
    this.#onNote(line.replaceAll(this.folder, "FOLDER"));
  }

  /** Notes what a call returns or throws, and passes the result on. */
  call<T>(label: string, act: () => T): T | undefined {
    try {
      const result = act();
      this.note(`${label}: ${typeof result === "object" && result !== null ? "an object" : String(result)}`);
      return result;
    } catch (error) {
      this.note(`${label}: throws ${describe(error)}`);
      return undefined;
    }
  }

  /** Notes events of an emitter as they come, with their arguments. */
  watch(label: string, emitter: EventEmitter, events: readonly string[]): void {
    for (const event of events) {
      emitter.on(event, (...values: unknown[]) => {
        this.note([label, event, ...values.map(describe)].join(" "));
      });
    }
  }

  /** As `watch`, but of `close` only the first: the original emits a second one on newer Nodes (N1). */
  watchOnce(label: string, emitter: EventEmitter, events: readonly string[]): void {
    const others = events.filter((event) => event !== "close");
    this.watch(label, emitter, others);
    if (others.length === events.length) return;
    emitter.once("close", (...values: unknown[]) => {
      this.note([label, "close", ...values.map(describe)].join(" "));
    });
  }

  /** Waits for one of some events, at most so long, and then until nothing more is noted. */
  async settle(emitter: EventEmitter, events: readonly string[], ms = 3000): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.note(`no ${events.join(", ")}`);
        resolve();
      }, ms);
      for (const event of events) {
        emitter.once(event, () => {
          clearTimeout(timer);
          resolve();
        });
      }
    });
    await this.quiet();
  }

  /** Waits until nothing has been noted for a while. */
  async quiet(ms = QUIET_MS): Promise<void> {
    const startMs = performance.now();
    for (;;) {
      const restMs = Math.max(this.#lastNoteMs, startMs) + ms - performance.now();
      if (restMs <= 0) return;
      await pause(restMs);
    }
  }

  /** Notes how a callback is called (asynchronously? how often? with what?) and waits until things are quiet. */
  async calledBack(
    label: string,
    start: (callback: (error?: Error | null) => void) => unknown,
    ms = 3000,
  ): Promise<void> {
    let returned = false;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.note(`${label}: never called back`);
        resolve();
      }, ms);
      const result = start((...values) => {
        clearTimeout(timer);
        this.note([`${label}:`, returned ? "later" : "at once", ...values.map(describe)].join(" "));
        resolve();
      });
      returned = true;
      if (result !== undefined) this.note(`${label}: returned ${String(result)}`);
    });
    await this.quiet();
  }

  async peer(): Promise<FakePeer> {
    const peer = await FakePeer.open();
    this.#peers.push(peer);
    return peer;
  }

  /** A client with short pauses. */
  client(tftp: TftpModule, port: number, more: object = {}): TftpModule {
    return tftp.createClient({ host: "127.0.0.1", port, timeout: TIMEOUT_MS, retries: 1, ...more });
  }

  readonly freePort = freePort;

  /** A listening server of either implementation with short pauses; errors of its requests are swallowed. */
  async server(
    tftp: TftpModule,
    options: object = {},
    listener?: (this: TftpModule, req: TftpModule, res: TftpModule) => void,
  ): Promise<{ server: TftpModule; port: number }> {
    const port = await this.freePort();
    const defaults = { host: "127.0.0.1", port, root: this.folder, timeout: TIMEOUT_MS, retries: 1 };
    const server = tftp.createServer({ ...defaults, ...options }, listener);
    this.#servers.push(server);
    server.on("error", (error: Error) => this.note(`server error ${describe(error)}`));
    server.prependListener("request", (req: EventEmitter) => req.on("error", () => undefined));
    server.listen();
    await once(server, "listening");
    return { server, port };
  }

  /** A file in the folder: this content, or so many bytes of some. */
  file(name: string, content: string | Buffer | number): Buffer {
    const isSize = typeof content === "number";
    const bytes = isSize ? Buffer.alloc(content, `content of ${name}, `) : Buffer.from(content);
    writeFileSync(this.path(name), bytes);
    return bytes;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The text of a file in the folder, or "gone". */
  content(name: string): string {
    try {
      return readFileSync(this.path(name), "latin1");
    } catch {
      return "gone";
    }
  }

  close(): void {
    for (const peer of this.#peers) {
      try {
        peer.close();
      } catch {
        // A scenario closed it itself.
      }
    }
    for (const server of this.#servers) {
      server.removeAllListeners("close");
      server.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A value as it stands in a trace: of errors message and code, of objects the number of keys. */
export function describe(value: unknown): string {
  if (value instanceof Error) {
    const { code } = value as NodeJS.ErrnoException;
    const [firstLine = ""] = value.message.split("\n");
    return code === undefined ? `'${firstLine}'` : `'${firstLine}' (${code})`;
  }
  if (typeof value === "object" && value !== null) return `{${Object.keys(value).length} keys}`;
  return String(value);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
