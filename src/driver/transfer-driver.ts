import {
  ErrorCode,
  encodeError,
  type Fault,
  HEADER_BYTES,
  type OfferCompletion,
  Opcode,
  type StorageCommand,
  type Transfer,
  type TransferCounters,
  type TransferEvent,
} from "../engine/index.js";
import type { Clock } from "../io/clock.js";
import type { DatagramSocket, Peer, SocketHandlers } from "../io/socket.js";
import type { BlockSink, BlockSource, StorageFailure } from "../io/storage.js";
import { sendBlocks } from "./block-runs.js";
import { storageReplyFor } from "./storage-failures.js";
import type { Timer, TimerQueue } from "./timer-queue.js";

/** ERROR 5 answers one transfer gives to strangers; behind it a flood would make us the attacker's echo. */
const STRANGER_ANSWERS_MAX = 64;

/** The event of the engine that says what a client and its server agreed on. */
export type Negotiated = Extract<TransferEvent, { kind: "negotiated" }>;

/** What a driver tells its owner. Called from inside the loop; calls back into the driver are fine. */
export interface TransferHandlers {
  /** Client: the first valid answer came from this TID. */
  onAnswered?(peer: Peer): void;
  /** Client: parameters are settled, no data has moved. */
  onNegotiated?(negotiated: Negotiated): void;
  onCompleted(lastAckMissing: boolean): void;
  onFailed(fault: Fault): void;
  /** The socket is closed, nothing follows. */
  onEnded(): void;
}

export interface TransferDriverOptions {
  readonly transfer: Transfer;
  readonly clock: Clock;
  readonly timers: TimerQueue;
  /** The peer's address; for a client's first request, the port is the server's request port. */
  readonly peer: Peer;
  /** Client: the peer's TID is not known yet; the first valid answer from the address settles it. */
  readonly tidIsOpen: boolean;
  readonly handlers: TransferHandlers;
}

/**
 * The loop of one transfer, the same in client, server, worker and simulator: one input into the engine, then
 * everything out of it (store, network, events), then the timer. It joins block ranges with file bytes, keeps
 * strangers out, and owns the transfer's socket and store.
 */
export class TransferDriver implements SocketHandlers {
  readonly #transfer: Transfer;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #handlers: TransferHandlers;
  #peer: Peer;
  #tidIsOpen: boolean;
  #socket: DatagramSocket | null = null;
  #source: BlockSource | null = null;
  #sink: BlockSink | null = null;
  #wantedBytes = 0;
  #toldBytes = -1;
  #toldEnded = false;
  #strangerAnswers = 0;
  #lastHeardMs: number;
  #draining = false;
  #closed = false;
  /** Inputs that came while effects were being carried out, and run afterwards, in order; null while there are none. */
  #inputs: Input[] | null = null;

