import { isUnspecified } from "./address.js";
import type { CommandWriter } from "./command-writer.js";
import type { Reactor } from "./native-binding.js";
import { systemError } from "./port-choice.js";
import type { AnswersAhead, DatagramRun, DatagramSocket, Peer, SocketHandlers } from "./socket.js";
import { SocketFlow } from "./socket-flow.js";

/** What the native sockets of a thread share. */
export interface NativeThread {
  readonly reactor: Reactor;
  /** What is sent waits here for the end of the turn. */
  readonly commands: CommandWriter;
  /** @param change - how many sockets more keep the process alive */
  setReferenced(change: 1 | -1): void;
  /** The socket with this handle is closed. */
  forget(handle: number): void;
}

/** A socket of the addon. */
export class NativeSocket implements DatagramSocket {
  readonly localAddress: string;
  readonly localPort: number;
  readonly handle: number;
  readonly handlers: SocketHandlers;
  /** Whom runs go to. */
  peer: Peer = NOBODY;
  /** The reactor's number for it; 0 while there is none. */
  peerId = NO_PEER;
  /** Faces of this socket for single peers, by the reactor's numbers; null while there are none. */
  flows: (NativeFlow | undefined)[] | null = null;
  readonly answerAhead?: (ahead: AnswersAhead) => void;
  readonly #thread: NativeThread;
  #referenced = true;
  #closed = false;

  constructor(
    thread: NativeThread,
    handle: number,
    localAddress: string,
    localPort: number,
    handlers: SocketHandlers,
    mayBlock: boolean,
  ) {
    this.#thread = thread;
    this.handle = handle;
    this.localAddress = localAddress;
    this.localPort = localPort;
    this.handlers = handlers;
    if (mayBlock) {
      this.answerAhead = (ahead) => {
        if (!this.#closed) thread.commands.answerAhead(handle, this.peerId, ahead);
      };
    }
  }

  setPeer(peer: Peer): void {
    if (this.#closed) return;
    const { reactor, commands } = this.#thread;
    // What was sent to the old one leaves first.
    if (this.peerId !== NO_PEER) commands.removePeer(this.handle, this.peerId);
    this.peer = peer;
    this.peerId = reactor.addPeer(this.handle, peer.address, peer.port);
  }

  sendRun(run: DatagramRun): void {
    if (!this.#closed) this.#thread.commands.run(this.handle, this.peerId, run);
  }

  sendDatagram(bytes: Uint8Array, peer: Peer, fromAddress?: string): void {
    if (this.#closed) return;
    const { commands, reactor } = this.#thread;
    if (peer === this.peer) {
      if (commands.datagram(this.handle, this.peerId, bytes)) return;
      // Larger than the table of a turn: behind what waits there.
      commands.flush();
    }
    const source = fromAddress !== undefined && isUnspecified(this.localAddress) ? fromAddress : undefined;
    const errno = reactor.sendTo(this.handle, peer.address, peer.port, bytes, source);
    if (errno !== 0) queueMicrotask(() => this.report(peer === this.peer ? this.peerId : 0, errno));
  }

  openFlow(peer: Peer, handlers: SocketHandlers): DatagramSocket {
    const peerId = this.#thread.reactor.addPeer(this.handle, peer.address, peer.port);
    const flow = new NativeFlow(this, this.#thread.commands, peerId, peer, handlers);
    this.flows ??= [];
    this.flows[peerId] = flow;
    return flow;
  }

  close(): void {
    if (this.#closed) return;
    this.setReferenced(false);
    this.#closed = true;
    this.#thread.commands.close(this.handle);
    this.#thread.forget(this.handle);
  }

  setReferenced(referenced: boolean): void {
    if (this.#closed || referenced === this.#referenced) return;
    this.#referenced = referenced;
    this.#thread.setReferenced(referenced ? 1 : -1);
  }

  /** Something could not be sent to this peer (0: to somebody else, or it concerns the socket). */
  report(peerId: number, errno: number): void {
    if (this.#closed) return;
    const flow = peerId === 0 ? undefined : this.flows?.[peerId];
    const { address, port } = flow?.peer ?? (peerId === this.peerId ? this.peer : NOBODY);
    const error = systemError({ errno: -errno, syscall: "send" }, address, port);
    // The kernel's queue is full for the moment: retransmission sees to it.
    if (error.code === "ENOBUFS" || error.code === "EAGAIN") return;
    // On a shared port, what befalls somebody else is nobody's error.
    if (flow !== undefined) flow.handlers.onError(error);
    else if (this.flows === null) this.handlers.onError(error);
  }
}

/** One peer of a shared socket. */
class NativeFlow extends SocketFlow<NativeSocket> {
  readonly #commands: CommandWriter;
  readonly #peerId: number;
  #closed = false;

  constructor(
    socket: NativeSocket,
    commands: CommandWriter,
    peerId: number,
    peer: Peer,
    handlers: SocketHandlers,
  ) {
    super(socket, peer, handlers);
    this.#commands = commands;
    this.#peerId = peerId;
  }

  sendRun(run: DatagramRun): void {
    if (!this.#closed) this.#commands.run(this.socket.handle, this.#peerId, run);
  }

  sendDatagram(bytes: Uint8Array, peer: Peer): void {
    if (this.#closed) return;
    const isSent = peer === this.peer && this.#commands.datagram(this.socket.handle, this.#peerId, bytes);
    if (!isSent) this.socket.sendDatagram(bytes, peer);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.socket.flows !== null) this.socket.flows[this.#peerId] = undefined;
    this.#commands.removePeer(this.socket.handle, this.#peerId);
  }
}

/** The reactor's peers begin at 1, and its records say 0 for strangers. */
const NO_PEER = -1;

const NOBODY: Peer = { address: "", port: 0 };
