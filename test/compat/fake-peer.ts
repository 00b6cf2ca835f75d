import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { inWords } from "./packets.js";

export interface Heard {
  readonly bytes: Buffer;
  readonly port: number;
}

/** How long a first answer may take: the other side may still be starting, on a machine that is busy. */
const COLD_START_MS = 2000;

/** A UDP peer on 127.0.0.1 that a scenario scripts by hand. */
export class FakePeer {
  readonly socket: Socket;
  readonly #queue: Heard[] = [];
  #last: Buffer | null = null;
  readonly #waiting: ((heard: Heard) => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("message", (bytes, { port }) => {
      this.#last = bytes;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#queue.push({ bytes, port });
      else waiting({ bytes, port });
    });
  }

  static async open(): Promise<FakePeer> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new FakePeer(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** The next datagram; the scenario's own time limit bounds the wait. */
  async next(): Promise<Heard> {
    return this.#queue.shift() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next datagram within a time, or null. */
  async nextWithin(ms: number): Promise<Heard | null> {
    const queued = this.#queue.shift();
    if (queued !== undefined) return queued;
    return new Promise((resolve) => {
      const got = (heard: Heard) => {
        clearTimeout(timer);
        resolve(heard);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(got), 1);
        resolve(null);
      }, ms);
      this.#waiting.push(got);
    });
  }

  /** The next datagram that is not another copy of a request, within a time, in words. */
  async nextAnswer(ms: number): Promise<string> {
    for (;;) {
      const heard = await this.nextWithin(ms);
      if (heard === null || heard.bytes.readUInt16BE(0) > 2) return inWords(heard?.bytes);
    }
  }

  /** All datagrams until none has come for a time, in words. The first one may have to wait for a starting server. */
  async hear(quietMs: number): Promise<string[]> {
    const words: string[] = [];
    const firstMs = this.#last === null ? Math.max(quietMs, COLD_START_MS) : quietMs;
    for (let heard = await this.nextWithin(firstMs); heard !== null; heard = await this.nextWithin(quietMs)) {
      words.push(inWords(heard.bytes));
    }
    return words;
  }

  /**
   * Sends a datagram and returns the first answer in words. On a busy machine DATA may come again while it is
   * being answered: the block that was heard last is no answer.
   */
  async ask(port: number, bytes: Uint8Array, ms = COLD_START_MS): Promise<string> {
    const before = this.#last;
    this.send(bytes, port);
    for (;;) {
      const heard = await this.nextWithin(ms);
      const isRepeated = heard !== null && heard.bytes[1] === 3 && before?.equals(heard.bytes) === true;
      if (!isRepeated) return inWords(heard?.bytes);
    }
  }

  /** What has come until nothing came for a while, each datagram once: repetitions are a matter of timing. */
  async hearDistinct(quietMs = 60): Promise<string> {
    return [...new Set(await this.hear(quietMs))].join(", ");
  }

  send(bytes: Uint8Array, port: number, address = "127.0.0.1"): void {
    this.socket.send(bytes, port, address);
  }

  close(): void {
    this.socket.close();
  }
}
