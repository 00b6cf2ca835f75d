import { Opcode } from "../engine/index.js";
import { withInheritedSockets } from "../io/inherited-sockets.js";
import type { DatagramSocket, SocketHandlers } from "../io/socket.js";
import { threadRuntime } from "../runtime.js";
import type { PlacedRequest } from "./placement.js";
import type { RequestHandler } from "./request-sockets.js";

/** Sockets by the local address that they are bound to. */
interface SocketsByAddress {
  at(localAddress: string): DatagramSocket | undefined;
}

/**
 * Single-port mode: transfers talk from the request port, told apart by their clients' endpoints. For firewalls, address
 * translation and containers that know of one port. A client that asks anew from the same port is heard by the
 * dispatcher, as always.
 */
export class SharedPort {
  readonly #onRequest: RequestHandler;
  #sockets: SocketsByAddress | null = null;

  constructor(onRequest: RequestHandler) {
    this.#onRequest = onRequest;
  }

  /** Those on which this thread hears the port now. */
  setSockets(sockets: SocketsByAddress): void {
    this.#sockets = sockets;
  }

  /** Sends from the port. */
  at(localAddress: string): DatagramSocket | undefined {
    return this.#sockets?.at(localAddress);
  }

  /**
   * The way to the client of a request.
   * @throws Error (`EADDRNOTAVAIL`) when the address that was asked is gone
   */
  open({ peer, localAddress }: PlacedRequest, handlers: SocketHandlers): DatagramSocket {
    const socket = this.at(localAddress);
    if (socket === undefined) {
      throw Object.assign(new Error(`${localAddress} is not served any more`), { code: "EADDRNOTAVAIL" });
    }
    return socket.openFlow(peer, {
      onDatagram: (bytes, from, local) => {
        if (isRequest(bytes)) this.#onRequest({ bytes, peer: from, localAddress: local }, socket);
        else handlers.onDatagram(bytes, from, local);
      },
      onError: (error) => handlers.onError(error),
    });
  }
}

/** Whether a datagram says that it is a request; it may be malformed. */
export function isRequest(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && (bytes[1] === Opcode.rrq || bytes[1] === Opcode.wrq);
}

/**
 * Whether workers can hear a port together. Over node:dgram they can't; nor on sockets that systemd has bound, whose
 * owner is another one than ours.
 */
export function workersCanSharePort(): boolean {
  return withInheritedSockets(threadRuntime().sockets).openGroup !== undefined;
}
