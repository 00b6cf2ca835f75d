import { formatEndpoint } from "./address.js";
import type { DatagramRun, DatagramSocket, Peer, SocketHandlers } from "./socket.js";

/** A face of a shared socket for one peer: what the flows of all kinds of sockets have in common. */
export abstract class SocketFlow<S extends DatagramSocket> implements DatagramSocket {
  readonly handlers: SocketHandlers;
  peer: Peer;
  protected readonly socket: S;

  constructor(socket: S, peer: Peer, handlers: SocketHandlers) {
    this.socket = socket;
    this.peer = peer;
    this.handlers = handlers;
  }

  get localAddress(): string {
    return this.socket.localAddress;
  }

  get localPort(): number {
    return this.socket.localPort;
  }

  /** The same endpoint: a flow keeps the peer that it was opened for. */
  setPeer(peer: Peer): void {
    this.peer = peer;
  }

  openFlow(peer: Peer, handlers: SocketHandlers): DatagramSocket {
    return this.socket.openFlow(peer, handlers);
  }

  /** The shared socket has an owner of its own. */
  setReferenced(): void {}

  abstract sendRun(run: DatagramRun): void;
  abstract sendDatagram(bytes: Uint8Array, peer: Peer): void;
  abstract close(): void;
}

/** A socket that hands over what comes by a table of its flows, and sends runs to anybody. */
interface TableSocket extends DatagramSocket {
  /** By the endpoint of their peers. */
  readonly flows: Map<string, SocketFlow<TableSocket>>;
  sendRunTo(run: DatagramRun, peer: Peer): void;
}

/** A flow that is found by the endpoint of its peer. */
export class TableFlow extends SocketFlow<TableSocket> {
  readonly #key: string;

  constructor(socket: TableSocket, peer: Peer, handlers: SocketHandlers) {
    super(socket, peer, handlers);
    this.#key = formatEndpoint(peer.address, peer.port);
    socket.flows.set(this.#key, this);
  }

  sendRun(run: DatagramRun): void {
    this.socket.sendRunTo(run, this.peer);
  }

  sendDatagram(bytes: Uint8Array, peer: Peer): void {
    this.socket.sendDatagram(bytes, peer);
  }

  close(): void {
    const { flows } = this.socket;
    // A newer flow may have taken its place.
    if (flows.get(this.#key) === this) flows.delete(this.#key);
  }
}
