import type { SocketFactory } from "../../src/io/socket.js";
import { testSocketContract } from "../io/socket-contract.js";
import { Random } from "./random.js";
import { World } from "./world.js";

/** A world in which nothing goes wrong, and nobody has to turn the wheel: what was planned happens by itself. */
class LiveWorld extends World {
  #isMoving = false;

  constructor() {
    const unseen = { sent: () => undefined, lost: () => undefined, arriving: () => () => undefined };
    super(new Random(1n), { loss: 0, duplicate: 0, delayMs: 0, jitterMs: 0 }, unseen);
  }

  override after(delayMs: number, act: () => void): void {
    super.after(delayMs, act);
    if (this.#isMoving) return;
    this.#isMoving = true;
    setImmediate(() => {
      this.#isMoving = false;
      this.run(Number.POSITIVE_INFINITY);
    });
  }
}

/** Opens sockets of a simulated network as those of the kernel are opened. */
function simulatedSockets(world: World): SocketFactory {
  return {
    kind: "simulated",
    reportsLocalAddress: false,
    open: async ({ address, port }, handlers) => {
      if (typeof port === "number") return world.open(address, port, handlers);
      for (let candidate = port.first; ; candidate++) {
        try {
          return world.open(address, candidate, handlers);
        } catch (error) {
          if (candidate === port.last) throw error;
        }
      }
    },
  };
}

const sockets = simulatedSockets(new LiveWorld());

testSocketContract("simulated to simulated", sockets, sockets);
