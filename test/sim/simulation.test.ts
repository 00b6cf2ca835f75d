import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type SimulationResult, simulate } from "./simulation.js";

const SEEDS = 10_000;

/** Runs a seed; a broken rule is reported with the command that shows it again. */
function replayable(seed: bigint): SimulationResult {
  try {
    return simulate(seed);
  } catch (error) {
    const replay = `node dist/test/sim/main.js --seed ${seed}`;
    throw new Error(`seed ${seed}: ${(error as Error).message}\nreplay: ${replay}`, { cause: error });
  }
}

test(`${SEEDS} seeds: every transfer ends, and what is delivered is what was sent`, () => {
  const seen = new Map<string, number>();
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  for (let seed = 0n; seed < BigInt(SEEDS); seed++) {
    const { plan, client, server } = replayable(seed);
    count(`client ${client}`);
    for (const outcome of server) count(`server ${outcome}`);
    if (plan.network.loss > 0 && client === "completed") count("completed under loss");
    if (plan.network.jitterMs > plan.network.delayMs && client === "completed")
      count("completed with reordering");
    if (plan.sizeBytes > 65_536 * 8 - 100 && client === "completed") count("completed across the rollover");
    if (plan.strangersPerSecond > 0 && client === "completed") count("completed among strangers");
  }
  // A simulation that never got into trouble has proved nothing.
  for (const what of [
    "client completed",
    "client timeout",
    "client peer-error",
    "client storage",
    "client ended by its death",
    "server completed",
    "server last ACK missing",
    "server timeout",
    "server peer-error",
    "server storage",
    "completed under loss",
    "completed with reordering",
    "completed across the rollover",
    "completed among strangers",
  ]) {
    assert.ok((seen.get(what) ?? 0) > 0, `no seed saw "${what}": ${JSON.stringify([...seen])}`);
  }
});

test("the same seed gives the same run, datagram for datagram", () => {
  for (let seed = 0n; seed < 200n; seed++) {
    assert.equal(simulate(seed).traceHash, simulate(seed).traceHash, `seed ${seed}`);
  }
});

test("seeds that once found a bug still pass", () => {
  // The compiled test lies in dist/test/sim.
  const kept = readFileSync(join(__dirname, "../../../test/sim/seeds.txt"), "utf8");
  const seeds = kept.split("\n").filter((line) => /^\d/.test(line));
  assert.ok(seeds.length > 0);
  for (const line of seeds) replayable(BigInt(line.split(/\s/)[0] ?? ""));
});
