import type { LoadPlan } from "../../bench/load/plan.js";

/** Work of many clients of this machine whose counts are compared exactly with what the server tells. */
export function exactPlan(
  port: number,
  work: Pick<LoadPlan, "method" | "files" | "connections" | "amount">,
  putBytes = 0,
): LoadPlan {
  return {
    ...work,
    address: "127.0.0.1",
    port,
    durationSeconds: null,
    ratePerSecond: null,
    threads: 1,
    blockSize: 1428,
    windowSize: 8,
    // Nobody repeats a request that is being answered: each would be one more transfer.
    timeoutMs: 20_000,
    retries: 6,
    loss: 0,
    seed: 1,
    verify: false,
    putBytes,
  };
}
