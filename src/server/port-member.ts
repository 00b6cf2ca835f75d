import type { DatagramSocket, GroupMember, SocketFactory } from "../io/socket.js";
import type { Incoming } from "./request-sockets.js";
import type { WorkerLink } from "./worker-link.js";
import { cloneError, type FromWorker, NO_TRANSFER, type ToWorker } from "./worker-messages.js";

/** Datagrams on their way to the server's thread that it has not looked at: a storm of requests fits, a flood does not. */
const RELAYED_MAX = 4096;

/** Their bytes: requests are small, what else is passed on may be a block. */
const RELAYED_BYTES_MAX = 4_194_304;

/** After a socket could not be joined, for want of descriptors. */
const JOIN_PAUSE_MS = 250;

/**
 * A worker's part of the request port: its sockets, and the way to the server's thread for what is for none of its
 * transfers. More than that thread keeps up with is dropped, as the kernel does with what nobody fetches.
 */
export class PortMember {
  readonly #factory: SocketFactory;
  readonly #link: WorkerLink<FromWorker, ToWorker>;
  readonly #sockets = new Map<string, { readonly socket: DatagramSocket; readonly descriptor: number }>();
  #wanted: readonly GroupMember[] = [];
  /** The shortage of this moment has been told. */
  #isTold = false;
  #pause: NodeJS.Timeout | undefined;
  #relayed = 0;
  #relayedBytes = 0;

  constructor(factory: SocketFactory, link: WorkerLink<FromWorker, ToWorker>) {
    this.#factory = factory;
    this.#link = link;
  }

  /** The socket for this local address, where the worker hears it. */
  at(localAddress: string): DatagramSocket | undefined {
    return this.#sockets.get(localAddress)?.socket;
  }

  /** Hears these from now on, and no others. */
  join(wanted: readonly GroupMember[]): void {
    this.#wanted = wanted;
    for (const [address, { socket, descriptor }] of this.#sockets) {
      if (wanted.some((member) => member.address === address && member.descriptor === descriptor)) continue;
      socket.close();
      this.#sockets.delete(address);
    }
    this.#joinMissing();
  }

  #joinMissing(): void {
    try {
      for (const member of this.#wanted) if (!this.#sockets.has(member.address)) this.#joinOne(member);
      this.#isTold = false;
    } catch (error) {
      // Clients of this worker have no other: they repeat themselves until it has its socket.
      if (!this.#isTold) this.#link.post({ kind: "worker-error", id: NO_TRANSFER, error: cloneError(error) });
      this.#isTold = true;
      clearTimeout(this.#pause);
      this.#pause = setTimeout(() => this.#joinMissing(), JOIN_PAUSE_MS);
    }
  }

  #joinOne(member: GroupMember): void {
    const socket = this.#factory.join?.(member, {
      onDatagram: (bytes, peer, localAddress) => this.relay({ bytes, peer, localAddress }),
      // Answers to strangers may come back; what befalls a client is told to its transfer.
      onError: () => undefined,
    });
    if (socket === undefined) throw new Error(`A worker can't share port ${member.port}: it has no addon`);
    this.#sockets.set(member.address, { socket, descriptor: member.descriptor });
  }

  /** Passes on what is for none of this worker's transfers. */
  relay({ bytes, peer, localAddress }: Incoming): void {
    if (this.#relayed >= RELAYED_MAX || this.#relayedBytes + bytes.length > RELAYED_BYTES_MAX) return;
    this.#relayed++;
    this.#relayedBytes += bytes.length;
    const { address, port } = peer;
    this.#link.post({
      kind: "heard",
      id: NO_TRANSFER,
      bytes: Uint8Array.from(bytes),
      peer: { address, port },
      localAddress,
    });
  }

  /** The server's thread has looked at so many. */
  settle(count: number, bytes: number): void {
    this.#relayed = Math.max(0, this.#relayed - count);
    this.#relayedBytes = Math.max(0, this.#relayedBytes - bytes);
  }
}
