import { type FleetResult, simulateFleetPlan } from "./fleet.js";
import type { FleetPlan } from "./fleet-plan.js";
import { type ClientModel, clientModels } from "./model-clients.js";
import { HEALTHY_FILES } from "./sim-files.js";
import type { Fate } from "./world.js";

const FATES: readonly Fate[] = ["drop", "duplicate", "late"];

/** Blocks of every model's transfer, about: borders of windows and the end are among them. */
const SIZES: readonly number[] = [0, 512, 5000];

/** Without a fault nobody waits for a time-out; a machine that loses power is away for 1.5 s. */
const FAULTLESS_MS_MAX = 2_000;

/** When the second of two clients comes for the same file: the first one is done. */
const SECOND_MS = 10_000;

/**
 * Every real client against a whole server: each datagram of its transfer, one at a time, is lost, doubled or late. No
 * such fault may keep a decent client from its file. Without any, a client and a later one with the same wish are served at once.
 *
 * @returns how many schedules there were
 * @throws Error with the schedule that broke a rule
 */
export async function runSingleFaults(): Promise<number> {
  let schedules = 0;
  for (const model of clientModels) {
    for (const sizeBytes of SIZES) {
      // Behind a lost DATA 1, such a file can't be told from the beginning of a longer one, and is refused.
      if (model.announcesNothing && sizeBytes === 512) continue;
      await checkFaultless(model, sizeBytes);
      const { sentCount } = await runSchedule(planFor(model, sizeBytes, [0]), -1, "drop");
      schedules += 2;
      for (let index = 0; index < sentCount; index++) {
        for (const fate of FATES) await runSchedule(planFor(model, sizeBytes, [0]), index, fate);
        schedules += FATES.length;
      }
    }
  }
  return schedules;
}

async function checkFaultless(model: ClientModel, sizeBytes: number): Promise<void> {
  const { slowestMs } = await runSchedule(planFor(model, sizeBytes, [0, SECOND_MS]), -1, "drop");
  if (slowestMs > FAULTLESS_MS_MAX) throw new Error(`${model.name} took ${slowestMs} ms, without a fault`);
}

async function runSchedule(plan: FleetPlan, index: number, fate: Fate): Promise<FleetResult> {
  try {
    return await simulateFleetPlan(plan, (at) => (at === index ? fate : null));
  } catch (error) {
    const what = index < 0 ? "no fault" : `${fate} ${index}`;
    throw new Error(`${plan.fileSizes[0]} bytes, ${what}: ${(error as Error).message}`, { cause: error });
  }
}

function planFor(model: ClientModel, sizeBytes: number, startsMs: readonly number[]): FleetPlan {
  return {
    network: { loss: 0, duplicate: 0, delayMs: 1, jitterMs: 0 },
    healAtMs: 100_000,
    files: HEALTHY_FILES,
    fileSizes: [sizeBytes],
    clients: startsMs.map((startMs) => ({ model, fileIndex: 0, sizeBytes, startMs })),
    addresses: 1,
    limits: {},
    socketDelayMs: 0,
    noSocket: 0,
    workerDelayMs: null,
    crashesAtMs: [],
    noisePerSecond: 0,
    isCalm: true,
  };
}
