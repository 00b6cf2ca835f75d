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
  /** Least time that the server's file takes to open. */
  readonly openingMs: number;
  /** One side that vanishes, and when. */
  readonly deadSide: "client" | "server" | null;
  readonly deathAtMs: number;
  readonly strangersPerSecond: number;
  /** The network is perfect until this block has left, and `healAtMs` counts from there; 0: faults from the start. */
  readonly faultsFromBlock: number;
  /** Receivers sleep in the call that receives, and their sockets acknowledge in advance. */
  readonly acksAhead: boolean;
}

/** Part of the seeds whose transfer meets its faults where wire numbers roll over: 65,536 blocks take their time. */
const ROLLOVER_CHANCE = 0.006;

/** In lock-step it makes a difference. */
const ACKS_AHEAD_CHANCE = 0.5;

/**
 * Each seed switches a random subset of the faults on (swarm testing), with ordinary and extreme rates.
 *
 * @param more - decides what was added after seeds had been kept, so that those still mean what they meant
 */
export function planFor(random: Random, more: Random): Plan {
  const plan = ordinaryPlan(random);
  const whole = more.chance(ROLLOVER_CHANCE) ? acrossRollover(plan, more) : plan;
  return { ...whole, acksAhead: more.chance(ACKS_AHEAD_CHANCE) };
}

/** The same weather, from a moment before the numbers roll over. */
function acrossRollover(plan: Plan, random: Random): Plan {
  return {
    ...plan,
    mode: "octet",
    withOptions: true,
    blockSize: 8,
    windowSize: random.pick([1, 2, 3, 7, 16, 64]),
    sizeBytes: 65_536 * 8 + random.between(-20, 1000),
    disk: { latencyMs: 0, failAtBytes: Number.POSITIVE_INFINITY },
    deadSide: null,
    strangersPerSecond: random.pick([0, 1]),
    faultsFromBlock: 65_536 - random.between(1, 150),
  };
}

function ordinaryPlan(random: Random): Plan {
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
    openingMs: 0,
    faultsFromBlock: 0,
    acksAhead: false,
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
