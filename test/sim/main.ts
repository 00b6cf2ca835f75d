import { parseArgs } from "node:util";
import { runExhaustively } from "./exhaustive.js";
import { runRecoveries } from "./recovery.js";
import { runSeed, SOMETIMES } from "./run-seed.js";
import { runSingleFaults } from "./single-faults.js";

/*
 * Runs seeds by hand:  npm run sim -- --seeds 1000000 --from 0     many, from a first one on
 *                      npm run sim -- --seed 123                   one, with its plan and what it showed
 *                      npm run sim -- --exhaustive 3               every schedule of at most three faults; of one,
 *                                                                  against every model; how soon a loss is repaired
 * With --first it stops at the first failure.
 */
const FAILURES_SHOWN_MAX = 20;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "0" },
    exhaustive: { type: "string" },
    first: { type: "boolean", default: false },
  },
});

async function runMany(from: bigint, count: number): Promise<number> {
  const seen = new Map<string, number>();
  let failures = 0;
  for (let i = 0; i < count; i++) {
    try {
      for (const what of (await runSeed(from + BigInt(i))).seen) seen.set(what, (seen.get(what) ?? 0) + 1);
    } catch (error) {
      failures++;
      if (failures <= FAILURES_SHOWN_MAX) console.error((error as Error).message);
      if (values.first) break;
    }
    if ((i + 1) % 10_000 === 0) console.log(`${i + 1} seeds, ${failures} failures`);
  }
  console.log(`${count - failures} passed, ${failures} failed`);
  for (const [what, times] of [...seen].sort()) console.log(`${String(times).padStart(9)}  ${what}`);
  const missing = count >= 10_000 ? SOMETIMES.filter((what) => !seen.has(what)) : [];
  for (const what of missing) console.error(`never seen: ${what}`);
  return failures + missing.length;
}

async function main(): Promise<void> {
  if (values.exhaustive !== undefined) {
    const schedules =
      runExhaustively(Number(values.exhaustive)) + runRecoveries() + (await runSingleFaults());
    console.log(`${schedules} schedules passed`);
  } else if (values.seed !== undefined) {
    console.dir(await runSeed(BigInt(values.seed)), { depth: 5 });
  } else if ((await runMany(BigInt(values.from), Number(values.seeds))) > 0) {
    process.exitCode = 1;
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
