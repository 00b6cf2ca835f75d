import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runExhaustively } from "./exhaustive.js";
import type { Plan } from "./plan.js";
import { runRecoveries } from "./recovery.js";
import { runSeed, SOMETIMES } from "./run-seed.js";
import { simulatePlan } from "./simulation.js";
import { runSingleFaults } from "./single-faults.js";

const SEEDS = 10_000;

test(`${SEEDS} seeds: every invariant holds, and all that matters was met`, async () => {
  const seen = new Set<string>();
  for (let seed = 0n; seed < BigInt(SEEDS); seed++) {
    for (const what of (await runSeed(seed)).seen) seen.add(what);
  }
  const missing = SOMETIMES.filter((what) => !seen.has(what));
  assert.deepEqual(missing, []);
});

test("the same seed gives the same run, datagram for datagram", async () => {
  for (let seed = 0n; seed < 400n; seed++) {
    assert.equal((await runSeed(seed)).traceHash, (await runSeed(seed)).traceHash, `seed ${seed}`);
  }
});

test("seeds that once found a bug still pass", async () => {
  // The compiled test lies in dist/test/sim.
  const kept = readFileSync(join(__dirname, "../../../test/sim/seeds.txt"), "utf8");
  const seeds = kept.split("\n").filter((line) => /^\d/.test(line));
  assert.ok(seeds.length > 0);
  for (const line of seeds) await runSeed(BigInt(line.split(/\s/)[0] ?? ""));
});

test("every schedule of two faults over small transfers ends well", () => {
  const schedules = runExhaustively(2);
  assert.ok(schedules > 5000, `only ${schedules} schedules`);
});

test("no single fault keeps a real client from its file", async () => {
  const schedules = await runSingleFaults();
  assert.ok(schedules > 1000, `only ${schedules} schedules`);
});

test("a loss is repaired at once, however long the file took to open", () => {
  assert.ok(runRecoveries() > 5);
});

test("blocks of a window that overtake one another cost no DATA", () => {
  const plan: Plan = {
    method: "GET",
    mode: "octet",
    withOptions: true,
    blockSize: 512,
    windowSize: 16,
    sizeBytes: 100_000,
    timeoutMs: 3000,
    retries: 3,
    network: { loss: 0, duplicate: 0, delayMs: 2, jitterMs: 0.5 },
    healAtMs: 100_000,
    disk: { latencyMs: 0, failAtBytes: Number.POSITIVE_INFINITY },
    deadSide: null,
    deathAtMs: 0,
    strangersPerSecond: 0,
    openingMs: 0,
    faultsFromBlock: 0,
    acksAhead: false,
  };
  const { client, dataSent } = simulatePlan(plan, () => null);
  assert.deepEqual([client, dataSent], ["completed", Math.floor(100_000 / 512) + 1]);
});
