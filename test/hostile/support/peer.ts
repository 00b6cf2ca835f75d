import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { describe, packet } from "./wire.js";

/** Long enough for any answer on a machine that has other things to do. */
export const ANSWER_MS_MAX = 10_000;

/** Silence that is taken for "no answer": far beyond what a loopback answer takes. */
export const QUIET_MS = 250;

export interface Received {
  readonly bytes: Buffer;
  readonly port: number;
  readonly address: string;
  readonly atMs: number;
}

/** A raw UDP socket that keeps what it gets until it is asked for. */
export class Peer {
  readonly socket: Socket;
  /** Everything that ever came. */
  readonly all: Received[] = [];
  /** The server's transfer port, once something came from it. */
  tid = 0;
  readonly #serverAddress: string;
  readonly #serverPort: number;
  readonly #unread: Received[] = [];
  readonly #heard: string[] = [];
  #wake: () => void = () => undefined;
  #unsent = 0;
  #allSent: () => void = () => undefined;

  constructor(socket: Socket, serverAddress: string, serverPort: number) {
    this.socket = socket;
    this.#serverAddress = serverAddress;
    this.#serverPort = serverPort;
    // What nobody listens to at the other end comes back as an error.
    socket.on("error", () => undefined);
    socket.on("message", (bytes: Buffer, { port, address }) => {
      const received = { bytes, port, address, atMs: performance.now() };
      this.all.push(received);
      this.#unread.push(received);
      this.#wake();
    });
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Sends to the transfer's port, or the request port while there is none. */
  send(what: Buffer | string, port = this.tid || this.#serverPort): void {
    this.#unsent++;
    this.socket.send(typeof what === "string" ? packet(what) : what, port, this.#serverAddress, () => {
      if (--this.#unsent === 0) this.#allSent();
    });
  }

  request(what: Buffer | string): void {
    this.send(what, this.#serverPort);
  }

  /** The next datagram, or null when none comes in time. Sets `tid` by it. */
  async next(withinMs = ANSWER_MS_MAX): Promise<Received | null> {
    if (this.#unread.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = () => undefined;
    }
    const received = this.#unread.shift() ?? null;
    if (received !== null && received.port !== this.#serverPort) this.tid = received.port;
    return received;
  }

  /** The next datagram as a line of text; "nothing" when none comes in time. */
  async hear(withinMs?: number): Promise<string> {
    const received = await this.next(withinMs);
    if (received === null) return "nothing";
    const line = describe(received.bytes);
    this.#heard.push(line);
    return line;
  }

  async expect(line: string | RegExp): Promise<void> {
    const heard = await this.hear(line === "nothing" ? QUIET_MS : ANSWER_MS_MAX);
    if (typeof line === "string") assert.equal(heard, line);
    else assert.match(heard, line);
  }

  /** As `expect`, but what was heard before may come again: on a slow machine time-outs pass. */
  async expectNext(line: string | RegExp): Promise<void> {
    const before = new Set(this.#heard.filter((heard) => /^(DATA|ACK|OACK) /.test(heard)));
    for (;;) {
      const heard = await this.hear(line === "nothing" ? QUIET_MS : ANSWER_MS_MAX);
      if (typeof line === "string" ? heard === line : line.test(heard)) return;
      if (!before.has(heard)) assert.fail(`heard ${heard}`);
    }
  }

  /** As `expect`, but some other lines may come before. */
  async expectLater(line: string | RegExp, before: RegExp): Promise<void> {
    for (;;) {
      const heard = await this.hear();
      if (typeof line === "string" ? heard === line : line.test(heard)) return;
      assert.match(heard, before);
    }
  }

  /** Forgets what came and was not asked for. */
  skip(): number {
    return this.#unread.splice(0).length;
  }

  /** Closes when everything has left: a last ACK that is dropped here leaves a transfer to the port's next owner. */
  async close(): Promise<void> {
    if (this.#unsent > 0)
      await new Promise<void>((resolve) => {
        this.#allSent = resolve;
      });
    this.socket.close();
  }
}

interface Context {
  after(cleanUp: () => Promise<void> | void): void;
}

/** A peer of a server, on a port of the kernel's choice; `from` is its own address. */
export async function openPeer(
  context: Context,
  server: { readonly address: string; readonly port: number },
  from = isIPv6(server.address) ? "::1" : "127.0.0.1",
): Promise<Peer> {
  const socket = createSocket({ type: isIPv6(from) ? "udp6" : "udp4", recvBufferSize: 1_048_576 });
  socket.bind(0, from);
  await once(socket, "listening");
  const peer = new Peer(socket, server.address, server.port);
  context.after(() => peer.close());
  return peer;
}
