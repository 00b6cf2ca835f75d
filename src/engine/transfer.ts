import { decode, type ErrorPacket, encodeError, encodeOack, isKnownOpcode, type Packet } from "./codec.js";
import { Opcode } from "./constants.js";
import { Dally } from "./dally.js";
import type {
  AcksAhead,
  Fault,
  StorageCommand,
  StorageReply,
  TransferCounters,
  TransferEvent,
  Transmit,
  ViolationName,
} from "./effects.js";
import { readFirstAnswer } from "./handshake.js";
import { invariant } from "./invariant.js";
import { completeOffer, type OfferCompletion, type TransferParameters } from "./negotiation.js";
import { Opening, type OpeningPlan, plainOpening, serverOpening } from "./opening.js";
import { Outbox } from "./outbox.js";
import { PeerSigns } from "./peer-signs.js";
import { Receiver } from "./receiver.js";
import { Retransmission } from "./retransmission.js";
import { Sender } from "./sender.js";
import {
  type ClientTransferConfig,
  isCurlUpload,
  retransmissionPolicy,
  type ServerTransferConfig,
  sendsData,
} from "./transfer-config.js";
import { sizeFault, violationOnWire } from "./violations.js";

/**
 * "requesting": client, the request is out. "offered": server, waits for `accept` or `abort`. "greeting": server, the
 * OACK is out.
 */
type State = "requesting" | "offered" | "greeting" | "moving" | "dallying" | "ended";

/**
 * One transfer, sans-IO: bytes, store replies and the time go in, effects come out. It never sees a socket, a
 * file or a clock, and knows its peer only by what the driver lets through.
 *
 * Driving it (the loop is in `driver/transfer-driver.ts`): give **one** input (`start`, `accept`,
 * `handleDatagram`, `handleStorage`, `handleTimeout`, `handleNetworkError`, `handleRepeatedRequest`, `abort`), then drain
 * `pollStorage`, `pollTransmit` and `pollEvent` until each returns undefined, then set the timer to
 * `pollTimeout`; only then the next input. `nowMs` is monotonic and never falls. Spurious calls of
 * `handleTimeout` are harmless. After the event `ended` every input is ignored.
 */
export class Transfer {
  readonly #config: ClientTransferConfig | ServerTransferConfig;
  readonly #out = new Outbox();
  readonly #timer: Retransmission;
  /** The timer's policy time-out, followed when one is negotiated. */
  #timeoutMs: number;
  #state: State;
  #parameters: TransferParameters | null = null;
  #sender: Sender | null = null;
  #receiver: Receiver | null = null;
  /** What the store has said; it may have spoken before the data phase. */
  #available: Extract<StorageReply, { kind: "available" }> | null = null;
  /** Receiver: the exact number of bytes announced, where one is known and comparable. */
  #expectedBytes: number | null = null;
  /** A client's request, a server's OACK; null where DATA 1 or ACK 0 is the answer to a request. */
  #opening: Opening | null = null;
  #proven = false;
  /** What speaks against the peer since its last sensible packet; null while nothing does. */
  #signs: PeerSigns | null = null;
  readonly #dally = new Dally();

  constructor(config: ClientTransferConfig | ServerTransferConfig) {
    const server = config.role === "server";
    this.#config = config;
    this.#timeoutMs = (server && config.offer.parameters.timeoutMs) || config.timeoutMs;
    this.#timer = new Retransmission(retransmissionPolicy(config, this.#timeoutMs));
    this.#state = server ? "offered" : "requesting";
    if (server) this.#parameters = config.offer.parameters;
  }

  /** True once the peer has answered anything valid: its address is real. */
  get proven(): boolean {
    return this.#proven;
  }

