import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Latencies, type LatencySummary } from "./latencies.js";
import {
  PROGRESS_SLOTS,
  ProgressSlot,
  type ThreadData,
  type ThreadMessage,
  type ThreadResult,
} from "./messages.js";
import { dealOut, type LoadPlan } from "./plan.js";
import { addTally, type ErrorCount, ErrorTally, emptyTally, type Tally } from "./tally.js";

/** What a run brought. */
export interface LoadResult extends Tally {
  readonly seconds: number;
  readonly mibPerSecond: number;
  readonly transfersPerSecond: number;
  readonly latency: LatencySummary;
  readonly errors: readonly ErrorCount[];
  /** What the server granted. */
  readonly granted: { readonly blockSize: number; readonly windowSize: number };
  readonly generator: GeneratorLoad;
}

/** What the generator itself took. */
export interface GeneratorLoad {
  readonly threads: number;
  readonly sockets: string;
  /** CPU seconds, user and system, of the whole process during the run. */
  readonly cpuSeconds: number;
  /** Cores that it kept busy. */
  readonly cores: number;
  /** Part of the time in which the busiest thread had something to do. */
  readonly busiestThread: number;
}

/** How far all threads are. */
export interface LoadProgress {
  readonly seconds: number;
  readonly completed: number;
  readonly failed: number;
  readonly bytes: number;
  readonly retransmissions: number;
}

const PROGRESS_MS = 500;

/**
 * Runs a plan in worker threads. All are ready before the first packet leaves.
 *
 * @param contents - what files hold, by name: to compare with (GET) or to send (PUT)
 * @param onProgress - called twice a second
 */
export async function runLoad(
  plan: LoadPlan,
  contents: ReadonlyMap<string, Uint8Array>,
  onProgress?: (progress: LoadProgress) => void,
): Promise<LoadResult> {
  const parts = dealOut(plan);
  const progress = new Float64Array(new SharedArrayBuffer(parts.length * PROGRESS_SLOTS * 8));
  const threads = parts.map((part, index) => {
    const slots = progress.subarray(index * PROGRESS_SLOTS, (index + 1) * PROGRESS_SLOTS);
    const workerData: ThreadData = { plan: part, contents, progress: slots };
    return new Worker(join(__dirname, "thread.js"), { workerData });
  });
  try {
    await Promise.all(threads.map((thread) => once(thread, "message")));
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    const ticker = setInterval(() => onProgress?.(readProgress(progress, startedMs)), PROGRESS_MS);
    const ends = Promise.all(threads.map((thread) => once(thread, "message")));
    for (const thread of threads) thread.postMessage("go");
    const messages = await ends.finally(() => clearInterval(ticker));
    const cpu = process.cpuUsage(cpuBefore);
    const results = messages.map(([message]) => message as Extract<ThreadMessage, { kind: "done" }>);
    return sumUp(
      results.map(({ result }) => result),
      (cpu.user + cpu.system) / 1e6,
    );
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

function readProgress(progress: Float64Array, startedMs: number): LoadProgress {
  const sum = (slot: number): number => {
    let total = 0;
    for (let at = slot; at < progress.length; at += PROGRESS_SLOTS) total += progress[at] as number;
    return total;
  };
  return {
    seconds: (performance.now() - startedMs) / 1000,
    completed: sum(ProgressSlot.completed),
    failed: sum(ProgressSlot.failed),
    bytes: sum(ProgressSlot.bytes),
    retransmissions: sum(ProgressSlot.retransmissions),
  };
}

/** Adds the threads up. */
export function sumUp(results: readonly ThreadResult[], cpuSeconds: number): LoadResult {
  const tally = emptyTally();
  const latencies = Latencies.empty();
  const errors = new ErrorTally();
  for (const result of results) {
    addTally(tally, result.tally);
    latencies.add(Latencies.decode(result.latencies));
    for (const { code, example, count } of result.errors) errors.count(code, example, count);
  }
  const seconds = Math.max(...results.map((result) => result.seconds));
  return {
    ...tally,
    seconds,
    mibPerSecond: tally.bytes / 1_048_576 / seconds,
    transfersPerSecond: tally.completed / seconds,
    latency: latencies.summarize(),
    errors: errors.list(),
    granted: results.find(({ granted }) => granted.blockSize > 0)?.granted ?? { blockSize: 0, windowSize: 0 },
    generator: {
      threads: results.length,
      sockets: results[0]?.sockets ?? "",
      cpuSeconds,
      cores: cpuSeconds / seconds,
      busiestThread: Math.max(...results.map((result) => result.loopUtilization)),
    },
  };
}
