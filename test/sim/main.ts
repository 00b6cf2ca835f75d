import { parseArgs } from "node:util";
import { simulate } from "./simulation.js";

/*
 * Runs seeds by hand:  node dist/test/sim/main.js --seeds 1000000 --from 0     many, from a first one on
 *                      node dist/test/sim/main.js --seed 123                   one, with its plan and outcome
 */
const FAILURES_SHOWN_MAX = 20;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "0" },
  },
});

if (values.seed !== undefined) {
  console.dir(simulate(BigInt(values.seed)), { depth: 4 });
} else {
  const from = BigInt(values.from);
  const count = Number(values.seeds);
  let failures = 0;
  for (let i = 0; i < count; i++) {
    const seed = from + BigInt(i);
    try {
      simulate(seed);
    } catch (error) {
      failures++;
      if (failures <= FAILURES_SHOWN_MAX)
        console.error(
          `seed ${seed}: ${(error as Error).message}\n  replay: node dist/test/sim/main.js --seed ${seed}`,
        );
    }
    if ((i + 1) % 10_000 === 0) console.log(`${i + 1} seeds, ${failures} failures`);
  }
  console.log(`${count - failures} passed, ${failures} failed`);
  process.exitCode = failures === 0 ? 0 : 1;
}
