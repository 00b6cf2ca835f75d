import { decode, type Packet } from "../../src/engine/index.js";
import type { Peer } from "../../src/io/socket.js";
import type { WireObserver } from "./world.js";

/** Transmissions that a client gets before it has answered, whatever it asked (SECURITY.md). */
const UNPROVEN_TRANSMISSIONS_MAX = 3;

/** An ERROR to somebody who has no business with a socket is no larger. */
const STRAY_ANSWER_BYTES_MAX = 128;

/** Where an ERROR ends nothing. */
const REQUEST_PORT = 69;

/** What the invariants have to know about the run they watch. */
export interface Watched {
  /** Addresses whose packets come from our code; everybody else may send what he likes. */
  readonly ours: ReadonlySet<string>;
  readonly serverAddress: string;
  /** What has to go from one end to the other, or null where nobody promised anything. */
  contentOf(sender: Peer, receiver: Peer): Uint8Array | null;
  /** Whether a receiver of ours has stored the whole file. */
  isStored?(receiver: Peer): boolean;
}

/** What is left when a run is over. */
export interface Remains {
  readonly sockets: number;
  readonly timers: number;
  readonly transfers: number;
  readonly queuedRequests: number;
  readonly openFiles: number;
  readonly temporaryFiles: number;
}

/** One pair of endpoints, seen from the wire. */
interface Flow {
  windowSize: number;
  blockSize: number;
  /** Highest block that the sender of DATA has heard an ACK of; -1 before the first ACK 0. */
  heardAck: number;
  highestSent: number;
  /** Set while the sender of DATA handles an ACK that told it nothing new. */
  handlesDuplicate: boolean;
  oacksSent: number;
  /** What the server has sent on this flow before its client answered on it. */
  unprovenSent: number;
  proven: boolean;
  /** Ours that got an ERROR from the other, if any. */
  toldError: string | null;
  /** The last block has arrived: what it is answered with may be repeated. */
  lastArrived: boolean;
}

/**
 * Every rule that must hold in a simulated run, in one place. Most are told from the wire alone, without timers
 * and independent of the engine (only the packet reader is shared); they raise an error the moment they are broken:
 *
 * - DATA carries exactly the bytes of the file at its place, and is never longer than agreed;
 * - never more than the window in flight;
 * - in lock-step, never DATA for a duplicate ACK (RFC 1123 §4.2.3.1);
 * - no packet answers an ERROR, and whoever got one is done with that peer (but for a last ACK);
 * - an OACK grants nothing that was not asked, and nothing more than asked;
 * - nothing goes to who never sent anything; an unproven client gets {@link UNPROVEN_TRANSMISSIONS_MAX} packets, and
 *   one for each repetition of its request;
 * - an upload of curl's gets no OACK that it did not ask for: it would leave a block out;
 * - the last ACK leaves when the file is stored, not before;
 * - every packet of ours is well-formed.
 *
 * At the end: {@link checkDelivered} and {@link checkNothingLeft}.
 */
export class Invariants implements WireObserver {
  readonly #watched: Watched;
  readonly #flows = new Map<string, Flow>();
  /** Requests by the endpoint that sent them: how many, and the options of the newest. */
  readonly #requests = new Map<
    string,
    { count: number; options: Map<string, string>; isCurlUpload: boolean }
  >();
  /** Requests by who sent them, without the network's copies. */
  readonly #asked = new Map<string, number>();
  readonly #heardFrom = new Set<string>();
  readonly #heardMs = new Map<string, number>();
  /** The endpoint of ours that handles an ERROR at this moment, and who sent that. */
  #handlesError: { readonly at: string; readonly from: string } | null = null;
  dataSent = 0;
  errorsSent = 0;
  /** The last block that left. */
  highestBlock = 0;
  /** Codes of the ERRORs that ours sent. */
  readonly errorCodes = new Set<number>();
  /** A DATA or an ACK got lost whose number is 65535, or the 0 behind it. */
  lostAtRollover = false;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  /** When an address last got anything from one of ours; 0 before. */
  heardMs(address: string): number {
    return this.#heardMs.get(address) ?? 0;
  }