  /** True once DATA has been delivered or acknowledged. */
  get hasMovedData(): boolean {
    return (this.#sender?.hasProgressed ?? false) || (this.#receiver?.hasProgressed ?? false);
  }

  /** Server, GET: every byte has left. For a client that uploads, the last ACK alone says that the file is stored. */
  get awaitsLastAck(): boolean {
    return this.#config.role === "server" && this.#proven && this.#sender?.awaitsLastAck === true;
  }

  get ended(): boolean {
    return this.#state === "ended";
  }

  get counters(): Readonly<TransferCounters> {
    return this.#out.counters;
  }

  /** What the data phase uses; throws before it is settled. */
  get parameters(): TransferParameters {
    invariant(this.#parameters !== null, "parameters are read after negotiation");
    return this.#parameters;
  }

  /** Client: sends the request. */
  start(nowMs: number): void {
    invariant(this.#config.role === "client" && this.#state === "requesting", "a client starts once");
    this.#open(plainOpening(this.#config.request), nowMs);
  }

  /** Server: answers the request with OACK, DATA 1 or ACK 0. Ignored once the transfer has ended. */
  accept(completion: OfferCompletion, nowMs: number): void {
    if (this.#state === "ended") return;
    const config = this.#config;
    invariant(config.role === "server" && this.#state === "offered", "accept answers an open request, once");
    const wireSize = config.mode === "netascii" ? null : completion.sizeBytes;
    const options = completeOffer(config.offer, { ...completion, sizeBytes: wireSize });
    if (config.method === "PUT" && config.mode === "octet")
      this.#expectedBytes = config.offer.declaredSizeBytes;
    this.#openDataPhase(nowMs);
    if (options.length > 0) {
      this.#state = "greeting";
      this.#open(serverOpening(encodeOack(options), config), nowMs);
      if (this.#sender !== null) {
        // Read ahead while the OACK travels.
        const { blockSize, windowSize } = this.parameters;
        this.#out.want(blockSize * windowSize);
      }
    } else {
      this.#state = "moving";
      this.#sender?.start(nowMs);
      this.#receiver?.start(nowMs);
    }
  }

  /** Receiver: what may be acknowledged before this engine sees it, until the next input. */
  get acksAhead(): AcksAhead | null {
    return this.#state === "moving" ? (this.#receiver?.acksAhead(this.#expectedBytes) ?? null) : null;
  }

  /** Takes any bytes that the driver knows to come from the peer. @param isAcknowledged - DATA, and its ACK has left */
  handleDatagram(bytes: Uint8Array, nowMs: number, isAcknowledged = false): void {
    if (this.#state === "ended" || this.#state === "offered") return;
    this.#timer.heard(nowMs);
    const packet = decode(bytes);
    if (packet.kind === "malformed") {
      this.#suspect(
        isKnownOpcode(packet.opcode) ? "EBADMSG" : "EBADOP",
        packet.reason,
        packet.opcode === Opcode.error,
      );
    } else if (packet.kind === "error") {
      this.#handleError(packet);
    } else if (this.#state === "requesting") {
      this.#handleFirstAnswer(packet, nowMs);
    } else if (this.#state === "greeting") {
      this.#handleGreetingAnswer(packet, nowMs);
    } else {
      this.#handleMoving(packet, nowMs, isAcknowledged);
    }
  }

  /** The deadline of `pollTimeout` passed. Harmless when called early. */
  handleTimeout(nowMs: number): void {
    if (this.#state === "dallying") {
      this.#stay(nowMs);
      return;
    }
    if (this.#state === "ended") return;
    if (this.#sender !== null && nowMs >= this.#sender.dueAtMs) this.#sender.handleDue(nowMs);
    if (this.#receiver !== null && nowMs >= this.#receiver.gapAtMs) this.#receiver.handleGap(nowMs);
    if (this.#signs !== null && nowMs >= this.#signs.goneAtMs) {
      this.#fail({ kind: "network", cause: this.#signs.goneCause as Error });
      return;
    }
    if (nowMs < this.#timer.deadlineMs) return;
    this.#out.counters.timeouts++;
    // In the handshake nothing is at stake yet: nonsense as the only answer ends it at the first time-out.
    if (this.#timer.expire(nowMs) || (this.#state === "requesting" && this.#signs?.suspicion)) {
      this.#giveUp();
      return;
    }
    if (this.#state === "moving") this.#repeatMoving(nowMs);
    else this.#opening?.remind(nowMs);
  }

  handleStorage(reply: StorageReply, nowMs: number): void {
    if (this.#state === "ended" || this.#state === "dallying") return;
    switch (reply.kind) {
      case "available":
        this.#available = reply;
        this.#sender?.handleAvailable(reply.availableBytes, reply.ended, nowMs);
        break;
      case "saturated":
        this.#receiver?.handleSaturated();
        break;
      case "drained":
        this.#receiver?.handleDrained(nowMs);
        break;
      case "finished":
        this.#receiver?.handleFinished(nowMs);
        this.#out.tell({ kind: "completed", lastAckMissing: false });
        this.#state = "dallying";
        this.#dally.begin(nowMs, this.#config, this.#timeoutMs);
        break;
      case "failed":
        this.#out.send(encodeError(reply.errorCode, reply.message));
        this.#fail({ kind: "storage", cause: reply.cause });
        break;
    }
  }

  /** Server: the same request came again before the client answered; it gets the first answer again. */
  handleRepeatedRequest(nowMs: number): void {
    if (this.#proven || this.#state === "offered" || this.#state === "ended") return;
    if (this.#state === "moving") this.#repeatMoving(nowMs);
    else this.#opening?.repeat(nowMs);
  }

  /** Ends the transfer from this side: one ERROR to the peer, then nothing more. */
  abort(errorCode: number, message: string): void {
    if (this.#state === "ended" || this.#state === "dallying") return;
    this.#out.send(encodeError(errorCode, message));
    this.#fail({ kind: "aborted", message });
  }

  /**
   * The network refused something. A peer that is gone has a moment to show that it is not; a network that is away does
   * not end a transfer once the peer was there: its return is waited for like that of a lost packet.
   */
  handleNetworkError(cause: Error, peerIsGone: boolean, nowMs: number): void {
    if (this.#state === "ended" || this.#state === "offered") return;
    // A client that has the whole file may leave before its last ACK arrives.
    if (peerIsGone && this.#state === "dallying") this.#end();
    else if (peerIsGone && this.awaitsLastAck) this.#complete(true);
    else if (peerIsGone) {
      this.#signs ??= new PeerSigns();
      this.#signs.noteGone(cause, nowMs);
    } else if (!this.#proven) this.#fail({ kind: "network", cause });
  }

  pollTransmit(): Transmit | undefined {
    return this.#out.pollTransmit();
  }

  pollStorage(): StorageCommand | undefined {
    return this.#out.pollStorage();
  }

  pollEvent(): TransferEvent | undefined {
    return this.#out.pollEvent();
  }

  /** Absolute time of the next `handleTimeout`, `Infinity` for none. */
  pollTimeout(): number {
    if (this.#state === "dallying") return Math.min(this.#dally.endMs, this.#dally.againAtMs);
    if (this.#state === "ended") return Number.POSITIVE_INFINITY;
    const dueAtMs = this.#sender?.dueAtMs ?? this.#receiver?.gapAtMs ?? Number.POSITIVE_INFINITY;
    const deadlineMs = Math.min(this.#timer.deadlineMs, dueAtMs);
    return this.#signs === null ? deadlineMs : Math.min(deadlineMs, this.#signs.goneAtMs);
  }

  #handleFirstAnswer(packet: Packet, nowMs: number): void {
    const { method, options, putBytes, mode } = this.#config as ClientTransferConfig;
    const answer = readFirstAnswer(method, options, putBytes, packet);
    if (answer.kind === "suspect") {
      this.#suspect(answer.name, answer.detail);
      return;
    }
    this.#prove(nowMs);
    this.#out.tell({ kind: "answered" });
    if (answer.kind === "refuse") {
      this.#violate(answer.name, answer.detail);
      return;
    }
    const { parameters, sizeBytes, userExtensions } = answer.accepted;
    this.#parameters = parameters;
    if (parameters.timeoutMs !== null) {
      this.#timeoutMs = parameters.timeoutMs;
      this.#timer.setTimeoutMs(parameters.timeoutMs);
    }
    // Some servers echo tsize 0 when they don't know the size.
    if (mode === "octet" && sizeBytes !== null && sizeBytes > 0) this.#expectedBytes = sizeBytes;
    this.#out.tell({ kind: "negotiated", oack: answer.oack, parameters, sizeBytes, userExtensions });
    this.#openDataPhase(nowMs);
    this.#state = "moving";
    this.#sender?.start(nowMs);
    if (answer.oack) this.#receiver?.start(nowMs);
    else if (packet.kind === "data") this.#receiveData(packet.wireBlock, packet.payload, nowMs);
  }

  #handleGreetingAnswer(packet: Packet, nowMs: number): void {
    if (this.#receiver !== null && packet.kind === "data") {
      this.#prove(nowMs);
      this.#state = "moving";
      if ((this.#opening as Opening).makesDoubtful(packet.payload.length)) {
        this.#violate("ESIZE", `${packet.payload.length} bytes, perhaps without knowing our OACK`);
        return;
      }
      this.#receiver.startAfterOack(nowMs);
      this.#receiveData(packet.wireBlock, packet.payload, nowMs);
    } else if (this.#sender !== null && packet.kind === "ack") {
      if (packet.wireBlock !== 0) {
        this.#suspect("EBADMSG", `ACK ${packet.wireBlock} for an OACK`);
        return;
      }
      this.#prove(nowMs);
      this.#state = "moving";
      this.#sender.start(nowMs);
    } else {
      this.#suspect("EBADOP", `${packet.kind.toUpperCase()} after an OACK`);
    }
  }

  #handleMoving(packet: Packet, nowMs: number, isAcknowledged: boolean): void {
    if (packet.kind === "data" && this.#receiver !== null) {
      this.#receiveData(packet.wireBlock, packet.payload, nowMs, isAcknowledged);
    } else if (packet.kind === "ack" && this.#sender !== null) {
      if (this.#sender.handleAck(packet.wireBlock, nowMs)) {
        this.#proven = true;
        this.#signs = null;
      }
      if (this.#sender.done) this.#complete(false);
    } else if (packet.kind === "oack" && this.#config.role === "client") {
      // Our ACK 0 was lost, or the OACK was doubled: the answer is ACK 0 again, as long as nothing else came.
      if (this.#receiver?.hasProgressed === false) this.#receiver.start(nowMs);
      this.#out.counters.duplicatesReceived++;
    } else {
      this.#suspect("EBADOP", `${packet.kind.toUpperCase()} in the data phase`);
    }
  }

  #receiveData(wireBlock: number, payload: Uint8Array, nowMs: number, isAcknowledged = false): void {
    const receiver = this.#receiver as Receiver;
    const { blocksReceived } = this.#out.counters;
    if (wireBlock === 1 && !receiver.lastDelivered && this.#opening?.contradicts(payload, blocksReceived)) {
      this.#violate("ESIZE", "another DATA 1 than before, so that a block is missing");
      return;
    }
    if (!receiver.handleData(wireBlock, payload, nowMs, isAcknowledged)) {
      this.#violate("EBADMSG", `DATA ${wireBlock} with ${payload.length} bytes`);
      return;
    }
    if (receiver.hasProgressed) {
      this.#proven = true;
      this.#signs = null;
    }
    if (this.#state === "dallying") {
      this.#dally.renew(nowMs);
      return;
    }
    const fault = sizeFault(this.#expectedBytes, this.#out.counters.transferredBytes, receiver.lastDelivered);
    if (fault !== null) this.#violate("ESIZE", fault);
  }

  #handleError(packet: ErrorPacket): void {
    if (this.#state === "dallying") {
      this.#dally.noteGone();
      return;
    }
    if (this.#state === "requesting") this.#out.tell({ kind: "answered" });
    const { errorCode, message } = packet;
    this.#fail({ kind: "peer-error", errorCode, message, beforeData: !this.hasMovedData });
  }

  #openDataPhase(nowMs: number): void {
    if (!sendsData(this.#config)) {
      this.#receiver = new Receiver(this.parameters, this.#timer, this.#out, isCurlUpload(this.#config));
      return;
    }
    this.#sender = new Sender(this.parameters, this.#timer, this.#out);
    if (this.#available !== null) {
      this.#sender.handleAvailable(this.#available.availableBytes, this.#available.ended, nowMs);
    }
  }

  #open(plan: OpeningPlan, nowMs: number): void {
    this.#opening = new Opening(plan, this.#timer, this.#out);
    this.#opening.send(nowMs);
  }

  #stay(nowMs: number): void {
    if (nowMs >= this.#dally.endMs) {
      this.#end();
    } else if (nowMs >= this.#dally.againAtMs) {
      this.#dally.noteAgain(nowMs);
      this.#receiver?.repeatLastAck();
    }
  }

  #repeatMoving(nowMs: number): void {
    this.#sender?.handleTimeout(nowMs);
    this.#receiver?.handleTimeout(nowMs);
  }

  #prove(nowMs: number): void {
    this.#proven = true;
    this.#signs = null;
    this.#timer.progress((this.#opening as Opening).sampleMs(nowMs), true);
  }

  #suspect(name: ViolationName, detail: string, isError = false): void {
    this.#out.counters.junkReceived++;
    this.#signs ??= new PeerSigns();
    this.#signs.suspect(name, detail, isError);
  }

  #violate(name: ViolationName, detail: string): void {
    const { errorCode, message } = violationOnWire(name);
    // An ACK of what won't be stored must not leave before.
    this.#out.clearTransmits();
    this.#out.send(encodeError(errorCode, message));
    this.#fail({ kind: "violation", name, detail });
  }

  #giveUp(): void {
    const suspicion = this.#signs?.suspicion;
    if (suspicion?.isError) {
      this.#fail({ kind: "violation", name: suspicion.name, detail: suspicion.detail });
    } else if (suspicion) {
      this.#violate(suspicion.name, suspicion.detail);
    } else if (this.awaitsLastAck) {
      this.#complete(true);
    } else {
      this.#fail({ kind: "timeout" });
    }
  }

  #complete(lastAckMissing: boolean): void {
    this.#out.tell({ kind: "completed", lastAckMissing });
    this.#end();
  }

  #fail(fault: Fault): void {
    // The store is dropped by the driver: commands that were not drained yet are void.
    this.#out.clearStorage();
    this.#out.tell({ kind: "failed", fault });
    this.#end();
  }

  #end(): void {
    this.#state = "ended";
    this.#timer.disarm();
    this.#out.tell({ kind: "ended" });
  }
}
