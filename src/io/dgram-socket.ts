import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import { canonicalAddress, formatEndpoint } from "./address.js";
import { arrivals } from "./arrivals.js";
import { randomStart } from "./port-choice.js";
import type {
  DatagramRun,
  DatagramSocket,
  OpenSocketOptions,
  Peer,
  PortRange,
  SocketFactory,
  SocketHandlers,
} from "./socket.js";
import { TableFlow } from "./socket-flow.js";

const HEADER_BYTES = 4;

/** Up to here, a block is put together in one buffer: cheaper for node than a list of two. */
const JOINED_BYTES_MAX = 2048;

/** The block that is being sent. The kernel takes it at once, as a rule; then its memory serves for the next one, too. */
let block = Buffer.allocUnsafeSlow(HEADER_BYTES + JOINED_BYTES_MAX);

function blockOf(bytes: number): Buffer {
  if (block.length !== bytes) block = Buffer.from(block.buffer, 0, bytes);
  return block;
}

function leaveBlock(): void {
  block = Buffer.allocUnsafeSlow(HEADER_BYTES + JOINED_BYTES_MAX);
}

const NOBODY: Peer = { address: "", port: 0 };

/** Sockets over node:dgram: every platform, one system call per datagram. */
export const dgramSockets: SocketFactory = { kind: "dgram", reportsLocalAddress: false, open };

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
  const start = randomStart(count);
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
    const target = options.fd === undefined ? { address, port } : { fd: options.fd };
    socket.bind({ ...target, exclusive: true }, () => {
      socket.removeAllListeners("error");
      resolve(new NodeDgramSocket(socket, options, handlers));
    });
  });
}

/** The kernel may grant less, which Linux does in silence; others (macOS: ENOBUFS) refuse, and keep what there was. */
function askForBuffer(socket: Socket, bytes: number): void {
  try {
    socket.setRecvBufferSize(bytes);
  } catch {
    // The sender's window has to do with the buffer that is there, as on the native path.
  }
}

class NodeDgramSocket implements DatagramSocket {
  readonly localAddress: string;
  readonly localPort: number;
  /** By the endpoint of their peers. */
  readonly flows = new Map<string, TableFlow>();
  readonly #socket: Socket;
  readonly #handlers: SocketHandlers;
  #peer: Peer = NOBODY;
  #closed = false;

  constructor(socket: Socket, options: OpenSocketOptions, handlers: SocketHandlers) {
    const bound = socket.address();
    this.localAddress = bound.address;
    this.localPort = bound.port;
    this.#socket = socket;
    this.#handlers = handlers;
    if (options.receiveBufferBytes) askForBuffer(socket, options.receiveBufferBytes);
    socket.on("error", (error) => this.#report(error));
    socket.on("message", (bytes, { address, port }) => this.#received(bytes, address, port));
  }

  setPeer(peer: Peer): void {
    this.#peer = peer;
  }

  sendRun(run: DatagramRun): void {
    this.sendRunTo(run, this.#peer);
  }

  /** No callbacks here: a DATA block that the kernel refuses is as good as lost on the way. */
  sendRunTo(
    { opcode, firstNumber, count, payloadBytesEach, payload }: DatagramRun,
    { address, port }: Peer,
  ): void {
    if (this.#closed) return;
    const socket = this.#socket;
    const end = payload.offset + payload.length;
    const isJoined = payloadBytesEach <= JOINED_BYTES_MAX;
    for (let i = 0; i < count; i++) {
      const from = payload.offset + i * payloadBytesEach;
      const to = i === count - 1 ? end : from + payloadBytesEach;
      const bytes = payload.memory.subarray(from, to);
      const head = isJoined ? blockOf(HEADER_BYTES + bytes.length) : Buffer.allocUnsafe(HEADER_BYTES);
      head.writeUInt16BE(opcode, 0);
      head.writeUInt16BE(firstNumber + i, 2);
      if (isJoined) {
        head.set(bytes, HEADER_BYTES);
        socket.send(head, port, address);
        // What the kernel has not taken, node keeps.
        if (socket.getSendQueueCount() > 0) leaveBlock();
      } else {
        socket.send([head, bytes], port, address);
      }
    }
  }

  sendDatagram(bytes: Uint8Array, { address, port }: Peer): void {
    if (!this.#closed) this.#socket.send(bytes, port, address, (error) => this.#report(error));
  }

  openFlow(peer: Peer, handlers: SocketHandlers): DatagramSocket {
    return new TableFlow(this, peer, handlers);
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

  #received(bytes: Uint8Array, address: string, port: number): void {
    arrivals.count++;
    if (this.flows.size > 0) {
      const flow = this.flows.get(formatEndpoint(address, port));
      if (flow !== undefined) {
        flow.handlers.onDatagram(bytes, flow.peer, this.localAddress);
        return;
      }
    }
    const known = this.#peer;
    const peer = known.port === port && known.address === address ? known : { address, port };
    this.#handlers.onDatagram(bytes, peer, this.localAddress);
  }

  #report(error: Error | null): void {
    if (error === null || this.#closed) return;
    // The kernel's queue is full for the moment: retransmission sees to it.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOBUFS" && code !== "EAGAIN") this.#handlers.onError(error);
  }
}
