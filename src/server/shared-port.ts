import { Opcode } from "../engine/index.js";
import type { DatagramSocket, SocketHandlers } from "../io/socket.js";
import type { PlacedRequest } from "./placement.js";
import type { RequestHandler, RequestSockets } from "./request-sockets.js";

/**
 * Single-port mode: transfers talk from the request port, told apart by their clients' endpoints. For firewalls, address
 * translation and containers that know of one port. A client that asks anew from the same port is heard by the
 * dispatcher, as always.
 */
export class SharedPort {
  readonly #onRequest: RequestHandler;
  #sockets: RequestSockets | null = null;

  constructor(onRequest: RequestHandler) {
    this.#onRequest = onRequest;
  }

  /** The sockets of the server that listens now. */
  setSockets(sockets: RequestSockets): void {
    this.#sockets = sockets;
  }

  /**
   * The way to the client of a request.
   * @throws Error (`EADDRNOTAVAIL`) when the address that was asked is gone
   */
  open({ peer, localAddress }: PlacedRequest, handlers: SocketHandlers): DatagramSocket {
    const socket = this.#sockets?.at(localAddress);
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

function isRequest(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && (bytes[1] === Opcode.rrq || bytes[1] === Opcode.wrq);
}
