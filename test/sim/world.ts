import { formatEndpoint } from "../../src/io/address.js";
import type { Clock } from "../../src/io/clock.js";
import { systemError } from "../../src/io/port-choice.js";
import type { AnswersAhead, DatagramRun, DatagramSocket, Peer, SocketHandlers } from "../../src/io/socket.js";
import { TableFlow } from "../../src/io/socket-flow.js";
import { viewOf } from "../../src/io/storage.js";
import type { Random } from "./random.js";

/** What a network does to datagrams; each figure is a probability or a range of milliseconds. */
export interface NetworkFaults {
  readonly loss: number;
  readonly duplicate: number;
  readonly delayMs: number;
  /** Extra delay of up to this much for each datagram: the cause of reordering. */
  readonly jitterMs: number;
  /** A link that is away: everything is lost from the first to the second moment. */
  readonly awayMs?: readonly [number, number];
}

/** Sees every datagram that is sent and every one that arrives. */
export interface WireObserver {
  sent(from: Peer, to: Peer, bytes: Uint8Array, nowMs: number): void;
  /** By chance, or because the link is away. */
  lost(from: Peer, to: Peer, bytes: Uint8Array): void;
  /** Called before the receiver acts on it; the returned function is called after it has. */
  arriving(from: Peer, to: Peer, bytes: Uint8Array, nowMs: number): () => void;
}

/** What can happen to one datagram. `late`: it arrives behind whatever is sent within the next moments. */
export type Fate = "drop" | "duplicate" | "late";

const LATE_MS = 40;

/** What a UDP datagram over IPv4 can carry. */
const DATAGRAM_BYTES_MAX = 65_507;

interface PlannedEvent {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/**
 * A world of one thread: virtual time that jumps from event to event, and a network between simulated sockets.
 * Everything that happens follows from the seed of its {@link Random}.
 */
export class World {
  nowMs = 0;
  /** Something asynchronous was begun: promises have to settle before the next event. */
  unsettled = false;
  faults: NetworkFaults;
  readonly random: Random;
  /** Decides over single datagrams, by their place in the order of sending; null leaves it to chance. */
  fateOf: ((index: number) => Fate | null) | null = null;
  sentCount = 0;
  readonly #observer: WireObserver;
  readonly #events: PlannedEvent[] = [];
  readonly #sockets = new Map<string, SimSocket>();
  #order = 0;
  #nextPort = 40_000;
  /** Order-sensitive digest of everything that happened. */
  traceHash = 0x811c9dc5;

  constructor(random: Random, faults: NetworkFaults, observer: WireObserver) {
    this.random = random;
    this.faults = faults;
    this.#observer = observer;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  after(delayMs: number, act: () => void): void {
    this.#plan(this.nowMs + delayMs, act);
  }

  #plan(atMs: number, act: () => void): void {
    const event = { atMs, order: this.#order++, act };
    // A binary search keeps the queue sorted, latest first.
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle] as PlannedEvent;
      if (other.atMs > event.atMs || (other.atMs === event.atMs && other.order > event.order))
        low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }

  /** Runs until nothing is left to happen, or virtual time runs out. */
  run(untilMs: number): void {
    while (this.step(untilMs));
  }

  /** Lets one thing happen; false when nothing is left, or virtual time runs out. */
  step(untilMs: number): boolean {
    const event = this.#events.pop();
    if (event === undefined || event.atMs > untilMs) return false;
    this.nowMs = event.atMs;
    event.act();
    return true;
  }

