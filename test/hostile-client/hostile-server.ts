import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { inWords } from "../compat/packets.js";

/** How long a script waits for a client: generous, as a command has to start on a busy machine. */
const WAIT_MS = 20_000;

/** A datagram that a socket of the script got. */
export interface Heard {
  readonly bytes: Buffer;
  readonly port: number;
}

/** A socket of the script: the request port, a TID, or a stranger. */
export class ScriptSocket {
  readonly #socket: Socket;
  readonly #queue: Heard[] = [];
  readonly #waiting: ((heard: Heard) => void)[] = [];
  readonly #heardBefore = new Set<string>();
  /** Everything that ever came, in words. */
  readonly log: string[] = [];
  /** Where `say` sends to: the newest sender. */
  clientPort = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (bytes, { port }) => {
      this.log.push(inWords(bytes));
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#queue.push({ bytes, port });
      else waiting({ bytes, port });
    });
  }

  static async open(address: string): Promise<ScriptSocket> {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.bind(0, address);
    await once(socket, "listening");
    return new ScriptSocket(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Sends to the client, in order. */
  say(...datagrams: Uint8Array[]): void {
    const address = this.#socket.address().family === "IPv6" ? "::1" : "127.0.0.1";
    for (const bytes of datagrams) this.#socket.send(bytes, this.clientPort, address);
  }

  /**
   * Waits for a datagram in these words (see `inWords`). Copies of what was heard before are passed over, as a
   * busy machine makes both sides repeat themselves.
   */
  async hears(pattern: RegExp, waitMs = WAIT_MS): Promise<Heard> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const heard = await this.#next(deadline - performance.now());
      if (heard === null) throw new Error(`waited for ${pattern}, heard only: ${this.log.join(", ")}`);
      const key = heard.bytes.toString("latin1");
      const isCopy = this.#heardBefore.has(key);
      this.#heardBefore.add(key);
      if (pattern.test(inWords(heard.bytes))) return heard;
      if (!isCopy) throw new Error(`waited for ${pattern}, heard ${inWords(heard.bytes)}`);
    }
  }

  close(): void {
    this.#socket.close();
  }

  async #next(waitMs: number): Promise<Heard | null> {
    const queued = this.#queue.shift();
    if (queued !== undefined) return queued;
    return new Promise((resolve) => {
      const got = (heard: Heard) => {
        clearTimeout(timer);
        resolve(heard);
      };
      const timer = setTimeout(
        () => {
          this.#waiting.splice(this.#waiting.indexOf(got), 1);
          resolve(null);
        },
        Math.max(0, waitMs),
      );
      this.#waiting.push(got);
    });
  }
}

/** A server whose every packet a test writes by hand. */
export class HostileServer {
  readonly requestPort: ScriptSocket;
  readonly #address: string;
  readonly #sockets: ScriptSocket[];

  private constructor(requestPort: ScriptSocket, address: string) {
    this.requestPort = requestPort;
    this.#address = address;
    this.#sockets = [requestPort];
  }

  static async open(address = "127.0.0.1"): Promise<HostileServer> {
    return new HostileServer(await ScriptSocket.open(address), address);
  }

  get port(): number {
    return this.requestPort.port;
  }

  /** Waits for a request, and gives a fresh TID that talks to its sender. */
  async request(pattern = /^(RRQ|WRQ) /): Promise<ScriptSocket> {
    const { port } = await this.requestPort.hears(pattern);
    this.requestPort.clientPort = port;
    return this.tid(this.#address, port);
  }

  /** Another socket that talks to the same client, or to a given port of it. */
  async tid(address = this.#address, clientPort = this.requestPort.clientPort): Promise<ScriptSocket> {
    const socket = await ScriptSocket.open(address);
    socket.clientPort = clientPort;
    this.#sockets.push(socket);
    return socket;
  }

  /** Option names and values of the first request. */
  get askedOptions(): string[] {
    return this.requestPort.log[0]?.split(" ").slice(3) ?? [];
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}
