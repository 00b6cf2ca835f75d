import type { Plan } from "./plan.js";
import { simulatePlan } from "./simulation.js";

/** A file that takes its time to open: the first answer says nothing about the network. */
const OPENING_MS = 800;

/** A round trip, and the pause before a lost packet is repeated once a round trip was measured. */
const RECOVERY_MS = 100;

/** Datagrams of the handshake and of the first measured round trip: request, OACK, DATA 1, ACK 1, DATA 2, ACK 2. */
const UNMEASURED = 6;

const BLOCKS = 8;

/**
 * How soon a loss is repaired. Safety has no word for it, and liveness accepts any time-out: an upload into a file that
 * took long to open loses one datagram, every one behind the first round trips in turn.
 *
 * @returns how many schedules there were
 * @throws Error with the datagram whose loss cost too much time
 */
export function runRecoveries(): number {
  const calm = simulatePlan(PLAN, () => null);
  for (let index = UNMEASURED; index < 2 * BLOCKS; index++) {
    const { client, clientEndedMs } = simulatePlan(PLAN, (at) => (at === index ? "drop" : null));
    const costMs = clientEndedMs - calm.clientEndedMs;
    if (client !== "completed" || costMs > RECOVERY_MS) {
      throw new Error(
        `an upload whose datagram ${index} got lost: ${client}, ${Math.ceil(costMs)} ms later than without`,
      );
    }
  }
  return 2 * BLOCKS - UNMEASURED;
}

const PLAN: Plan = {
  method: "PUT",
  mode: "octet",
  withOptions: true,
  blockSize: 8,
  windowSize: 1,
  sizeBytes: 8 * BLOCKS - 4,
  timeoutMs: 1000,
  retries: 3,
  network: { loss: 0, duplicate: 0, delayMs: 1, jitterMs: 0 },
  healAtMs: 100_000,
  openingMs: OPENING_MS,
  disk: { latencyMs: 0, failAtBytes: Number.POSITIVE_INFINITY },
  deadSide: null,
  deathAtMs: 0,
  strangersPerSecond: 0,
  faultsFromBlock: 0,
  acksAhead: false,
};