  sent(from: Peer, to: Peer, bytes: Uint8Array): void {
    const packet = decode(bytes);
    if (!this.#watched.ours.has(from.address)) {
      this.#heardFrom.add(keyOf(from));
      if (packet.kind === "request") this.#asked.set(keyOf(from), (this.#asked.get(keyOf(from)) ?? 0) + 1);
      return;
    }
    const flow = this.#flow(from, to);
    if (packet.kind === "malformed") throw new Error(`${keyOf(from)} sent nonsense: ${packet.reason}`);
    if (packet.kind === "error" && this.#watched.ours.has(to.address)) this.errorsSent++;
    if (packet.kind === "error") this.errorCodes.add(packet.errorCode);
    this.#checkSilence(from, to, packet, bytes.length);
    if (flow.toldError === keyOf(from) && !flow.lastArrived)
      throw new Error(`${keyOf(from)} was told an ERROR, and goes on with ${packet.kind}`);
    this.#checkUnproven(from, to, packet, flow);
    if (packet.kind === "oack") this.#checkOack(flow, to, packet.options);
    if (packet.kind === "ack") this.#checkAck(flow, from, to, packet.wireBlock);
    if (packet.kind === "data") this.#checkData(flow, from, to, packet.wireBlock, packet.payload);
  }

  lost(_from: Peer, _to: Peer, bytes: Uint8Array): void {
    const packet = decode(bytes);
    if (packet.kind !== "data" && packet.kind !== "ack") return;
    const { wireBlock } = packet;
    if (wireBlock === 65_535 || (wireBlock === 0 && this.highestBlock > 65_535)) this.lostAtRollover = true;
  }

  arriving(from: Peer, to: Peer, bytes: Uint8Array, nowMs: number): () => void {
    this.#heardFrom.add(keyOf(from));
    if (!this.#watched.ours.has(to.address)) return nothing;
    const packet = decode(bytes);
    if (packet.kind === "request") this.#noteRequest(from, packet);
    if (packet.kind === "error") {
      this.#handlesError = { at: keyOf(to), from: keyOf(from) };
      const ended = this.#flows.get(flowKey(from, to));
      if (ended !== undefined && to.port !== REQUEST_PORT) ended.toldError = keyOf(to);
      return () => {
        this.#handlesError = null;
      };
    }
    const known = this.#flows.get(flowKey(from, to));
    if (known === undefined || packet.kind === "malformed") return nothing;
    if (this.#watched.ours.has(from.address)) this.#heardMs.set(to.address, nowMs);
    if (to.address === this.#watched.serverAddress && isAnswer(packet)) known.proven = true;
    if (packet.kind === "data" && packet.payload.length < known.blockSize) known.lastArrived = true;
    if (packet.kind !== "ack") return nothing;
    const block = absolute(known, packet.wireBlock);
    known.handlesDuplicate = block <= known.heardAck;
    // An ACK of what has not been sent yet acknowledges nothing.
    if (block <= known.highestSent) known.heardAck = Math.max(known.heardAck, block);
    return () => {
      known.handlesDuplicate = false;
    };
  }

  #noteRequest(from: Peer, { method, options }: Extract<Packet, { kind: "request" }>): void {
    const count = (this.#requests.get(keyOf(from))?.count ?? 0) + 1;
    const asked = new Map<string, string>();
    for (const { name, value } of options) {
      if (!asked.has(name.toLowerCase())) asked.set(name.toLowerCase(), value);
    }
    const isCurlUpload = method === "PUT" && [...asked.keys()].join() === "tsize,blksize,timeout";
    this.#requests.set(keyOf(from), { count, options: asked, isCurlUpload });
  }

  #checkSilence(from: Peer, to: Peer, packet: Packet, length: number): void {
    const cause = this.#handlesError;
    if (cause !== null && cause.at === keyOf(from) && cause.from === keyOf(to)) {
      throw new Error(`an ERROR was answered with ${packet.kind}`);
    }
    const stray = packet.kind === "error" && from.address === this.#watched.serverAddress;
    if (stray && length > STRAY_ANSWER_BYTES_MAX) throw new Error(`an ERROR of ${length} bytes`);
  }

  #checkUnproven(from: Peer, to: Peer, packet: Packet, flow: Flow): void {
    if (from.address !== this.#watched.serverAddress) return;
    if (!this.#heardFrom.has(keyOf(to)) && !this.#requests.has(keyOf(to))) {
      throw new Error(`${packet.kind} to ${keyOf(to)}, who never sent anything`);
    }
    if (flow.proven || packet.kind === "error") return;
    flow.unprovenSent++;
    const repetitions = (this.#requests.get(keyOf(to))?.count ?? 1) - 1;
    // A window of DATA counts block by block, but is one transmission.
    const limit = (UNPROVEN_TRANSMISSIONS_MAX + repetitions) * (packet.kind === "data" ? flow.windowSize : 1);
    if (flow.unprovenSent > limit) {
      throw new Error(
        `${flow.unprovenSent} packets to a client that has not answered (${repetitions} repetitions)`,
      );
    }
  }

  #checkOack(
    flow: Flow,
    to: Peer,
    options: readonly { readonly name: string; readonly value: string }[],
  ): void {
    const request = this.#requests.get(keyOf(to));
    const asked = request?.options;
    flow.oacksSent++;
    const times = this.#asked.get(keyOf(to)) ?? 0;
    if (request?.isCurlUpload && flow.oacksSent > times)
      throw new Error(`${flow.oacksSent} OACKs for ${times} requests of curl's`);
    for (const { name, value } of options) {
      const wish = asked?.get(name);
      if (wish === undefined) throw new Error(`the OACK holds ${name}, which nobody asked for`);
      const limited = name === "blksize" || name === "windowsize";
      if (limited && !(Number(value) >= 1 && Number(value) <= Number(wish)))
        throw new Error(`the OACK grants ${name} ${value} for ${wish}`);
      if (name === "timeout" && value !== wish) throw new Error(`the OACK says timeout ${value} for ${wish}`);
      if (name === "windowsize") flow.windowSize = Number(value);
      if (name === "blksize") flow.blockSize = Number(value);
    }
    if (flow.windowSize * flow.blockSize > 1_048_576 && flow.windowSize > 1)
      throw new Error(`${flow.windowSize} blocks of ${flow.blockSize} bytes were granted`);
  }

  /** The last ACK means "stored". Of a wire number alone: the receiver's own counting is not trusted here. */
  #checkAck(flow: Flow, from: Peer, to: Peer, wireBlock: number): void {
    const { isStored, contentOf } = this.#watched;
    const content = isStored === undefined ? null : contentOf(to, from);
    if (content === null || !flow.lastArrived) return;
    const lastBlock = Math.floor(content.length / flow.blockSize) + 1;
    if (wireBlock === (lastBlock & 0xffff) && isStored?.(from) === false)
      throw new Error(`ACK ${wireBlock} left before the file was stored`);
  }

  #checkData(flow: Flow, from: Peer, to: Peer, wireBlock: number, payload: Uint8Array): void {
    this.dataSent++;
    if (flow.handlesDuplicate && flow.windowSize === 1) throw new Error("DATA was sent for a duplicate ACK");
    const block = absolute(flow, wireBlock);
    const acked = Math.max(0, flow.heardAck);
    if (block > acked + flow.windowSize)
      throw new Error(`DATA ${block} left with ACK ${acked} and a window of ${flow.windowSize}`);
    flow.highestSent = Math.max(flow.highestSent, block);
    this.highestBlock = Math.max(this.highestBlock, block);
    const content = this.#watched.contentOf(from, to);
    if (content === null) {
      throw new Error(`DATA from ${keyOf(from)} to ${keyOf(to)}, where no file was opened`);
    }
    const start = (block - 1) * flow.blockSize;
    const expected = content.subarray(start, start + flow.blockSize);
    if (payload.length !== expected.length)
      throw new Error(`DATA ${block} has ${payload.length} bytes instead of ${expected.length}`);
    const difference = firstDifference(payload, expected);
    if (difference >= 0) throw new Error(`DATA ${block} differs from the file at byte ${start + difference}`);
  }

  #flow(from: Peer, to: Peer): Flow {
    const key = flowKey(from, to);
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      flow = {
        windowSize: 1,
        blockSize: 512,
        heardAck: -1,
        highestSent: 0,
        handlesDuplicate: false,
        oacksSent: 0,
        unprovenSent: 0,
        proven: false,
        toldError: null,
        lastArrived: false,
      };
      this.#flows.set(key, flow);
    }
    return flow;
  }
}

