import { brokenModels, type ClientModel, clientModels } from "./model-clients.js";
import type { Random } from "./random.js";
import { type FileFaults, HEALTHY_FILES } from "./sim-files.js";
import type { NetworkFaults } from "./world.js";

/** Everything that a seed decides about a server and its clients. */
export interface FleetPlan {
  readonly network: NetworkFaults;
  readonly healAtMs: number;
  readonly files: FileFaults;
  readonly fileSizes: readonly number[];
  readonly clients: readonly {
    readonly model: ClientModel;
    /** -1 for a file that is not there. */
    readonly fileIndex: number;
    readonly sizeBytes: number;
    readonly startMs: number;
  }[];
  /** Client addresses, shared by all clients. */
  readonly addresses: number;
  readonly limits: { readonly maxTransfers?: number; readonly maxTransfersPerClient?: number };
  /** Longest time until a socket is bound: a transfer may end meanwhile. */
  readonly socketDelayMs: number;
  /** Chance that no socket can be had for a transfer. */
  readonly noSocket: number;
  /** Null: no workers. */
  readonly workerDelayMs: number | null;
  readonly crashesAtMs: readonly number[];
  readonly noisePerSecond: number;
  /** Nothing is switched on that excuses a failure of a decent client. */
  readonly isCalm: boolean;
}

/** Each seed switches a random subset of the faults on, at ordinary and at extreme rates (swarm testing). */
export function planFleet(random: Random): FleetPlan {
  const network: NetworkFaults = {
    loss: random.pick([0, 0, 0, 0.01, 0.05, 0.3]),
    duplicate: random.pick([0, 0, 0, 0.02, 0.3]),
    delayMs: random.pick([0.1, 0.1, 1, 20]),
    jitterMs: random.pick([0, 0, 0.1, 5, 100]),
    ...(random.chance(0.1) ? { awayMs: [random.between(0, 50), 5000] as const } : {}),
  };
  const files = random.chance(0.6) ? { ...HEALTHY_FILES, latencyMs: random.pick([0, 2]) } : planFiles(random);
  const limits = random.chance(0.75)
    ? {}
    : { maxTransfers: random.between(1, 4), maxTransfersPerClient: random.between(1, 3) };
  const workerDelayMs = random.chance(0.4) ? random.pick([0.05, 1, 30]) : null;
  const crashes = workerDelayMs !== null && random.chance(0.3) ? random.between(1, 3) : 0;
  const noSocket = random.pick([0, 0, 0, 0, 0.2]);
  const clients = planClients(random);
  const sharesUploads = new Set(clients.map(({ fileIndex }) => fileIndex)).size < clients.length;
  const isCalm =
    network.loss <= 0.01 &&
    network.awayMs === undefined &&
    files.openRefused + files.readError + files.changes + files.diskFull + files.renameRefused === 0 &&
    Object.keys(limits).length === 0 &&
    crashes === 0 &&
    noSocket === 0 &&
    // A request that overtakes the ERROR before it is taken for a repetition, and answered from a TID that then ends.
    !(network.jitterMs > 0 && clients.some(({ model }) => model.reusesPort)) &&
    !(sharesUploads && clients.some(({ model }) => model.method === "PUT"));
  return {
    network,
    healAtMs: random.between(50, 30_000),
    files,
    fileSizes: [0, 1, 511, 20_000, random.between(1, 6000), random.between(1, 30_000)],
    clients,
    addresses: random.between(1, 6),
    limits,
    socketDelayMs: random.pick([0, 0, 0.1, 40]),
    noSocket,
    workerDelayMs,
    crashesAtMs: Array.from({ length: crashes }, () => random.fraction() * random.pick([5, 100, 3000])),
    noisePerSecond: random.pick([0, 0, 0, 20, 200]),
    isCalm,
  };
}

/** Those that may want to store one file at the same time. */
const uploaders = clientModels.filter(({ method }) => method === "PUT") as [ClientModel];

function planClients(random: Random): FleetPlan["clients"] {
  const count = random.between(1, 6);
  const broken = random.chance(0.4);
  const rivals = random.chance(0.1);
  return Array.from({ length: count }, () => ({
    model:
      broken && random.chance(0.4)
        ? random.pick(brokenModels as [ClientModel])
        : random.pick(rivals ? uploaders : clientModels),
    fileIndex: rivals ? 0 : random.chance(0.05) ? -1 : random.between(0, 5),
    sizeBytes: random.pick([0, 1, 512, 1428, random.between(0, 8000)]),
    startMs: random.fraction() * random.pick([1, 1, 500]),
  }));
}

function planFiles(random: Random): FileFaults {
  return {
    latencyMs: random.pick([0, 2, 200, 2000]),
    openRefused: random.pick([0, 0.2]),
    readError: random.pick([0, 0.3]),
    changes: random.pick([0, 0.3]),
    diskFull: random.pick([0, 0.5]),
    renameRefused: random.pick([0, 0.5]),
  };
}
