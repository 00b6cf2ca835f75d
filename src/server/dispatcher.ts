import { isIP } from "node:net";
import { resolve } from "node:path";
import { storageFailureOnWire } from "../driver/storage-failures.js";
import {
  decode,
  ErrorCode,
  encodeError,
  equalBytes,
  isKnownOpcode,
  Opcode,
  type RequestPacket,
  readOffer,
} from "../engine/index.js";
import type { ErrorName } from "../errors.js";
import { formatEndpoint } from "../io/address.js";
import { processTimeMs } from "../io/process-time.js";
import type { DatagramSocket, Peer } from "../io/socket.js";
import type { BlockSink } from "../io/storage.js";
import type { RefusalInfo, RefusalReason } from "../observe/records.js";
import type { Runtime } from "../runtime.js";
import { Admission, BUSY_TEXT, refusalOnWire } from "./admission.js";
import { ClientRoots } from "./client-roots.js";
import { LateAcks } from "./late-acks.js";
import { NameRules } from "./name-rules.js";
import { blockSizeFor, type ServerSettings } from "./options.js";
import type { AnswerMode, PlacedRequest, Placement, TransferFailure } from "./placement.js";
import type { ServerRequest } from "./request.js";
import type { Incoming } from "./request-sockets.js";
import type { ServerResponse } from "./response.js";
import { ServerTransfer } from "./server-transfer.js";
import { isRequest } from "./shared-port.js";
import type { TransferEnding } from "./transfer-info.js";
import { type Admittance, WaitingRoom } from "./waiting-room.js";

/** A client that was heard more recently than this has not been restarted. */
const NEW_BOOT_SILENCE_MS = 1_000;

/**
 * How long a request waits for a file that another transfer has. A client may ask again with its last ACK on the
 * wire: the worker that moved the file reports its end a moment later.
 */
const FILE_GRACE_MS = 100;

/** Requests whose root is being chosen at a time: each has a few calls to the file system under way. */
const CHOOSING_MAX = 1024;

/** How long a request is tried again while descriptors or ports are missing. */
const SHORTAGE_MS_MAX = 2_000;

/** What the dispatcher needs of the server. */
export interface DispatcherOwner {
  /** Directory that is served at this moment. */
  root(): string;
  /** The largest blocks of an upload that its socket takes, whatever the settings of this moment say. */
  uploadBlockSizeMax(): number;
  /** The part of a temporary name that is an upload's own. */
  uploadTag(): string;
  /** Who answers at this moment. */
  answerMode(): AnswerMode;
  onRequest(req: ServerRequest, res: ServerResponse, transfer: ServerTransfer): void;
  onTransferStart(transfer: ServerTransfer): void;
  /** Data has ended. */
  onTransferEnd(transfer: ServerTransfer, ending: TransferEnding): void;
  /** A request, or what came in place of one, was refused before it became a transfer. */
  onRefused(refusal: RefusalInfo): void;
  openSink(root: string, request: PlacedRequest): Promise<BlockSink>;
}

/** A request that passed all rules, and may have to wait for a place. */
interface AcceptableRequest {
  readonly clientKey: string;
  readonly request: PlacedRequest;
  readonly requestBytes: Uint8Array;
  readonly socket: DatagramSocket;
}

/**
 * Turns datagrams at the request port into transfers: reads, refuses, absorbs repetitions, and gives what is left
 * to a placement. Any bytes from anyone are fine; the answer to what is no acceptable request is one small ERROR,
 * and to an ERROR nothing at all.
 */
export class Dispatcher {
  #settings: ServerSettings;
  readonly #owner: DispatcherOwner;
  readonly #admission: Admission<ServerTransfer>;
  readonly #waiting: WaitingRoom<AcceptableRequest>;
  readonly #idle = new Set<() => void>();
  #names: NameRules;
  #roots: ClientRoots;
  /** Clients whose root is being chosen. */
  readonly #choosing = new Set<string>();
  readonly #lateAcks = new LateAcks();
  #placement: Placement | null = null;
  /** There has been no placement yet. */
  #isOpening = true;

