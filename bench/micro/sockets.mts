import { bench, group } from "mitata";
import { encodeAck, invariant, Opcode } from "../../src/engine/index.js";
import { dgramSockets } from "../../src/io/dgram-socket.js";
import type { DatagramSocket, Peer, SocketFactory } from "../../src/io/socket.js";
import { receiveBufferFor } from "../../src/io/socket.js";
import { threadRuntime } from "../../src/runtime.js";

const WINDOWS = [1, 4, 16, 64];
const BLOCK_BYTES = 1428;
const HOST = "127.0.0.1";

/** Loopback loses nothing that fits a buffer; what takes longer will never come. */
const LOST_MS = 5000;

/** Both kinds of sockets, as far as this machine has them. */
function kinds(): SocketFactory[] {
  const { sockets } = threadRuntime();
  return sockets.kind === dgramSockets.kind ? [dgramSockets] : [dgramSockets, sockets];
}

/** A window there and an ACK back, over loopback: sending and receiving of both ends. Returns what cleans up. */
export async function defineSockets(): Promise<() => void> {
  const rigs: { kind: string; windowSize: number; rig: Rig }[] = [];
  for (const windowSize of WINDOWS) {
    for (const factory of kinds()) {
      rigs.push({ kind: factory.kind, windowSize, rig: await Rig.open(factory, windowSize) });
    }
  }
  for (const windowSize of WINDOWS) {
    group(`sockets: ${windowSize} x ${BLOCK_BYTES} bytes there, an ACK back`, () => {
      for (const { kind, rig } of rigs.filter((one) => one.windowSize === windowSize)) {
        bench(kind, () => rig.roundTrip());
      }
    });
  }
  return () => {
    for (const { rig } of rigs) rig.close();
  };
}

/** Two sockets that answer each other. */
class Rig {
  readonly #windowSize: number;
  readonly #payload: Uint8Array;
  #sender: DatagramSocket | null = null;
  #receiver: DatagramSocket | null = null;
  #arrived = 0;
  #turns = 0;
  #resolve: () => void = () => undefined;
  #watchdog: NodeJS.Timeout | null = null;

  private constructor(windowSize: number) {
    this.#windowSize = windowSize;
    this.#payload = new Uint8Array(windowSize * BLOCK_BYTES);
  }

  static async open(factory: SocketFactory, windowSize: number): Promise<Rig> {
    const rig = new Rig(windowSize);
    const ack = encodeAck(1);
    const fail = (error: Error): void => {
      throw error;
    };
    const receiverOptions = {
      address: HOST,
      port: 0,
      receiveBufferBytes: receiveBufferFor(BLOCK_BYTES, windowSize),
    };
    const receiver = await factory.open(receiverOptions, {
      onDatagram: (bytes, peer) => {
        invariant(bytes.length === BLOCK_BYTES + 4, "a whole block arrives");
        rig.#arrived++;
        // The socket keeps what it sends: a copy for each.
        if (rig.#arrived % windowSize === 0) receiver.sendDatagram(Uint8Array.from(ack), peer);
      },
      onError: fail,
    });
    const sender = await factory.open(
      { address: HOST, port: 0 },
      { onDatagram: () => rig.#resolve(), onError: fail },
    );
    const peer: Peer = { address: HOST, port: receiver.localPort };
    sender.setPeer(peer);
    receiver.setPeer({ address: HOST, port: sender.localPort });
    rig.#sender = sender;
    rig.#receiver = receiver;
    rig.#watch();
    return rig;
  }

  roundTrip(): Promise<void> {
    this.#turns++;
    const memory = this.#payload;
    this.#sender?.sendRun({
      opcode: Opcode.data,
      firstNumber: 1,
      count: this.#windowSize,
      payloadBytesEach: BLOCK_BYTES,
      payload: { memory, offset: 0, length: memory.length },
    });
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  close(): void {
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
    this.#sender?.close();
    this.#receiver?.close();
  }

  /** A lost datagram would stop everything without a word. */
  #watch(): void {
    let seenTurns = 0;
    let seenArrived = 0;
    this.#watchdog = setInterval(() => {
      const isWaiting = this.#turns === seenTurns && this.#arrived === seenArrived;
      invariant(
        !isWaiting || this.#arrived === this.#turns * this.#windowSize,
        "nothing got lost on the way",
      );
      seenTurns = this.#turns;
      seenArrived = this.#arrived;
    }, LOST_MS);
  }
}
