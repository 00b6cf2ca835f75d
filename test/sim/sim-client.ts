import {
  decode,
  encodeAck,
  encodeData,
  encodeError,
  encodeNetascii,
  encodeRequest,
  type Option,
  type Packet,
} from "../../src/engine/index.js";
import type { Peer } from "../../src/io/socket.js";
import type { ClientModel } from "./model-clients.js";
import type { SimSocket, World } from "./world.js";

/** Pauses of a client that takes its time, as a part of the pause after which a server repeats itself. */
const SLOW_MS = 900;

/** How long a machine is silent that lost power. */
const RESTART_MS = 1500;

const FILE_NOT_FOUND = 1;

export type ClientOutcome = "running" | "done" | "gave up" | "told ERROR" | "refused the OACK" | "broke off";

/**
 * A client as primitive as real ones are: one timer, fixed pauses, no estimate of anything. It shares nothing with
 * our engine but the packet codec.
 */
export class SimClient {
  outcome: ClientOutcome = "running";
  errorCode = -1;
  /** When it knew how it went. */
  endedMs = 0;
  readonly model: ClientModel;
  readonly name: string;
  /** PUT: what is to be stored; GET: nothing. */
  readonly upload: Uint8Array;
  /** As it travels. GET: what has arrived. PUT: what is to be sent. */
  content: Uint8Array;
  /** DATA that came although its ACK had been sent and nothing was lost. */
  repeatedData = 0;
  readonly #world: World;
  readonly #server: Peer;
  readonly #address: string;
  #socket: SimSocket | null = null;
  #tid: Peer | null = null;
  #probed = false;
  #missed = 0;
  #blockSize = 512;
  #windowSize = 1;
  /** Blocks received in order, or sent and acknowledged. */
  #block = 0;
  #sinceAck = 0;
  #size = 0;
  #tries = 0;
  #isSending = false;
  /** Of the file, by an OACK that came again. */
  #leftOutBytes = 0;
  /** The probe is over, the real request is still to come. */
  #isBetween = false;
  #timerVersion = 0;
  #last: Uint8Array = new Uint8Array(0);

  constructor(
    world: World,
    model: ClientModel,
    address: string,
    server: Peer,
    name: string,
    upload: Uint8Array,
  ) {
    this.#world = world;
    this.model = model;
    this.#address = address;
    this.#server = server;
    this.name = name;
    this.upload = upload;
    this.content = model.mode === "netascii" ? encodeNetascii(upload) : upload;
  }

  /** It got a second OACK, and left out a block of its file. */
  get hasLeftOut(): boolean {
    return this.#leftOutBytes > 0;
  }

  get isOver(): boolean {
    return this.outcome !== "running";
  }