  constructor(runtime: Runtime, settings: ServerSettings, owner: DispatcherOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#admission = new Admission(settings);
    this.#names = new NameRules(settings, null);
    this.#roots = new ClientRoots(settings);
    const { clock, timers } = runtime;
    this.#waiting = new WaitingRoom(
      // Who waits longer than it takes to find forgotten transfers is not served by waiting.
      () => Math.min(this.#settings.queuedRequestsMax, this.#admission.shortOf ?? Number.POSITIVE_INFINITY),
      clock,
      timers,
      (acceptable, waitedMs) => this.#admit(acceptable, waitedMs),
      (acceptable) => this.#sayBusy(acceptable),
    );
  }

  /** Transfers whose data is still moving. */
  get transferCount(): number {
    return this.#admission.activeCount;
  }

  /** Requests that wait for a place or for their file. */
  get queuedCount(): number {
    return this.#waiting.size;
  }

  /** Transfers whose data is moving, oldest first. */
  *activeTransfers(): Iterable<ServerTransfer> {
    for (const transfer of this.#admission.transfers()) if (transfer.isActive) yield transfer;
  }

  /** Where transfers run from now on; null takes no more. */
  setPlacement(placement: Placement | null): void {
    this.#placement = placement;
    this.#isOpening = false;
    if (placement === null) this.#waiting.clear();
    else this.#waiting.callNext();
  }

  /** What holds for requests from now on; transfers under way go on as they began. */
  configure(settings: ServerSettings, names: NameRules): void {
    this.#settings = settings;
    this.#names = names;
    this.#roots = new ClientRoots(settings);
    this.#admission.configure(settings);
  }

  /** Tells every client of a running transfer that it is over. */
  abortAll(text: string): void {
    for (const transfer of [...this.#admission.transfers()]) transfer.shutDown(text);
  }

  /** The same for those whose client has said nothing for so long. */
  abortSilent(text: string, silentMs: number): void {
    for (const transfer of [...this.activeTransfers()]) {
      if (transfer.silentMs() >= silentMs) transfer.shutDown(text);
    }
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
    // Heard by another worker than its transfer's: the kernel has moved its client.
    const isMisplaced = datagram.heardBy !== undefined && !isRequest(bytes);
    if (isMisplaced && this.#admission.find(clientKeyOf(datagram))?.deliver(bytes)) return;
    const packet = decode(bytes);
    switch (packet.kind) {
      case "request":
        this.#considerRequest(packet, datagram, socket);
        return;
      case "error":
        return;
      case "malformed":
        if (packet.opcode === Opcode.error) return;
        this.#refuse(datagram, socket, isKnownOpcode(packet.opcode) ? "EBADMSG" : "EBADOP", null);
        return;
      default:
        if (packet.kind === "ack" && this.#lateAcks.areExpected(clientKeyOf(datagram))) return;
        // On a shared port, this is for a transfer that is over.
        this.#refuse(datagram, socket, this.#settings.singlePort ? "ETID" : "EBADOP", null);
    }
  }

  #considerRequest(packet: RequestPacket, datagram: Incoming, socket: DatagramSocket): void {
    const { method, fileName } = packet;
    const { peer } = datagram;
    const denial = this.#denialOf(method);
    const name = this.#names.resolve(fileName, { method, address: peer.address });
    const isKnownMode = packet.mode === "octet" || packet.mode === "netascii";
    if (denial !== null || !name.ok || !isKnownMode) {
      const refusal = denial ?? (name.ok ? "EBADMODE" : name.refusal);
      this.#refuse(datagram, socket, refusal, { method, file: fileName });
      return;
    }
    const clientKey = clientKeyOf(datagram);
    const running = this.#admission.find(clientKey);
    // Only a request that would be served replaces a running transfer: anything else may be noise.
    if (running !== undefined && !this.#givesWay(running, datagram)) return;
    const { windowSize: windowSizeMax, refusedOptions } = this.#settings;
    const blockSizeMax = this.#blockSizeMax(method, peer);
    const offer = readOffer(method, packet.options, { blockSizeMax, windowSizeMax, refusedOptions });
    const tooLarge = offer.declaredSizeBytes !== null && !Number.isSafeInteger(offer.declaredSizeBytes);
    if (tooLarge) {
      this.#refuse(datagram, socket, "ENOSPC", { method, file: fileName });
      return;
    }
    const { address, port } = peer;
    const acceptable: AcceptableRequest = {
      clientKey,
      socket,
      requestBytes: Uint8Array.from(datagram.bytes),
      request: {
        method,
        mode: packet.mode === "netascii" ? "netascii" : "octet",
        offer,
        requestedFile: fileName,
        file: name.file,
        root: null,
        path: name.path,
        fileKey: name.key,
        peer: { address, port },
        localAddress: transferAddress(datagram.localAddress),
        heardBy: datagram.heardBy ?? null,
        receivedAtMs: processTimeMs(),
        uploadTag: method === "PUT" ? this.#owner.uploadTag() : "",
      },
    };
    if (this.#roots.areSet) void this.#chooseRoot(acceptable);
    else this.#enter(acceptable);
  }

  /**
   * The root decides which file it is, so it comes before the rules of one file. A repetition meanwhile is absorbed:
   * the first one is about to be answered.
   */
  async #chooseRoot(acceptable: AcceptableRequest): Promise<void> {
    const { clientKey, request } = acceptable;
    if (this.#choosing.has(clientKey)) return;
    if (this.#choosing.size >= CHOOSING_MAX) {
      this.#sayBusy(acceptable);
      return;
    }
    this.#choosing.add(clientKey);
    const { method, peer, path, fileKey } = request;
    const root = await this.#roots.choose(this.#owner.root(), method, peer.address, path);
    this.#choosing.delete(clientKey);
    this.#enter({ ...acceptable, request: { ...request, root, fileKey: resolve(root, fileKey) } });
  }

  #enter(acceptable: AcceptableRequest): void {
    const { clientKey, request } = acceptable;
    if (!this.#waiting.enter(clientKey, request.peer.address, acceptable)) this.#sayBusy(acceptable);
  }

  #sayBusy({ socket, request }: AcceptableRequest): void {
    answer(socket, request, ErrorCode.notDefined, BUSY_TEXT);
    this.#tellRefusal("busy", BUSY_TEXT, request, request);
  }

  #blockSizeMax(method: "GET" | "PUT", peer: Peer): number {
    const wanted = blockSizeFor(this.#settings, peer);
    return method === "GET" ? wanted : Math.min(wanted, this.#owner.uploadBlockSizeMax());
  }

  /** Why no request of this method is served, or null. */
  #denialOf(method: "GET" | "PUT"): ErrorName | null {
    if (method === "GET") return this.#settings.denyGET ? "ENOGET" : null;
    return this.#settings.denyPUT ? "ENOPUT" : null;
  }

  /**
   * A second request from the TID of a running transfer. The same one again, before the client answered, is a
   * repetition: absorbed, and the first answer is sent again. Once data has moved, it is either a late copy of the
   * first request, or a machine that was started anew: the latter has fallen silent towards the old transfer. A boot
   * ROM that fetches its next file from the same port has the one before; so has whoever asks when all data has moved.
   */
  #givesWay(running: ServerTransfer, datagram: Incoming): boolean {
    const isSame = equalBytes(running.requestBytes, datagram.bytes);
    if (running.awaitsLastAck && !isSame) {
      running.endWithoutLastAck();
      return true;
    }
    if (running.isActive && running.hasMovedData) {
      if (running.silentMs() < NEW_BOOT_SILENCE_MS) return false;
    } else if (running.isActive && isSame) {
      running.handleRepeatedRequest();
      return false;
    }
    running.evict("same-client");
    return true;
  }

  /** Starts the transfer, unless its file or all places are taken. */
  #admit(acceptable: AcceptableRequest, waitedMs: number): Admittance {
    const { clientKey, request, requestBytes, socket } = acceptable;
    const { method, fileKey, peer } = request;
    if (this.#placement === null) {
      // An address is bound, and the rest is on its way. Who gets no answer asks again only seconds later.
      return this.#isOpening && this.#settings.queuedRequestsMax > 0 ? "server-full" : "settled";
    }
    const conflict = this.#admission.conflict(method, fileKey);
    if (conflict !== null) {
      if (waitedMs < FILE_GRACE_MS && this.#settings.queuedRequestsMax > 0) return "file-taken";
      this.#refuse(request, socket, conflict, request);
      return "settled";
    }
    const room = this.#admission.makeRoom(peer.address);
    if (room !== "free") return room;
    const answerMode = this.#owner.answerMode();
    const start = { requestBytes, answer: answerMode, root: request.root ?? this.#owner.root() };
    const transfer = new ServerTransfer(this.#placement, this.#settings, request, start, {
      onRequest: (req, res, of) => this.#owner.onRequest(req, res, of),
      onUnanswered: (_, failure) => this.#notStarted(acceptable, failure),
      onFileReleased: (of, ending) => this.#fileReleased(clientKey, of, ending),
      onEnded: (of) => {
        this.#admission.remove(clientKey, of);
        this.#waiting.callNext();
      },
      openSink: (root, of) => this.#owner.openSink(root, of),
    });
    this.#admission.add(clientKey, transfer);
    this.#lateAcks.forget(clientKey);
    this.#owner.onTransferStart(transfer);
    return "settled";
  }

  /** Nothing was sent yet. Out of descriptors or ports, a request waits until forgotten transfers gave way. */
  #notStarted(acceptable: AcceptableRequest, failure: TransferFailure): void {
    const { socket, request, clientKey } = acceptable;
    if (isShortage(failure)) {
      this.#admission.learnShortage();
      const waitedMs = processTimeMs() - request.receivedAtMs;
      if (waitedMs < SHORTAGE_MS_MAX && this.#waiting.enter(clientKey, request.peer.address, acceptable))
        return;
    }
    answerFailure(socket, request, failure);
  }

  #fileReleased(clientKey: string, transfer: ServerTransfer, ending: TransferEnding): void {
    const isFetched = transfer.method === "GET" && ending.failure === null;
    if (isFetched && this.#settings.singlePort) this.#lateAcks.expect(clientKey);
    this.#admission.releaseFile(transfer);
    this.#owner.onTransferEnd(transfer, ending);
    this.#waiting.callNext();
    if (this.#admission.activeCount > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  /** @param request - null for a datagram that is none */
  #refuse(to: Endpoints, socket: DatagramSocket, name: ErrorName, request: RefusedRequest | null): void {
    const { errorCode, message } = refusalOnWire(name);
    answer(socket, to, errorCode, message);
    this.#tellRefusal(REFUSAL_REASONS[name] ?? "malformed", message, to, request);
  }

  #tellRefusal(
    reason: RefusalReason,
    message: string,
    { peer, localAddress }: Endpoints,
    request: RefusedRequest | null,
  ): void {
    this.#owner.onRefused({
      reason,
      method: request?.method ?? null,
      file: request?.file ?? null,
      remoteAddress: peer.address,
      remotePort: peer.port,
      localAddress,
      message,
    });
  }
}

/** What is told of a request that was refused. */
type RefusedRequest = Pick<PlacedRequest, "method" | "file">;

/** Names that don't stand here concern datagrams that are no requests. */
const REFUSAL_REASONS: Partial<Record<ErrorName, RefusalReason>> = {
  ENOGET: "denied",
  ENOPUT: "denied",
  EBADNAME: "bad-name",
  EACCESS: "mapped-away",
  EBADMODE: "bad-mode",
  ENOSPC: "too-large",
  ECONPUT: "file-in-use",
  ECURPUT: "file-in-use",
  ECURGET: "file-in-use",
};

/** Whom an answer goes to, and from which address. */
type Endpoints = Pick<Incoming, "peer" | "localAddress">;

/** One transfer at a time for an endpoint, at each of our addresses. */
function clientKeyOf({ peer, localAddress }: Endpoints): string {
  return `${formatEndpoint(peer.address, peer.port)} ${localAddress}`;
}

function answer(socket: DatagramSocket, to: Endpoints, errorCode: number, message: string): void {
  socket.sendDatagram(encodeError(errorCode, message), to.peer, to.localAddress);
}

/** For what failed before there was a socket of the transfer's own. */
function answerFailure(socket: DatagramSocket, to: Endpoints, failure: TransferFailure): void {
  if (failure.kind === "refused") {
    const { errorCode, message } = storageFailureOnWire(failure.reason);
    answer(socket, to, errorCode, message);
  } else {
    // Out of descriptors or ports: this client has to try again, the others go on.
    answer(socket, to, ErrorCode.notDefined, BUSY_TEXT);
  }
}

/** Descriptors, ports or memory for sockets have run out. */
function isShortage(failure: TransferFailure): boolean {
  if (failure.kind !== "no-socket" && failure.kind !== "refused") return false;
  const code = (failure.cause as NodeJS.ErrnoException).code ?? "";
  return ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRINUSE"].includes(code);
}

function transferAddress(address: string): string {
  return isIP(address.split("%")[0] ?? "") === 0 ? "0.0.0.0" : address;
}
