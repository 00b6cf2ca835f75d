import { Download } from "./download.js";
import { DONE, type Exchange, type Outcome } from "./exchange.js";
import type { Tally } from "./tally.js";
import type { Wire, WireListener } from "./wire.js";

/** What a connection needs of its thread. */
export interface ConnectionOwner {
  readonly tally: Tally;
  readonly timeoutMs: number;
  readonly retries: number;
  /** Whether ended transfers stay a while to repeat an ACK that got lost. */
  readonly dallies: boolean;
  openWire(): Promise<Wire>;
  /** The transfer to carry out on this wire. */
  createExchange(wire: Wire, connection: Connection): Exchange;
  /** It ended; `latencyMs` from when it was due or, without a rate, from its request on. */
  onEnded(connection: Connection, outcome: Outcome, latencyMs: number, exchange: Exchange | null): void;
}

/** One of the simultaneous clients: a transfer at a time, each with a socket, and so a TID, of its own. */
export class Connection implements WireListener {
  /** Among the connections of all threads. */
  readonly number: number;
  readonly #owner: ConnectionOwner;
  #exchange: Exchange | null = null;
  #wire: Wire | null = null;
  /** The wire of the transfer before, while it dallies. */
  #dallying: Wire | null = null;
  #tid = 0;
  #startedMs = 0;
  #deadlineMs = Number.POSITIVE_INFINITY;
  /** Pauses in a row without progress. */
  #pauses = 0;
  #progress = 0;
  #isCut = false;

  constructor(number: number, owner: ConnectionOwner) {
    this.number = number;
    this.#owner = owner;
  }

  /** @param dueMs - when it should have begun; null: when its request leaves */
  async begin(dueMs: number | null): Promise<void> {
    const openedMs = performance.now();
    let wire: Wire;
    try {
      wire = await this.#owner.openWire();
    } catch (error) {
      const { code = "socket", message } = error as NodeJS.ErrnoException;
      this.#owner.onEnded(this, { code, message }, performance.now() - (dueMs ?? openedMs), null);
      return;
    }
    if (this.#isCut) {
      wire.close();
      return;
    }
    this.#wire = wire;
    wire.listener = this;
    this.#tid = 0;
    this.#pauses = 0;
    this.#progress = 0;
    this.#exchange = this.#owner.createExchange(wire, this);
    const nowMs = performance.now();
    this.#startedMs = dueMs ?? nowMs;
    this.#deadlineMs = nowMs + this.#owner.timeoutMs;
    this.#exchange.start();
  }

  onDatagram(bytes: Uint8Array, port: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (this.#tid !== 0 && port !== this.#tid) {
      this.#owner.tally.strays++;
      return;
    }
    const nowMs = performance.now();
    if (this.#tid === 0) this.#handleFirst(exchange, bytes, port, nowMs);
    else exchange.handle(bytes, nowMs);
    if (exchange.outcome !== null) this.#end(exchange.outcome, nowMs);
    else if (exchange.progress !== this.#progress) {
      this.#progress = exchange.progress;
      this.#pauses = 0;
      this.#deadlineMs = nowMs + this.#owner.timeoutMs;
    }
  }

  onError(error: Error): void {
    if (this.#exchange === null) return;
    const { code = "socket", message } = error as NodeJS.ErrnoException;
    this.#end({ code, message }, performance.now());
  }

  /** Called every few milliseconds. */
  tick(nowMs: number): void {
    const exchange = this.#exchange;
    if (exchange === null || nowMs < this.#deadlineMs) return;
    if (++this.#pauses > this.#owner.retries) {
      exchange.abandon();
      const message = exchange.answered ? "silence in the middle of a transfer" : "no answer to the request";
      this.#end({ code: "timeout", message }, nowMs);
      return;
    }
    this.#deadlineMs = nowMs + this.#owner.timeoutMs;
    exchange.repeat();
  }

  /** The time is over: what runs is ended with an ERROR, and returned. */
  cut(): Exchange | null {
    this.#isCut = true;
    const running = this.#exchange;
    running?.abandon();
    this.#exchange = null;
    this.#wire?.close();
    this.#wire = null;
    this.#dallying?.close();
    this.#dallying = null;
    return running;
  }

  /** The first sensible answer says the server's TID; until then requests go where they went. */
  #handleFirst(exchange: Exchange, bytes: Uint8Array, port: number, nowMs: number): void {
    this.#wire?.settle(port);
    exchange.handle(bytes, nowMs);
    if (exchange.answered) this.#tid = port;
    else this.#wire?.settle(null);
  }

  #end(outcome: Outcome, nowMs: number): void {
    const exchange = this.#exchange;
    const wire = this.#wire;
    this.#exchange = null;
    this.#wire = null;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#owner.dallies && outcome === DONE && exchange instanceof Download && wire !== null) {
      this.#dallying?.close();
      this.#dallying = wire;
      wire.listener = { onDatagram: (bytes) => exchange.dally(bytes), onError: () => undefined };
    } else wire?.close();
    this.#owner.onEnded(this, outcome, nowMs - this.#startedMs, exchange);
  }
}
