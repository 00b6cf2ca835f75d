import { isIP } from "node:net";
import { posix } from "node:path";
import { decode, ErrorCode, encodeError, type RequestPacket, readOffer } from "../engine/index.js";
import type { ErrorName } from "../errors.js";
import { formatEndpoint } from "../io/address.js";
import { type NormalizedName, normalizeName } from "../io/root-path.js";
import { type DatagramSocket, type Incoming, receiveBufferFor } from "../io/socket.js";
import type { Runtime } from "../runtime.js";
import { Admission, BUSY_TEXT, refusalOnWire } from "./admission.js";
import type { ServerSettings } from "./options.js";
import type { ServerRequest } from "./request.js";
import type { ServerResponse } from "./response.js";
import { type AdmittedRequest, ServerTransfer } from "./server-transfer.js";

/** A client that was heard more recently than this has not been restarted. */
const NEW_BOOT_SILENCE_MS = 1_000;

/** Hands a new request to the listeners. */
export type RequestSink = (req: ServerRequest, res: ServerResponse, transfer: ServerTransfer) => void;

/**
 * Turns datagrams at the request port into transfers: reads, refuses, absorbs repetitions, opens the transfer's
 * own socket on the address that was asked. Any bytes from anyone are fine; the answer to what is no acceptable
 * request is one small ERROR, and to an ERROR nothing at all.
 */
export class Dispatcher {
  readonly #runtime: Runtime;
  readonly #settings: ServerSettings;
  readonly #onRequest: RequestSink;
  readonly #admission: Admission<ServerTransfer>;
  readonly #idle = new Set<() => void>();