/** What arrived is a beginning of what was sent, and all of it where success was reported. */
export function checkDelivered(who: string, arrived: Uint8Array, sent: Uint8Array, isSuccess: boolean): void {
  if (arrived.length > sent.length)
    throw new Error(`${who}: ${arrived.length} of ${sent.length} bytes arrived`);
  const difference = firstDifference(arrived, sent.subarray(0, arrived.length));
  if (difference >= 0) throw new Error(`${who}: byte ${difference} was delivered wrong`);
  if (isSuccess && arrived.length !== sent.length)
    throw new Error(`${who}: success was reported after ${arrived.length} of ${sent.length} bytes`);
}

/** What a transfer that begins is compared by. */
export interface Begun {
  readonly method: "GET" | "PUT";
  readonly fileKey: string;
  readonly request: { readonly peer: Peer; readonly localAddress: string };
}

/** One transfer for a TID of a client, and one upload into a file: whoever was there before has ended by now. */
export function checkAlone(begun: Begun, running: Iterable<Begun>): void {
  const { method, fileKey, request } = begun;
  for (const other of running) {
    if (keyOf(other.request.peer) === keyOf(request.peer))
      throw new Error(`a second transfer began for ${keyOf(request.peer)}`);
    if (method === "PUT" && other.method === "PUT" && other.fileKey === fileKey)
      throw new Error(`a second upload into ${fileKey} began`);
  }
}