  constructor(options: TransferDriverOptions) {
    this.#transfer = options.transfer;
    this.#clock = options.clock;
    this.#handlers = options.handlers;
    this.#peer = options.peer;
    this.#tidIsOpen = options.tidIsOpen;
    this.#lastHeardMs = options.clock.nowMs();
    this.#timer = options.timers.createTimer((nowMs) =>
      this.#input(() => this.#transfer.handleTimeout(nowMs)),
    );
  }

  get counters(): Readonly<TransferCounters> {
    return this.#transfer.counters;
  }

  get peer(): Peer {
    return this.#peer;
  }

  /** When the peer's last datagram came; the time of creation before the first. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** The bound socket, once there is one. */
  get socket(): DatagramSocket | null {
    return this.#socket;
  }

  /** Takes the bound socket; everything the engine says goes through it. Comes before `start` and `accept`. */
  bind(socket: DatagramSocket): void {
    this.#socket = socket;
    socket.setPeer(this.#peer);
  }

  /** Sender: where the bytes come from. May come later than `start`, not than `accept`. */
  setSource(source: BlockSource): void {
    this.#source = source;
    source.attach({
      onAvailable: () => this.#input(() => undefined),
      onFailure: (failure) => this.#storeFailed(failure),
    });
    if (this.#wantedBytes > 0) source.want(this.#wantedBytes);
  }

  /** Receiver: where the bytes go. */
  setSink(sink: BlockSink): void {
    this.#sink = sink;
    sink.attach({
      onDrained: () => this.#input((nowMs) => this.#transfer.handleStorage({ kind: "drained" }, nowMs)),
      onFinished: () => this.#input((nowMs) => this.#transfer.handleStorage({ kind: "finished" }, nowMs)),
      onFailure: (failure) => this.#storeFailed(failure),
    });
  }

  /** Client: sends the request. */
  start(): void {
    this.#input((nowMs) => this.#transfer.start(nowMs));
  }

  /** Server: answers the request. */
  accept(completion: OfferCompletion): void {
    this.#input((nowMs) => this.#transfer.accept(completion, nowMs));
  }

  /** Server: the client repeated its request. */
  handleRepeatedRequest(): void {
    this.#input((nowMs) => this.#transfer.handleRepeatedRequest(nowMs));
  }

  /** Ends the transfer with an ERROR to the peer. */
  abort(errorCode: number, message: string): void {
    this.#input(() => this.#transfer.abort(errorCode, message));
  }

  /** Ends everything at once and in silence: no packet, no further handler. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer.cancel();
    this.#socket?.close();
    this.#dropStore();
    this.#inputs = null;
  }

  onDatagram(bytes: Uint8Array, peer: Peer, _localAddress?: string, isAnswered = false): void {
    if (this.#closed) return;
    if (peer !== this.#peer && !this.#isPeer(peer)) {
      this.#answerStranger(bytes, peer);
    } else {
      this.#hear(bytes, peer, isAnswered);
    }
  }

  onError(error: Error): void {
    this.#input((nowMs) => this.#transfer.handleNetworkError(error, isPeerGone(error), nowMs));
  }

  #hear(bytes: Uint8Array, peer: Peer, isAcknowledged: boolean): void {
    if (this.#draining) {
      // Borrowed: it will be another datagram by then.
      const copy = Uint8Array.from(bytes);
      this.#input((nowMs) => this.#takeDatagram(copy, peer, nowMs, isAcknowledged));
      return;
    }
    // The hot path: no closure, no queue.
    this.#draining = true;
    try {
      this.#takeDatagram(bytes, peer, this.#clock.nowMs(), isAcknowledged);
      this.#drain();
      if (this.#inputs !== null) this.#runInputs();
    } finally {
      this.#draining = false;
    }
    this.#setTimer();
  }

  #input(act: Input): void {
    if (this.#closed) return;
    this.#inputs ??= [];
    this.#inputs.push(act);
    if (this.#draining) return;
    this.#draining = true;
    try {
      this.#runInputs();
    } finally {
      // A listener of the application may throw; that must not leave the transfer deaf.
      this.#draining = false;
    }
    this.#setTimer();
  }

  #runInputs(): void {
    for (let act = this.#inputs?.shift(); act !== undefined; act = this.#inputs?.shift()) {
      act(this.#clock.nowMs());
      this.#drain();
    }
    this.#inputs = null;
  }

  #setTimer(): void {
    if (!this.#closed) this.#timer.set(this.#transfer.pollTimeout());
  }

  /**
   * News that precede data come first (the owner attaches its store on them), then store and network, and what
   * ends the transfer last: by then the final ACK or the ERROR is on its way, whatever the owner does.
   */
  #drain(): void {
    const transfer = this.#transfer;
    let lateEvents: TransferEvent[] | null = null;
    for (let event = transfer.pollEvent(); event; event = transfer.pollEvent()) {
      if (event.kind === "answered" || event.kind === "negotiated") this.#announce(event);
      else {
        lateEvents ??= [];
        lateEvents.push(event);
      }
    }
    do {
      for (let command = transfer.pollStorage(); command; command = transfer.pollStorage()) {
        this.#carryOut(command);
      }
    } while (this.#tellAvailable());
    this.#transmit();
    for (const event of lateEvents ?? NO_EVENTS) {
      if (!this.#closed) this.#announce(event);
    }
  }

  #carryOut(command: StorageCommand): void {
    switch (command.kind) {
      case "want":
        this.#wantedBytes = Math.max(this.#wantedBytes, command.uptoBytes);
        this.#source?.want(this.#wantedBytes);
        break;
      case "release":
        this.#source?.release(command.uptoBytes);
        break;
      case "write":
        if (this.#sink?.write(command.bytes) === false) {
          this.#transfer.handleStorage({ kind: "saturated" }, this.#clock.nowMs());
        }
        break;
      case "finish":
        this.#sink?.finish();
        break;
    }
  }

  /** Passes on what the source has now; true when that was news, so that its effects are drained too. */
  #tellAvailable(): boolean {
    const source = this.#source;
    if (source === null || this.#transfer.ended) return false;
    const { availableBytes, ended } = source;
    if (availableBytes === this.#toldBytes && ended === this.#toldEnded) return false;
    this.#toldBytes = availableBytes;
    this.#toldEnded = ended;
    this.#transfer.handleStorage({ kind: "available", availableBytes, ended }, this.#clock.nowMs());
    return true;
  }

  #transmit(): void {
    const transfer = this.#transfer;
    const socket = this.#socket;
    let hasSentDatagram = false;
    for (let transmit = transfer.pollTransmit(); transmit; transmit = transfer.pollTransmit()) {
      if (socket === null) continue;
      if (transmit.kind === "datagram") {
        socket.sendDatagram(transmit.bytes, this.#peer);
        hasSentDatagram = true;
      } else if (this.#source !== null) {
        sendBlocks(socket, this.#source, transfer.parameters, transmit.firstBlock, transmit.count);
      }
    }
    if (hasSentDatagram && socket !== null) this.#allowAcksAhead(socket);
  }

  /** What an ACK asks for is often enough all that comes: the socket may go on by itself for a while. */
  #allowAcksAhead(socket: DatagramSocket): void {
    if (socket.answerAhead === undefined) return;
    const ahead = this.#transfer.acksAhead;
    if (ahead === null) return;
    const datagramBytes = HEADER_BYTES + this.#transfer.parameters.blockSize;
    const { firstNumber, count } = ahead;
    socket.answerAhead({
      opcode: Opcode.data,
      firstNumber,
      count,
      datagramBytes,
      answerOpcode: Opcode.ack,
    });
  }

  #announce(event: TransferEvent): void {
    switch (event.kind) {
      case "answered":
        this.#handlers.onAnswered?.(this.#peer);
        break;
      case "negotiated":
        this.#handlers.onNegotiated?.(event);
        break;
      case "completed":
        // A finished sink keeps its file: nothing is left to discard.
        this.#sink = null;
        this.#dropStore();
        // Dallying is a courtesy: it does not keep a process alive that has nothing else to do.
        this.#socket?.setReferenced(false);
        this.#handlers.onCompleted(event.lastAckMissing);
        break;
      case "failed":
        this.#dropStore();
        this.#handlers.onFailed(event.fault);
        break;
      case "ended":
        this.close();
        this.#handlers.onEnded();
        break;
    }
  }

  #dropStore(): void {
    this.#source?.close();
    this.#source = null;
    this.#sink?.discard();
    this.#sink = null;
  }

  #storeFailed(failure: StorageFailure): void {
    this.#input((nowMs) => this.#transfer.handleStorage(storageReplyFor(failure), nowMs));
  }

  #isPeer(peer: Peer): boolean {
    return peer.address === this.#peer.address && (this.#tidIsOpen || peer.port === this.#peer.port);
  }

  #takeDatagram(bytes: Uint8Array, peer: Peer, nowMs: number, isAcknowledged: boolean): void {
    this.#lastHeardMs = nowMs;
    if (!this.#tidIsOpen) {
      this.#transfer.handleDatagram(bytes, nowMs, isAcknowledged);
      return;
    }
    const requestPeer = this.#peer;
    this.#peer = { address: peer.address, port: peer.port };
    this.#transfer.handleDatagram(bytes, nowMs);
    if (this.#transfer.proven || this.#transfer.ended) {
      this.#tidIsOpen = false;
      this.#socket?.setPeer(this.#peer);
    } else this.#peer = requestPeer;
  }

  /** RFC 1350 §4: ERROR 5 to the stranger, the transfer goes on. An ERROR is never answered. */
  #answerStranger(bytes: Uint8Array, peer: Peer): void {
    const isError = bytes.length >= 2 && bytes[0] === 0 && bytes[1] === Opcode.error;
    if (isError || this.#strangerAnswers >= STRANGER_ANSWERS_MAX) return;
    this.#strangerAnswers++;
    const answer = encodeError(ErrorCode.unknownTid, "Unknown transfer ID");
    this.#socket?.sendDatagram(answer, peer);
  }
}

/** Something that happened to a transfer, told to its engine. */
type Input = (nowMs: number) => void;

const NO_EVENTS: readonly TransferEvent[] = [];

/** The kernel heard from the peer's machine that nobody listens at its port any more. */
function isPeerGone(error: Error): boolean {
  return (error as { code?: unknown }).code === "ECONNREFUSED";
}
