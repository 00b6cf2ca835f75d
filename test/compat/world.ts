import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Either implementation, as a program written for npm `tftp` sees it. */
// biome-ignore lint/suspicious/noExplicitAny: the same untyped programs run against both
export type TftpModule = any;

/** A line of what happened. */
export type TraceLine = string;

/** A UDP peer that a scenario scripts by hand. */
export class FakePeer {
  readonly socket: Socket;
  readonly #queue: { bytes: Buffer; port: number }[] = [];
  readonly #waiting: ((datagram: { bytes: Buffer; port: number }) => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("message", (bytes, { port }) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#queue.push({ bytes, port });
      else waiting({ bytes, port });
    });
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** The next datagram; waits for it. */
  async next(): Promise<{ bytes: Buffer; port: number }> {
    const queued = this.#queue.shift();
    return queued ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next datagram within a time, or null. */
  async nextWithin(ms: number): Promise<{ bytes: Buffer; port: number } | null> {
    const queued = this.#queue.shift();
    if (queued !== undefined) return queued;
    return new Promise((resolve) => {
      const got = (datagram: { bytes: Buffer; port: number }) => {
        clearTimeout(timer);
        resolve(datagram);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(got), 1);
        resolve(null);
      }, ms);
      this.#waiting.push(got);
    });
  }

  send(bytes: Uint8Array, port: number): void {
    this.socket.send(bytes, port, "127.0.0.1");
  }
}

/** What a scenario has at hand; everything goes away with it. */
export class ScenarioWorld {
  readonly trace: TraceLine[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), "ntftp-compat-"));
  readonly #peers: FakePeer[] = [];
  // biome-ignore lint/suspicious/noExplicitAny: servers of either implementation
  readonly #servers: any[] = [];

  note(line: TraceLine): void {
    this.trace.push(line);
  }

  /** Notes what a call throws, or nothing. */
  call(label: string, act: () => unknown): void {
    try {
      act();
      this.note(`${label}: fine`);
    } catch (error) {
      this.note(`${label}: throws ${(error as Error).message.split("\n")[0]}`);
    }
  }

  /** Notes events of an emitter as they come. */
  // biome-ignore lint/suspicious/noExplicitAny: emitters of either implementation
  watch(label: string, emitter: any, events: readonly string[]): void {
    for (const event of events) {
      emitter.on(event, (value: unknown) => {
        const text = value instanceof Error ? ` ${value.message}` : "";
        this.note(`${label} ${event}${text}`);
      });
    }
  }

  async peer(): Promise<FakePeer> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const peer = new FakePeer(socket);
    this.#peers.push(peer);
    return peer;
  }

  /** A listening server of either implementation on a free port. */
  async server(
    tftp: TftpModule,
    options: object,
    listener?: (req: never, res: never) => void,
  ): Promise<{ server: TftpModule; port: number }> {
    const probe = await this.peer();
    const port = probe.port;
    probe.socket.close();
    this.#peers.pop();
    const server = tftp.createServer(
      { host: "127.0.0.1", port, root: this.folder, timeout: 300, retries: 1, ...options },
      listener,
    );
    this.#servers.push(server);
    server.on("error", (error: Error) => this.note(`server error ${error.message}`));
    server.listen();
    await once(server, "listening");
    return { server, port };
  }

  close(): void {
    for (const { socket } of this.#peers) {
      try {
        socket.close();
      } catch {
        // A scenario closed it itself.
      }
    }
    for (const server of this.#servers) server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function rrq(name: string, ...options: string[]): Buffer {
  return Buffer.from(`\0\x01${[name, "octet", ...options].join("\0")}\0`, "latin1");
}

export function wrq(name: string, ...options: string[]): Buffer {
  return Buffer.from(`\0\x02${[name, "octet", ...options].join("\0")}\0`, "latin1");
}

export function ack(block: number): Buffer {
  return Buffer.from([0, 4, block >> 8, block & 255]);
}

export function data(block: number, payload: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, 3, block >> 8, block & 255]), Buffer.from(payload)]);
}

export function oack(...options: string[]): Buffer {
  return Buffer.from(`\0\x06${options.join("\0")}\0`, "latin1");
}

export function errorPacket(code: number, text: string): Buffer {
  return Buffer.from(`\0\x05\0${String.fromCharCode(code)}${text}\0`, "latin1");
}

/** A datagram in words. */
export function inWords(bytes: Buffer | undefined): string {
  if (bytes === undefined) return "nothing";
  const number = bytes.length >= 4 ? bytes.readUInt16BE(2) : -1;
  switch (bytes.length >= 2 ? bytes.readUInt16BE(0) : 0) {
    case 1:
    case 2:
      return `${bytes[1] === 1 ? "RRQ" : "WRQ"} ${bytes.subarray(2).toString("latin1").split("\0").slice(0, -1).join(" ")}`;
    case 3:
      return `DATA ${number} (${bytes.length - 4})`;
    case 4:
      return `ACK ${number}`;
    case 5:
      return `ERROR ${number} ${bytes.subarray(4, -1).toString("latin1")}`;
    case 6:
      return `OACK ${bytes.subarray(2).toString("latin1").split("\0").slice(0, -1).join(" ")}`;
    default:
      return `${bytes.length} bytes`;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