/** Who has answered is never put out for somebody else, be it at a limit or because of a file. */
export function checkGaveWay(evicted: Begun & { readonly proven: boolean }): void {
  if (evicted.proven)
    throw new Error(`${keyOf(evicted.request.peer)} was at work on ${evicted.fileKey}, and was put out`);
}

/** Memory, sockets, timers and files return to zero (the request socket is not counted). */
export function checkNothingLeft(remains: Remains): void {
  for (const [what, count] of Object.entries(remains)) {
    if (count !== 0) throw new Error(`${count} ${what} were left when everything had ended`);
  }
}

/** The block nearest to the acknowledged one that has this number. */
function absolute(flow: Flow, wireBlock: number): number {
  const acked = Math.max(0, flow.heardAck);
  const distance = ((((wireBlock - acked) % 65_536) + 65_536 + 32_768) % 65_536) - 32_768;
  return acked + distance;
}

/** Anything that a client says after the server's first answer. */
function isAnswer(packet: Packet): boolean {
  return packet.kind === "ack" || packet.kind === "data";
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return at;
  return -1;
}

function keyOf(peer: Peer): string {
  return `${peer.address}:${peer.port}`;
}

/** The same for both directions. */
function flowKey(a: Peer, b: Peer): string {
  const [first, second] = [keyOf(a), keyOf(b)].sort();
  return `${first} ${second}`;
}

function nothing(): void {}
