import assert from "node:assert/strict";
import { decode, encodeRequest, readOffer, Transfer } from "../../src/engine/index.js";
import type { Session } from "./sessions.js";

/** What a store holds for who asks it. */
const FILE_BYTES = 700;

/** Pauses between two datagrams, one after the other: at once, a retransmission later, a patience later. */
const PAUSES_MS = [0, 0, 1, 30, 0, 2500];

/** The engine of one side, with a store that does what it is told, fed with what a peer said once. */
export class PlayedTransfer {
  readonly #transfer: Transfer;
  readonly #sends: boolean;
  #nowMs = 0;
  #hasEnded = false;
  #stored = false;
  #highestBlock = 0;

  constructor(transfer: Transfer, sends: boolean) {
    this.#transfer = transfer;
    this.#sends = sends;
  }

  /** The server's engine for the first request in a session, or null when there is none that a server would take. */
  static server({ datagrams }: Session): PlayedTransfer | null {
    for (const { bytes } of datagrams) {
      const request = decode(bytes);
      if (request.kind !== "request") continue;
      const { method, mode, options } = request;
      if (mode !== "octet" && mode !== "netascii") return null;
      const offer = readOffer(method, options, { blockSizeMax: 65_464, windowSizeMax: 65_535 });
      const transfer = new Transfer({ role: "server", method, mode, offer, timeoutMs: 1000, retries: 1 });
      const played = new PlayedTransfer(transfer, method === "GET");
      transfer.accept({ sizeBytes: FILE_BYTES, userExtensions: new Map() }, 0);
      return played;
    }
    return null;
  }

  /** The engine of the client that asked the first question in a session. */
  static client({ datagrams }: Session): PlayedTransfer | null {
    for (const { bytes } of datagrams) {
      const request = decode(bytes);
      if (request.kind !== "request") continue;
      const { method, options } = request;
      const mode = request.mode === "netascii" ? "netascii" : "octet";
      const asked = { role: "client", method, mode, options, request: encodeRequest(request) } as const;
      const transfer = new Transfer({ ...asked, putBytes: FILE_BYTES, timeoutMs: 1000, retries: 1 });
      transfer.start(0);
      return new PlayedTransfer(transfer, method === "PUT");
    }
    return null;
  }

  /** Feeds what one side said, and lets time pass until nothing happens any more. */
  play({ datagrams }: Session, from: "client" | "server"): void {
    this.#drain();
    const said = datagrams.filter((each) => each.from === from);
    for (const [index, { bytes }] of said.entries()) {
      this.#pass(PAUSES_MS[index % PAUSES_MS.length] as number);
      // A receive buffer is used again.
      const borrowed = Uint8Array.from(bytes);
      this.#transfer.handleDatagram(borrowed, this.#nowMs);
      this.#drain();
      borrowed.fill(0xee);
    }
    for (let turn = 0; turn < 1000 && !this.#transfer.ended; turn++) this.#pass(60_000);
    assert.ok(this.#transfer.ended, "every transfer ends");
    assert.equal(this.#transfer.pollTimeout(), Number.POSITIVE_INFINITY);
  }

  #pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let at = this.#transfer.pollTimeout(); at <= untilMs; at = this.#transfer.pollTimeout()) {
      this.#nowMs = Math.max(this.#nowMs, at);
      this.#transfer.handleTimeout(this.#nowMs);
      this.#drain();
    }
    this.#nowMs = untilMs;
  }

  #drain(): void {
    const transfer = this.#transfer;
    let isBusy = true;
    for (let turn = 0; isBusy; turn++) {
      assert.ok(turn < 100, "one input has few effects");
      isBusy = this.#drainStorage();
      for (let item = transfer.pollTransmit(); item !== undefined; item = transfer.pollTransmit()) {
        assert.ok(!this.#hasEnded, "silence after the end");
        if (item.kind === "blocks") this.#checkBlocks(item.firstBlock, item.count);
      }
      for (let event = transfer.pollEvent(); event !== undefined; event = transfer.pollEvent()) {
        assert.ok(!this.#hasEnded, "no news after the end");
        if (event.kind === "completed" && !this.#sends) assert.ok(this.#stored, "completed means stored");
      }
      if (transfer.ended) this.#hasEnded = true;
    }
  }

  #drainStorage(): boolean {
    const transfer = this.#transfer;
    let wasAsked = false;
    for (let command = transfer.pollStorage(); command !== undefined; command = transfer.pollStorage()) {
      if (command.kind === "finish") {
        this.#stored = true;
        transfer.handleStorage({ kind: "finished" }, this.#nowMs);
        wasAsked = true;
      } else if (command.kind === "want") {
        transfer.handleStorage({ kind: "available", availableBytes: FILE_BYTES, ended: true }, this.#nowMs);
        wasAsked = true;
      }
    }
    return wasAsked;
  }

  #checkBlocks(firstBlock: number, count: number): void {
    const { blockSize, windowSize } = this.#transfer.parameters;
    this.#highestBlock = Math.max(this.#highestBlock, firstBlock + count - 1);
    const lastBlock = Math.floor(FILE_BYTES / blockSize) + 1;
    assert.ok(this.#highestBlock <= lastBlock, `block ${this.#highestBlock} of ${lastBlock}`);
    const acked = Math.ceil(this.#transfer.counters.transferredBytes / blockSize);
    assert.ok(
      this.#highestBlock <= acked + windowSize,
      `block ${this.#highestBlock} left behind ACK ${acked}`,
    );
  }
}
