import type { AnswersAhead, Peer, SocketHandlers } from "../../src/io/socket.js";
import type { SimSocket, World } from "./world.js";

/** The longest time for which a thread sleeps again and again in the call that receives. */
const SLEEP_MS = 4;

/**
 * A socket whose thread sleeps in the call that receives: what was foreseen is answered at once, and handed over
 * together with the first datagram that was not, or when the time is over. Timers may come meanwhile, which in a sleeping
 * thread they can't: a harder case.
 */
export class Sleeper implements SocketHandlers {
  readonly #world: World;
  readonly #handlers: SocketHandlers;
  #socket: SimSocket | null = null;
  #ahead: AnswersAhead | null = null;
  #answered = 0;
  /** All that were answered in advance. */
  answeredCount = 0;
  /** Answered, and not handed over yet. */
  #held: Uint8Array[] = [];

  constructor(world: World, handlers: SocketHandlers) {
    this.#world = world;
    this.#handlers = handlers;
  }

  open(address: string): SimSocket {
    const socket = this.#world.open(address, 0, this);
    socket.answerAhead = (ahead) => {
      this.#ahead = ahead;
      this.#answered = 0;
    };
    this.#socket = socket;
    return socket;
  }

  onDatagram(bytes: Uint8Array, peer: Peer, localAddress: string): void {
    if (this.#answer(bytes, peer)) return;
    this.#handOver();
    this.#handlers.onDatagram(bytes, peer, localAddress);
  }

  onError(error: Error): void {
    this.#handOver();
    this.#handlers.onError(error);
  }

  #answer(bytes: Uint8Array, peer: Peer): boolean {
    const ahead = this.#ahead;
    if (ahead === null || peer !== this.#socket?.peer || this.#answered === ahead.count) return false;
    if (bytes.length !== ahead.datagramBytes) return false;
    const number = ahead.firstNumber + this.#answered;
    if (readUint16(bytes, 0) !== ahead.opcode || readUint16(bytes, 2) !== number) return false;
    this.#answered++;
    this.answeredCount++;
    const { answerOpcode } = ahead;
    const answer = Uint8Array.of(answerOpcode >> 8, answerOpcode & 0xff, number >> 8, number & 0xff);
    this.#socket.sendDatagram(answer, peer);
    this.#held.push(Uint8Array.from(bytes));
    if (this.#held.length === 1) this.#world.after(SLEEP_MS, () => this.#handOver());
    return true;
  }

  #handOver(): void {
    this.#ahead = null;
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) {
      if (this.#socket !== null)
        this.#handlers.onDatagram(bytes, this.#socket.peer, this.#socket.localAddress, true);
      // A receive buffer is used again.
      bytes.fill(0xee);
    }
  }
}

function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
