import type { Random } from "./random.js";
import type { DiskFaults } from "./stores.js";
import type { NetworkFaults } from "./world.js";

/** Everything a seed decides before the world begins to turn. */
export interface Plan {
  readonly method: "GET" | "PUT";
  readonly mode: "octet" | "netascii";
  readonly withOptions: boolean;
  readonly blockSize: number;
  readonly windowSize: number;
  readonly sizeBytes: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly network: NetworkFaults;
  /** From here on the network is perfect. */
  readonly healAtMs: number;
  readonly disk: DiskFaults;
  /** One side that vanishes, and when. */
  readonly deadSide: "client" | "server" | null;
  readonly deathAtMs: number;
  readonly strangersPerSecond: number;
}

/** Each seed switches a random subset of the faults on (swarm testing), with ordinary and extreme rates. */
export function planFor(random: Random): Plan {
  const withOptions = random.chance(0.8);
  const blockSize = random.pick([8, 16, 100, 512, 1428, 1468, 8192]);
  const windowSize = random.pick([1, 1, 2, 3, 4, 7, 16, 64]);
  const used = withOptions ? blockSize : 512;
  const sizeBytes = pickSize(random, used, withOptions ? windowSize : 1);
  return {
    method: random.pick(["GET", "PUT"]),
    mode: random.chance(0.2) ? "netascii" : "octet",
    withOptions,
    blockSize,
    windowSize,
    sizeBytes,
    timeoutMs: random.pick([200, 1000, 3000]),
    retries: random.between(1, 5),
    network: {
      loss: random.pick([0, 0, 0.01, 0.05, 0.2, 0.5]),
      duplicate: random.pick([0, 0, 0.02, 0.2]),
      delayMs: random.pick([0.1, 0.1, 1, 10, 60]),
      jitterMs: random.pick([0, 0, 0.1, 1, 20, 80]),
    },
    healAtMs: random.between(100, 60_000),
    disk: {
      // Many small blocks on a slow disk take longer than anybody wants to simulate.
      latencyMs: sizeBytes > 100_000 ? 0 : random.pick([0, 0, 0.1, 5, 50]),
      failAtBytes: random.chance(0.05) ? random.between(0, 20_000) : Number.POSITIVE_INFINITY,
    },
    deadSide: random.chance(0.1) ? random.pick(["client", "server"]) : null,
    deathAtMs: random.fraction() * random.pick([1, 10, 200, 3000]),
    strangersPerSecond: random.pick([0, 0, 1, 50]),
  };
}

/** Mostly the borders of blocks and windows; now and then enough blocks for the wire numbers to roll over. */
function pickSize(random: Random, blockSize: number, windowSize: number): number {
  if (blockSize === 8 && windowSize >= 16 && random.chance(0.03))
    return 65_536 * 8 + random.between(-20, 400);
  const blocks = random.pick([0, 1, 2, windowSize, windowSize + 1, 3 * windowSize, random.between(0, 60)]);
  const bytes = blocks * blockSize + random.pick([-1, 0, 1, random.between(0, blockSize)]);
  return Math.min(Math.max(0, bytes), 60_000);
}
