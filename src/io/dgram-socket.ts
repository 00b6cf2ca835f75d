import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import { canonicalAddress } from "./address.js";
import type {
  DatagramSocket,
  OpenSocketOptions,
  Outgoing,
  OutgoingRun,
  PortRange,
  SocketFactory,
  SocketHandlers,
} from "./socket.js";

const HEADER_BYTES = 4;

/** Sockets over node:dgram: every platform, one system call per datagram. */
export const dgramSockets: SocketFactory = { kind: "dgram", maxBatch: 1, open };

async function open(options: OpenSocketOptions, handlers: SocketHandlers): Promise<DatagramSocket> {
  if (typeof options.port === "number") return openPort(options, options.port, handlers);
  return openInRange(options, options.port, handlers);
}

/** Tries the ports of the range once each, from a random one on, so that TIDs are not predictable. */
async function openInRange(
  options: OpenSocketOptions,
  range: PortRange,
  handlers: SocketHandlers,
): Promise<DatagramSocket> {
  const count = range.last - range.first + 1;
  const start = Math.floor(Math.random() * count);
  for (let tried = 0; ; tried++) {
    try {
      return await openPort(options, range.first + ((start + tried) % count), handlers);
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!taken || tried + 1 >= count) throw error;
    }
  }
}

function openPort(
  options: OpenSocketOptions,
  port: number,
  handlers: SocketHandlers,
): Promise<DatagramSocket> {
  const address = canonicalAddress(options.address);
  const family = isIP(address.split("%")[0] ?? "") === 6 ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    ipv6Only: family === 6,
    // Only IP literals come here; node's own lookup would defer every single send by a tick.
    lookup: (hostname, _options, callback) => callback(null, hostname, family),
  });
  return new Promise((resolve, reject) => {
    // Before bind: a failing bind (EADDRINUSE, EMFILE) arrives here.
    socket.once("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners("error");
      resolve(new NodeDgramSocket(socket, options, handlers));
    });
  });
}

class NodeDgramSocket implements DatagramSocket {
  readonly localAddress: string;
  readonly localPort: number;
  readonly #socket: Socket;
  readonly #handlers: SocketHandlers;
  #closed = false;

  constructor(socket: Socket, options: OpenSocketOptions, handlers: SocketHandlers) {
    const bound = socket.address();
    this.localAddress = bound.address;
    this.localPort = bound.port;
    this.#socket = socket;
    this.#handlers = handlers;
    if (options.receiveBufferBytes) socket.setRecvBufferSize(options.receiveBufferBytes);
    socket.on("error", (error) => this.#report(error));
    socket.on("message", (bytes, peer) => handlers.onDatagrams([{ bytes, peer }]));
  }

  send(batch: readonly Outgoing[]): void {
    if (this.#closed) return;
    for (const item of batch) {
      const { address, port } = item.peer;
      if (item.kind === "run") this.#sendRun(item, address, port);
      else this.#socket.send(item.bytes, port, address, (error) => this.#report(error));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  setReferenced(referenced: boolean): void {
    if (this.#closed) return;
    if (referenced) this.#socket.ref();
    else this.#socket.unref();
  }

  /** No callbacks here: a DATA block that the kernel refuses is as good as lost on the way. */
  #sendRun(run: OutgoingRun, address: string, port: number): void {
    const headers = Buffer.allocUnsafe(run.count * HEADER_BYTES);
    for (let i = 0; i < run.count; i++) {
      const at = i * HEADER_BYTES;
      headers.writeUInt16BE(run.opcode, at);
      headers.writeUInt16BE(run.firstNumber + i, at + 2);
      const from = i * run.payloadBytesEach;
      const to = i === run.count - 1 ? run.payload.length : from + run.payloadBytesEach;
      this.#socket.send(
        [headers.subarray(at, at + HEADER_BYTES), run.payload.subarray(from, to)],
        port,
        address,
      );
    }
  }

  #report(error: Error | null): void {
    if (error === null || this.#closed) return;
    // The kernel's queue is full for the moment: retransmission sees to it.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOBUFS" && code !== "EAGAIN") this.#handlers.onError(error);
  }
}
