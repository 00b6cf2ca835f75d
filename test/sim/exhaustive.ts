import type { Plan } from "./plan.js";
import { simulatePlan } from "./simulation.js";
import type { Fate } from "./world.js";

const FATES: readonly Fate[] = ["drop", "duplicate", "late"];

/** A fault for the datagram with this place in the order of sending. */
interface Fault {
  readonly index: number;
  readonly fate: Fate;
}

/**
 * Runs every schedule of at most so many faults over transfers of 0 to 3 blocks in windows of 1 to 3, both methods,
 * with options and without. No such schedule may keep a transfer from its success (the simulation's own judgement
 * looks at the server's side).
 *
 * @returns how many schedules there were
 * @throws Error with the schedule that broke a rule
 */
export function runExhaustively(faultsMax: number): number {
  let schedules = 0;
  for (const method of ["GET", "PUT"] as const) {
    for (const windowSize of [1, 2, 3]) {
      for (let blocks = 0; blocks <= 3; blocks++) {
        for (const withOptions of windowSize === 1 ? [true, false] : [true]) {
          // A last block that is half full; of 0 blocks, an empty file.
          const blockSize = withOptions ? 8 : 512;
          const sizeBytes = Math.max(0, blocks * blockSize - 4);
          const plan = { ...CALM, method, windowSize, withOptions, sizeBytes };
          schedules += explore(plan, [], faultsMax);
          // The same into a store that wants a pause behind every block: shorter ones than any time-out.
          if (windowSize === 1) schedules += explore({ ...plan, disk: PAUSING }, [], Math.min(faultsMax, 2));
          // With a socket that acknowledges in advance, and both.
          for (const disk of windowSize === 1 ? [plan.disk, PAUSING] : []) {
            schedules += explore({ ...plan, disk, acksAhead: true }, [], Math.min(faultsMax, 2));
          }
        }
      }
    }
  }
  return schedules;
}

const CALM: Omit<Plan, "method" | "windowSize" | "withOptions" | "sizeBytes"> = {
  mode: "octet",
  blockSize: 8,
  timeoutMs: 1000,
  retries: 4,
  network: { loss: 0, duplicate: 0, delayMs: 1, jitterMs: 0 },
  healAtMs: 100_000,
  disk: { latencyMs: 0, failAtBytes: Number.POSITIVE_INFINITY },
  deadSide: null,
  deathAtMs: 0,
  strangersPerSecond: 0,
  openingMs: 0,
  faultsFromBlock: 0,
  acksAhead: false,
};

const PAUSING: Plan["disk"] = { latencyMs: 4, failAtBytes: Number.POSITIVE_INFINITY, pauseChance: 1 };

/** Depth first: each schedule is extended behind its last fault, as far as its run sent datagrams. */
function explore(plan: Plan, faults: readonly Fault[], faultsMax: number): number {
  const sentCount = runSchedule(plan, faults);
  if (faults.length === faultsMax) return 1;
  let schedules = 1;
  for (let index = (faults.at(-1)?.index ?? -1) + 1; index < sentCount; index++) {
    for (const fate of FATES) schedules += explore(plan, [...faults, { index, fate }], faultsMax);
  }
  return schedules;
}

function runSchedule(plan: Plan, faults: readonly Fault[]): number {
  const fates = new Map(faults.map(({ index, fate }) => [index, fate]));
  const fail = (why: string, cause?: unknown): never => {
    const schedule = faults.map(({ index, fate }) => `${fate} ${index}`).join(", ") || "no fault";
    const { method, sizeBytes, windowSize, withOptions, acksAhead, disk } = plan;
    const how = `${withOptions ? "with" : "without"} options${acksAhead ? ", ACKs in advance" : ""}${disk === PAUSING ? ", pauses" : ""}`;
    const what = `${method} of ${sizeBytes} bytes, window ${windowSize}, ${how}`;
    throw new Error(`${what}, ${schedule}: ${why}`, { cause });
  };
  try {
    const { client, sentCount, dataSent } = simulatePlan(plan, (index) => fates.get(index) ?? null);
    if (client !== "completed") fail(`the client ended with ${client}`);
    const blocks = Math.floor(plan.sizeBytes / (plan.withOptions ? plan.blockSize : 512)) + 1;
    // Each fault costs a repeated window, and what its repetition sets off in turn: never a storm.
    const limit = blocks + 3 * faults.length * plan.windowSize;
    if (dataSent > limit) fail(`${dataSent} DATA packets for ${blocks} blocks`);
    return sentCount;
  } catch (error) {
    if ((error as Error).cause !== undefined || /bytes, window/.test((error as Error).message)) throw error;
    return fail((error as Error).message, error);
  }
}