  constructor(runtime: Runtime, settings: ServerSettings, onRequest: RequestSink) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.#onRequest = onRequest;
    this.#admission = new Admission(settings.transfersMax);
  }

  /** Transfers whose data is still moving. */
  get transferCount(): number {
    return this.#admission.activeCount;
  }

  /** Tells every client of a running transfer that it is over. */
  abortAll(text: string): void {
    for (const transfer of [...this.#admission.transfers()]) transfer.shutDown(text);
  }

  /** Resolves when no data moves any more; a last ACK may still be repeated in the background. */
  async drained(): Promise<void> {
    if (this.#admission.activeCount === 0) return;
    await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  handleRequest(datagram: Incoming, socket: DatagramSocket): void {
    const { bytes, peer } = datagram;
    // Nobody can be answered at port 0.
    if (peer.port === 0) return;
    const packet = decode(bytes);
    switch (packet.kind) {
      case "request":
        this.#considerRequest(packet, datagram, socket);
        return;
      case "error":
        return;
      case "malformed":
        if (packet.opcode === ERROR_OPCODE) return;
        this.#refuse(
          datagram,
          socket,
          packet.opcode > LAST_OPCODE || packet.opcode === 0 ? "EBADOP" : "EBADMSG",
        );
        return;
      default:
        this.#refuse(datagram, socket, "EBADOP");
    }
  }

  #considerRequest(packet: RequestPacket, datagram: Incoming, socket: DatagramSocket): void {
    const { method, fileName } = packet;
    const name = normalizeName(fileName);
    const refusal = this.#refusalOf(packet, name);
    if (refusal !== null || !name.ok) {
      this.#refuse(datagram, socket, refusal ?? "EBADNAME");
      return;
    }
    const clientKey = `${formatEndpoint(datagram.peer.address, datagram.peer.port)} ${socket.localAddress}`;
    const running = this.#admission.find(clientKey);
    // Only a request that would be served replaces a running transfer: anything else may be noise.
    if (running !== undefined && !this.#givesWay(running, datagram)) return;
    const { blockSize, windowSize } = this.#settings;
    const offer = readOffer(method, packet.options, { blockSizeMax: blockSize, windowSizeMax: windowSize });
    const tooLarge = offer.declaredSizeBytes !== null && !Number.isSafeInteger(offer.declaredSizeBytes);
    const conflict = tooLarge ? "ENOSPC" : this.#admission.conflict(method, name.key);
    if (conflict !== null) {
      this.#refuse(datagram, socket, conflict);
      return;
    }
    if (!this.#admission.makeRoom()) {
      answer(socket, datagram, ErrorCode.notDefined, BUSY_TEXT);
      return;
    }
    const { address, port } = datagram.peer;
    void this.#open(clientKey, socket, {
      method,
      mode: packet.mode === "netascii" ? "netascii" : "octet",
      offer,
      file: posix.normalize(fileName),
      fileKey: name.key,
      peer: { address, port },
      bytes: Uint8Array.from(datagram.bytes),
    });
  }

  /** Why a request can't be served whatever else runs, or null. */
  #refusalOf({ method, mode }: RequestPacket, name: NormalizedName): ErrorName | null {
    if (method === "GET" && this.#settings.denyGET) return "ENOGET";
    if (method === "PUT" && this.#settings.denyPUT) return "ENOPUT";
    if (!name.ok) return "EBADNAME";
    return mode === "octet" || mode === "netascii" ? null : "EBADMODE";
  }

  /**
   * A second request from the TID of a running transfer. The same one again, before the client answered, is a
   * repetition: absorbed, and the first answer is sent again. Once data has moved, it is either a late copy of the
   * first request, or a machine that was started anew: the latter has fallen silent towards the old transfer.
   */
  #givesWay(running: ServerTransfer, datagram: Incoming): boolean {
    if (running.hasMovedData) {
      if (running.isActive && running.silentMs(this.#runtime.clock.nowMs()) < NEW_BOOT_SILENCE_MS)
        return false;
    } else if (sameBytes(running.request.bytes, datagram.bytes)) {
      running.handleRepeatedRequest();
      return false;
    }
    running.evict();
    return true;
  }

  /** Starts the transfer on a socket of its own, bound to the address that was asked (RFC 1350 §4). */
  async #open(clientKey: string, requestSocket: DatagramSocket, request: AdmittedRequest): Promise<void> {
    const transfer: ServerTransfer = new ServerTransfer(this.#runtime, this.#settings, request, {
      onFileReleased: () => this.#fileReleased(transfer),
      onEnded: () => this.#admission.remove(clientKey, transfer),
    });
    this.#admission.add(clientKey, transfer);
    let socket: DatagramSocket;
    try {
      const { blockSize, windowSize } = request.offer.parameters;
      const options = {
        address: transferAddress(requestSocket.localAddress),
        port: this.#settings.portRange ?? 0,
        receiveBufferBytes: request.method === "PUT" ? receiveBufferFor(blockSize, windowSize) : 0,
      };
      socket = await this.#runtime.sockets.open(options, transfer.driver);
    } catch (error) {
      // Out of descriptors or ports: this client has to try again, the others go on.
      const busy = encodeError(ErrorCode.notDefined, BUSY_TEXT);
      requestSocket.send([{ kind: "datagram", peer: request.peer, bytes: busy }]);
      transfer.fail(error as Error);
      return;
    }
    if (transfer.isOver()) {
      socket.close();
      return;
    }
    const { req, res } = transfer.open(socket);
    this.#onRequest(req, res, transfer);
  }

  #fileReleased(transfer: ServerTransfer): void {
    this.#admission.releaseFile(transfer);
    if (this.#admission.activeCount > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  #refuse(datagram: Incoming, socket: DatagramSocket, name: ErrorName): void {
    const { errorCode, message } = refusalOnWire(name);
    answer(socket, datagram, errorCode, message);
  }
}

const ERROR_OPCODE = 5;
const LAST_OPCODE = 6;

function answer(socket: DatagramSocket, datagram: Incoming, errorCode: number, message: string): void {
  const { address, port } = datagram.peer;
  socket.send([{ kind: "datagram", peer: { address, port }, bytes: encodeError(errorCode, message) }]);
}

function transferAddress(address: string): string {
  return isIP(address.split("%")[0] ?? "") === 0 ? "0.0.0.0" : address;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
