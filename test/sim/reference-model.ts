import { decode } from "../../src/engine/index.js";
import type { Peer } from "../../src/io/socket.js";
import type { WireObserver } from "./world.js";

/** What the model has to know about a transfer before it runs. */
export interface Expectation {
  readonly method: "GET" | "PUT";
  /** What has to arrive. */
  readonly file: Uint8Array;
  readonly clientAddress: string;
  readonly serverAddress: string;
}

/**
 * The obvious truth about one transfer, told from the wire alone: slow, without retransmission or timers, and
 * independent of the engine (it shares only the packet reader). It keeps what was acknowledged and what is in
 * flight, and raises an error the moment a rule is broken.
 */
export class ReferenceModel implements WireObserver {
  readonly #expectation: Expectation;
  readonly #senderAddress: string;
  /** Agreed by the newest OACK; the RFC 1350 values without one. */
  #windowSize = 1;
  #blockSize = 512;
  /** Highest block the sender has heard an ACK of; -1 before ACK 0, the first of them. */
  #heardAck = -1;
  /** Set while the sender handles an ACK that told it nothing new. */
  #duplicateAck = false;
  dataSent = 0;
  /** Last time that anything of the transfer arrived at either end. */
  readonly #heardMs = new Map<string, number>();

  constructor(expectation: Expectation) {
    this.#expectation = expectation;
    const { method, clientAddress, serverAddress } = expectation;
    this.#senderAddress = method === "GET" ? serverAddress : clientAddress;
  }

  /** When a side last got anything from the other; 0 before. */
  heardMs(address: string): number {
    return this.#heardMs.get(address) ?? 0;
  }

  sent(from: Peer, _to: Peer, bytes: Uint8Array): void {
    const packet = decode(bytes);
    if (!this.#isParticipant(from)) return;
    if (packet.kind === "malformed") throw new Error(`${from.address} sent nonsense: ${packet.reason}`);
    if (packet.kind === "oack") {
      for (const { name, value } of packet.options) {
        if (name === "windowsize") this.#windowSize = Number(value);
        if (name === "blksize") this.#blockSize = Number(value);
      }
    }
    if (packet.kind !== "data") return;
    this.dataSent++;
    if (from.address !== this.#senderAddress) throw new Error("the receiver sent DATA");
    if (this.#duplicateAck && this.#windowSize === 1) throw new Error("DATA was sent for a duplicate ACK");
    this.#checkData(packet.wireBlock, packet.payload);
  }

  arriving(from: Peer, to: Peer, bytes: Uint8Array, nowMs: number): () => void {
    if (!this.#isParticipant(from) || !this.#isParticipant(to)) return nothing;
    this.#heardMs.set(to.address, nowMs);
    const packet = decode(bytes);
    if (packet.kind !== "ack" || to.address !== this.#senderAddress) return nothing;
    const block = this.#absolute(packet.wireBlock);
    this.#duplicateAck = block <= this.#heardAck;
    this.#heardAck = Math.max(this.#heardAck, block);
    return () => {
      this.#duplicateAck = false;
    };
  }

  /** In flight never more than the window, and every block carries exactly its bytes of the file. */
  #checkData(wireBlock: number, payload: Uint8Array): void {
    const block = this.#absolute(wireBlock);
    const acked = Math.max(0, this.#heardAck);
    if (block > acked + this.#windowSize) {
      throw new Error(`DATA ${block} left with ACK ${acked} and a window of ${this.#windowSize}`);
    }
    const { file } = this.#expectation;
    const start = (block - 1) * this.#blockSize;
    const expected = file.subarray(start, start + this.#blockSize);
    if (payload.length !== expected.length) {
      throw new Error(`DATA ${block} has ${payload.length} bytes instead of ${expected.length}`);
    }
    for (let i = 0; i < payload.length; i++) {
      if (payload[i] !== expected[i])
        throw new Error(`DATA ${block} differs from the file at byte ${start + i}`);
    }
  }

  /** The block nearest to the acknowledged one that has this number. */
  #absolute(wireBlock: number): number {
    const acked = Math.max(0, this.#heardAck);
    const distance = ((((wireBlock - acked) % 65_536) + 65_536 + 32_768) % 65_536) - 32_768;
    return acked + distance;
  }

  #isParticipant(peer: Peer): boolean {
    const { clientAddress, serverAddress } = this.#expectation;
    return peer.address === clientAddress || peer.address === serverAddress;
  }
}

function nothing(): void {}
