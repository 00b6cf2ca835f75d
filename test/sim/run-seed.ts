import { simulateFleet } from "./fleet.js";
import { simulate } from "./simulation.js";

/** What one seed showed. */
export interface SeedReport {
  readonly plan: object;
  readonly seen: ReadonlySet<string>;
  readonly traceHash: number;
}

/**
 * Runs a seed: an even one is a transfer between a client and a server of ours, an odd one a whole server with
 * models of real and of broken clients.
 *
 * @throws Error with the broken rule and the command that shows it again
 */
export async function runSeed(seed: bigint): Promise<SeedReport> {
  try {
    return seed % 2n === 0n ? runTransfer(seed) : await simulateFleet(seed);
  } catch (error) {
    const replay = `npm run sim -- --seed ${seed}`;
    throw new Error(`seed ${seed}: ${(error as Error).message}\n  replay: ${replay}`, { cause: error });
  }
}

function runTransfer(seed: bigint): SeedReport {
  const { plan, client, server, traceHash, errorCodes, lostAtRollover, acksAhead } = simulate(seed);
  const seen = new Set([`one: client ${client}`, ...server.map((outcome) => `one: server ${outcome}`)]);
  for (const code of errorCodes) seen.add(`one: sent ERROR ${code}`);
  if (client === "completed") {
    if (plan.network.duplicate > 0) seen.add("one: completed among duplicates");
    if (plan.mode === "netascii") seen.add(`one: completed a ${plan.method} in netascii`);
    if (acksAhead > 0) seen.add(`one: completed a ${plan.method} with ACKs in advance`);
    if (acksAhead > 0 && plan.network.loss > 0) seen.add("one: completed with ACKs in advance under loss");
    if (lostAtRollover) seen.add("one: completed though 65535 or 0 got lost");
    if (plan.network.loss > 0) seen.add("one: completed under loss");
    if (plan.network.jitterMs > plan.network.delayMs) seen.add("one: completed with reordering");
    if (plan.strangersPerSecond > 0) seen.add("one: completed among strangers");
    if (plan.sizeBytes > 65_536 * 8 - 100) {
      seen.add("one: completed across the rollover");
      if (plan.network.loss > 0) seen.add("one: completed across the rollover under loss");
    }
  }
  return { plan, seen, traceHash };
}

/**
 * What a run over ten thousand seeds has to have met at least once: a simulation that never got into trouble has
 * proved nothing.
 */
export const SOMETIMES: readonly string[] = [
  "one: client completed",
  "one: client timeout",
  "one: client peer-error",
  "one: client storage",
  "one: client ended by its death",
  "one: server completed",
  "one: server last ACK missing",
  "one: server timeout",
  "one: server peer-error",
  "one: server storage",
  "one: completed under loss",
  "one: completed with reordering",
  "one: completed across the rollover",
  "one: completed across the rollover under loss",
  "one: completed among strangers",
  "one: completed among duplicates",
  "one: completed a GET in netascii",
  "one: completed a PUT in netascii",
  "one: completed though 65535 or 0 got lost",
  "one: completed a GET with ACKs in advance",
  "one: completed a PUT with ACKs in advance",
  "one: completed with ACKs in advance under loss",
  "one: sent ERROR 0",
  "one: sent ERROR 5",
  // Every real client, and every vice.
  ...[
    "iPXE",
    "UEFI firmware",
    "U-Boot",
    "GRUB",
    "PXELINUX",
    "curl",
    "Windows boot manager",
    "Raspberry Pi",
    "old PXE ROM",
    "U-Boot, reset in the middle",
    "busybox without options",
    "atftp without options",
  ].map((name) => `${name} GET done`),
  ...["npm tftp", "busybox", "tftp-hpa", "tftp-hpa, netascii", "atftp"].flatMap((name) => [
    `${name} GET done`,
    `${name} PUT done`,
  ]),
  "curl PUT done",
  "curl with a pipe PUT done",
  "a block was left out",
  "U-Boot PUT done",
  "silent: gave up",
  "slow: done",
  "liar: done",
  "acknowledges everything: done",
  "breaks off: broke off",
  // Every ending that a server knows.
  "server completed",
  "server last ACK missing",
  "server timeout",
  "server peer-error",
  "server violation",
  "server storage",
  "server refused",
  "server no-socket",
  "server crashed",
  "server superseded",
  "superseded by limit",
  "superseded by same-client",
  // What files and requests go through.
  "file changed",
  "read error",
  "disk full",
  "rename refused",
  "open refused",
  "request file-in-use",
  "request busy",
  "request malformed",
  "request bad-mode",
  "request bad-name",
  ...[0, 1, 2, 3, 4].map((code) => `ERROR ${code}`),
  "noise",
  "no socket",
  "worker crash",
  "worker crash with an open upload",
  "sent ERROR 5",
  "done under loss",
  "done across a dead link",
];