  start(): void {
    const port = this.model.reusesPort === true ? (this.#socket?.localPort ?? 0) : 0;
    this.#socket?.close();
    this.#socket = this.#world.open(this.#address, port, {
      onDatagram: (bytes, from) => this.#hear(bytes, from),
      onError: () => undefined,
    });
    this.#tid = null;
    this.#block = 0;
    this.#sinceAck = 0;
    this.#blockSize = 512;
    this.#windowSize = 1;
    this.#tries = 0;
    this.#isSending = false;
    this.#leftOutBytes = 0;
    this.#isBetween = false;
    if (this.model.method === "GET") this.#clear();
    this.#say(this.#request());
    this.#arm(this.model.requestPauseMs ?? this.model.pauseMs);
  }

  /** Lets go of the port. */
  close(): void {
    this.#timerVersion++;
    this.#socket?.close();
  }

  #request(): Uint8Array {
    const options: Option[] = this.model.options.map(([name, value]) => ({
      name,
      value: value === "#" ? String(this.content.length) : value,
    }));
    const { method, mode = "octet", spelling = asItIs, missesFirst = 0 } = this.model;
    const name = this.#missed < missesFirst ? "no-such-file" : this.name;
    return encodeRequest({ method, fileName: spelling(name), mode, options });
  }

  #hear(bytes: Uint8Array, from: Peer): void {
    if (this.#isBetween || from.address !== this.#server.address) return;
    if (this.#tid !== null && from.port !== this.#tid.port) return;
    const packet = decode(bytes);
    if (packet.kind === "malformed") throw new Error(`${this.model.name} got nonsense: ${packet.reason}`);
    if (this.outcome !== "running") {
      this.#dally(packet);
      return;
    }
    if (packet.kind === "error") {
      if (packet.errorCode === FILE_NOT_FOUND && this.#missed < (this.model.missesFirst ?? 0)) {
        this.#missed++;
        this.start();
        return;
      }
      this.errorCode = packet.errorCode;
      this.#end("told ERROR");
      return;
    }
    // What is still on its way to the life before this one.
    if (this.#tid === null && packet.kind === "data" && packet.wireBlock !== 1) return;
    this.#tid ??= { address: from.address, port: from.port };
    if (this.model.vice === "silent") return;
    if (this.model.vice === "slow") {
      const copy = new Uint8Array(bytes);
      const version = this.#timerVersion;
      this.#world.after(SLOW_MS, () => {
        if (version === this.#timerVersion && !this.isOver) this.#act(decode(copy) as Packet);
      });
      return;
    }
    this.#act(packet);
  }

  #act(packet: Packet): void {
    if (this.model.vice === "liar") this.#lie(packet);
    if (this.model.vice === "breaks off" && this.#block >= 3) {
      this.#sayError(0);
      this.#end("broke off");
      return;
    }
    if (packet.kind === "oack") this.#takeOack(packet.options);
    else if (packet.kind === "data" && this.model.method === "GET")
      this.#takeData(packet.wireBlock, packet.payload);
    else if (packet.kind === "ack" && this.model.method === "PUT") this.#takeAck(packet.wireBlock);
  }

  /** Acknowledges what never came, long ago and far ahead. */
  #lie(packet: Packet): void {
    const number = packet.kind === "data" || packet.kind === "ack" ? packet.wireBlock : 0;
    for (const lie of [number + 1, number + 7, 65_535, 0]) {
      const wireBlock = lie & 0xffff;
      if (this.model.method === "GET") this.#send(encodeAck(wireBlock));
      else this.#send(encodeData(wireBlock, this.#world.random.bytes(this.#blockSize)));
    }
  }

  #takeOack(options: readonly Option[]): void {
    if (this.model.readsOnAtOack && this.#isSending) {
      this.#leftOutBytes += (this.#block + 1) * this.#blockSize;
      this.#block = 0;
    }
    if (this.#block > 0) return;
    const { needsInOack = [], fatalInOack = [], probeErrorCode } = this.model;
    const holds = ([name, value]: readonly [string, string | null]) =>
      options.some((option) => option.name === name && (value === null || option.value === value));
    if (!needsInOack.every(holds) || fatalInOack.some(holds)) {
      this.#sayError(8);
      this.#end("refused the OACK");
      return;
    }
    if (probeErrorCode !== undefined && !this.#probed) {
      this.#probed = true;
      this.#sayError(probeErrorCode);
      this.#pauseBeforeStart(this.#world.random.fraction() * 50);
      return;
    }
    for (const { name, value } of options) {
      if (name === "blksize") this.#blockSize = Number(value);
      if (name === "windowsize") this.#windowSize = Number(value);
    }
    if (this.model.method === "GET") this.#acknowledge(0);
    else this.#sendWindow();
  }

  #pauseBeforeStart(pauseMs: number): void {
    this.#timerVersion++;
    this.#isBetween = true;
    this.#world.after(pauseMs, () => this.start());
  }

  #takeData(wireBlock: number, payload: Uint8Array): void {
    const next = (this.#block + 1) & 0xffff;
    if (this.model.vice === "acknowledges everything") this.#send(encodeAck(wireBlock));
    if (wireBlock !== next) {
      if (wireBlock === (this.#block & 0xffff)) this.repeatedData++;
      const ahead = ((wireBlock - next) & 0xffff) < 32_768;
      if (this.model.acknowledgesAgain || !ahead) this.#acknowledge(this.#block);
      else if (this.#windowSize > 1 && this.#sinceAck >= 0) this.#acknowledge(this.#block);
      // One ACK for a gap (RFC 7440), until the block that is missing comes.
      if (ahead && !this.model.acknowledgesAgain) this.#sinceAck = -1;
      return;
    }
    this.#block++;
    this.#tries = 0;
    this.#sinceAck = Math.max(0, this.#sinceAck) + 1;
    this.#append(payload);
    if (this.#block === this.model.restartsBehindBlock && !this.#probed) {
      this.#probed = true;
      this.#pauseBeforeStart(RESTART_MS);
      return;
    }
    const isLast = payload.length < this.#blockSize;
    if (isLast || this.#sinceAck >= this.#windowSize) this.#acknowledge(this.#block);
    else this.#arm(this.model.pauseMs);
    if (isLast) this.#end("done");
  }

  #takeAck(wireBlock: number): void {
    const ahead = (wireBlock - this.#block) & 0xffff;
    const isFirst = !this.#isSending && wireBlock === 0;
    if (ahead === 0 && this.#isSending && this.model.resendsAtOldAck) this.#sendWindow();
    if (!isFirst && (ahead === 0 || ahead > this.#windowSize)) return;
    this.#block += ahead;
    this.#tries = 0;
    if (this.#leftOutBytes + this.#block * this.#blockSize > this.content.length) this.#end("done");
    else this.#sendWindow();
  }

  #sendWindow(): void {
    this.#isSending = true;
    const bytesLeft = Math.max(0, this.content.length - this.#leftOutBytes);
    const lastBlock = Math.floor(bytesLeft / this.#blockSize) + 1;
    for (let block = this.#block + 1; block <= Math.min(lastBlock, this.#block + this.#windowSize); block++) {
      const start = this.#leftOutBytes + (block - 1) * this.#blockSize;
      this.#say(encodeData(block & 0xffff, this.content.subarray(start, start + this.#blockSize)));
    }
    this.#arm(this.model.pauseMs);
  }

  #acknowledge(block: number): void {
    const ack = encodeAck(block & 0xffff);
    this.#sinceAck = 0;
    this.#say(this.model.ackTrailer ? Uint8Array.of(...ack, 0) : ack);
    this.#arm(this.model.pauseMs);
  }

  #dally(packet: Packet): void {
    if (this.outcome !== "done" || !this.model.dallies || packet.kind !== "data") return;
    this.#send(encodeAck(packet.wireBlock));
  }

  #arm(pauseMs: number): void {
    const version = ++this.#timerVersion;
    this.#world.after(pauseMs, () => {
      if (version !== this.#timerVersion || this.isOver) return;
      if (++this.#tries > this.model.tries) {
        this.#end("gave up");
        return;
      }
      if (this.model.method === "PUT" && this.#tid !== null) this.#sendWindow();
      else this.#send(this.#last);
      this.#arm(this.#tid === null ? (this.model.requestPauseMs ?? pauseMs) : pauseMs);
    });
  }

  #end(outcome: ClientOutcome): void {
    this.outcome = outcome;
    this.endedMs = this.#world.nowMs;
    this.#timerVersion++;
    // A client that dallies keeps its port for a while; others are gone at once.
    if (outcome === "done" && this.model.dallies) this.#world.after(3000, () => this.#socket?.close());
    else this.#socket?.close();
  }

  #say(bytes: Uint8Array): void {
    this.#last = bytes;
    this.#send(bytes);
  }

  #sayError(code: number): void {
    const packet = encodeError(code, "no more");
    this.#say(this.model.hasShortErrors === true ? packet.subarray(0, 4) : packet);
  }

  #send(bytes: Uint8Array): void {
    this.#socket?.sendDatagram(bytes, this.#tid ?? this.#server);
  }

  #clear(): void {
    this.#size = 0;
    this.content = new Uint8Array(0);
  }

  #append(payload: Uint8Array): void {
    if (this.#size + payload.length > this.content.buffer.byteLength) {
      const larger = new Uint8Array(Math.max(1024, 2 * (this.#size + payload.length)));
      larger.set(this.content);
      this.content = larger.subarray(0, this.#size);
    }
    const whole = new Uint8Array(this.content.buffer as ArrayBuffer);
    whole.set(payload, this.#size);
    this.#size += payload.length;
    this.content = whole.subarray(0, this.#size);
  }
}

function asItIs(name: string): string {
  return name;
}
