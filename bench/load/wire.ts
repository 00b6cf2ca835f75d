import { Opcode } from "../../src/engine/index.js";
import { type DatagramSocket, type Peer, receivingOptions, type SocketFactory } from "../../src/io/socket.js";
import type { SeededRandom } from "../shared/random.js";
import type { Outlet } from "./exchange.js";
import type { Tally } from "./tally.js";

/** Who hears what comes to a {@link Wire}. */
export interface WireListener {
  /** A datagram of the server, from this port; the bytes are borrowed. */
  onDatagram(bytes: Uint8Array, port: number): void;
  onError(error: Error): void;
}

/** What gets lost, by what chance, and where it is counted. */
export interface Weather {
  /** Part of the datagrams, each way. */
  readonly loss: number;
  readonly random: SeededRandom;
  readonly tally: Tally;
}

/** Receive buffer for windows: two of them, as kernels charge a datagram for more than its bytes. */
const BUFFER_BYTES_MAX = 8 << 20;

/** One socket for one transfer, with the weather: the only place of the generator that knows the socket interface. */
export class Wire implements Outlet {
  /** Set by whoever begins a transfer on it. */
  listener: WireListener | null = null;
  readonly #requestPort: number;
  readonly #weather: Weather;
  #peer: Peer;
  #socket: DatagramSocket | null = null;

  private constructor(address: string, requestPort: number, weather: Weather) {
    this.#requestPort = requestPort;
    this.#peer = { address, port: requestPort };
    this.#weather = weather;
  }

  static async open(
    sockets: SocketFactory,
    server: { readonly address: string; readonly port: number },
    window: { readonly blockSize: number; readonly windowSize: number },
    weather: Weather,
  ): Promise<Wire> {
    const wire = new Wire(server.address, server.port, weather);
    const bytes = window.windowSize === 1 ? 0 : 4 * window.blockSize * window.windowSize;
    wire.#socket = await sockets.open(
      {
        address: server.address.includes(":") ? "::" : "0.0.0.0",
        port: 0,
        ...receivingOptions(window),
        receiveBufferBytes: Math.min(BUFFER_BYTES_MAX, bytes),
      },
      {
        onDatagram: (bytes, peer) => wire.#received(bytes, peer),
        onError: (error) => wire.listener?.onError(error),
      },
    );
    return wire;
  }

  /** From now on packets go to the server's TID or, with null, to its request port. */
  settle(port: number | null): void {
    this.#peer = { address: this.#peer.address, port: port ?? this.#requestPort };
    this.#socket?.setPeer(this.#peer);
  }

  send(bytes: Uint8Array): void {
    if (this.#isLost()) return;
    this.#socket?.sendDatagram(bytes, this.#peer);
  }

  sendBlocks(firstWireBlock: number, count: number, blockBytes: number, payload: Uint8Array): void {
    if (this.#weather.loss === 0) {
      this.#sendRun(firstWireBlock, count, blockBytes, payload);
      return;
    }
    for (let index = 0; index < count; index++) {
      const offset = index * blockBytes;
      const one = payload.subarray(offset, offset + blockBytes);
      if (!this.#isLost()) this.#sendRun(firstWireBlock + index, 1, blockBytes, one);
    }
  }

  close(): void {
    this.listener = null;
    this.#socket?.close();
  }

  #sendRun(firstNumber: number, count: number, payloadBytesEach: number, memory: Uint8Array): void {
    const payload = { memory, offset: 0, length: memory.length };
    this.#socket?.sendRun({ opcode: Opcode.data, firstNumber, count, payloadBytesEach, payload });
  }

  #received(bytes: Uint8Array, peer: Peer): void {
    if (this.#isLost()) return;
    if (peer.address !== this.#peer.address) this.#weather.tally.strays++;
    else this.listener?.onDatagram(bytes, peer.port);
  }

  #isLost(): boolean {
    const isLost = this.#weather.random.chance(this.#weather.loss);
    if (isLost) this.#weather.tally.dropped++;
    return isLost;
  }
}