  /** A clock for one host. */
  createClock(): Clock {
    let version = 0;
    return {
      nowMs: () => this.nowMs,
      wakeAt: (atMs, wake) => {
        const mine = ++version;
        if (atMs === Number.POSITIVE_INFINITY) return;
        // At that very moment: now plus the difference may round to a little earlier, again and again.
        this.#plan(Math.max(this.nowMs, atMs), () => {
          if (mine === version) wake();
        });
      },
    };
  }

  /** Binds a socket; port 0 takes the next free one. Throws the system's EADDRINUSE for a taken one. */
  open(address: string, port: number, handlers: SocketHandlers): SimSocket {
    const localPort = port || this.#nextPort++;
    const key = keyOf({ address, port: localPort });
    if (this.#sockets.has(key))
      throw systemError({ code: "EADDRINUSE", syscall: "bind" }, address, localPort);
    const socket = new SimSocket(this, address, localPort, handlers);
    this.#sockets.set(key, socket);
    return socket;
  }

  /** For {@link SimSocket} alone. */
  forget(socket: SimSocket): void {
    this.#sockets.delete(keyOf({ address: socket.localAddress, port: socket.localPort }));
  }

  /** Puts a datagram on the wire. */
  transmit(from: Peer, to: Peer, bytes: Uint8Array): void {
    this.#note(bytes, to.port);
    this.#observer.sent(from, to, bytes, this.nowMs);
    const fate = this.fateOf?.(this.sentCount++) ?? null;
    if (fate !== null) {
      if (fate === "drop") return;
      if (fate === "duplicate") this.#deliverLater(from, to, bytes);
      this.#deliverLater(from, to, bytes, fate === "late" ? LATE_MS : 0);
      return;
    }
    const { awayMs, loss } = this.faults;
    const isAway = awayMs !== undefined && this.nowMs >= awayMs[0] && this.nowMs < awayMs[1];
    if (this.random.chance(loss) || isAway) {
      this.#observer.lost(from, to, bytes);
      return;
    }
    this.#deliverLater(from, to, bytes);
    if (this.random.chance(this.faults.duplicate)) this.#deliverLater(from, to, bytes);
  }

  #deliverLater(from: Peer, to: Peer, bytes: Uint8Array, extraMs = 0): void {
    const { delayMs, jitterMs } = this.faults;
    this.after(extraMs + delayMs + this.random.fraction() * jitterMs, () => {
      const socket = this.#sockets.get(keyOf(to));
      if (socket === undefined) return;
      const arrived = this.#observer.arriving(from, to, bytes, this.nowMs);
      const borrowed = new Uint8Array(bytes);
      socket.deliver(borrowed, from);
      // A receive buffer is used again: whoever kept a view of it finds garbage.
      borrowed.fill(0xee);
      arrived();
    });
  }

  #note(bytes: Uint8Array, port: number): void {
    let hash = this.traceHash ^ port ^ bytes.length ^ Math.floor(this.nowMs * 1000);
    for (let i = 0; i < Math.min(bytes.length, 8); i++)
      hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    this.traceHash = Math.imul(hash, 0x01000193) >>> 0;
  }
}

/** A socket of the simulated network. */
export class SimSocket implements DatagramSocket {
  readonly localAddress: string;
  readonly localPort: number;
  /** By the endpoint of their peers. */
  readonly flows = new Map<string, TableFlow>();
  onClose: () => void = () => undefined;
  readonly #world: World;
  readonly #handlers: SocketHandlers;
  peer: Peer = { address: "", port: 0 };
  /** Where its thread sleeps, see the Sleeper. */
  answerAhead?: (ahead: AnswersAhead) => void;
  #closed = false;

  constructor(world: World, address: string, port: number, handlers: SocketHandlers) {
    this.#world = world;
    this.localAddress = address;
    this.localPort = port;
    this.#handlers = handlers;
  }

  setPeer(peer: Peer): void {
    this.peer = peer;
  }

  sendRun(run: DatagramRun): void {
    this.sendRunTo(run, this.peer);
  }

  sendRunTo({ opcode, firstNumber, count, payloadBytesEach, payload }: DatagramRun, peer: Peer): void {
    // The numbers of a run count up within 16 bits: what comes behind 65535 is for its sender to say.
    if (firstNumber + count - 1 > 65_535) throw new Error(`a run of ${count} from number ${firstNumber} on`);
    const bytes = viewOf(payload);
    for (let i = 0; i < count; i++) {
      const start = i * payloadBytesEach;
      const end = i === count - 1 ? bytes.length : start + payloadBytesEach;
      const number = firstNumber + i;
      const datagram = new Uint8Array(4 + end - start);
      datagram.set([opcode >> 8, opcode & 0xff, number >> 8, number & 0xff]);
      datagram.set(bytes.subarray(start, end), 4);
      this.sendDatagram(datagram, peer);
    }
  }

  sendDatagram(bytes: Uint8Array, peer: Peer): void {
    if (this.#closed) return;
    if (bytes.length <= DATAGRAM_BYTES_MAX) {
      this.#world.transmit({ address: this.localAddress, port: this.localPort }, peer, bytes);
      return;
    }
    const error = systemError({ code: "EMSGSIZE", syscall: "send" }, peer.address, peer.port);
    this.#world.after(0, () => {
      if (!this.#closed) this.#handlers.onError(error);
    });
  }

  deliver(bytes: Uint8Array, from: Peer): void {
    if (this.#closed) return;
    const flow = this.flows.get(keyOf(from));
    if (flow !== undefined) {
      flow.handlers.onDatagram(bytes, flow.peer, this.localAddress);
      return;
    }
    const known = this.peer;
    const peer = known.address === from.address && known.port === from.port ? known : from;
    this.#handlers.onDatagram(bytes, peer, this.localAddress);
  }

  openFlow(peer: Peer, handlers: SocketHandlers): DatagramSocket {
    return new TableFlow(this, peer, handlers);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#world.forget(this);
    this.onClose();
  }

  setReferenced(): void {}
}

function keyOf({ address, port }: Peer): string {
  return formatEndpoint(address, port);
}
