import type { ThreadPlan } from "./plan.js";
import type { ErrorCount, Tally } from "./tally.js";

/** What a thread gets at its start. */
export interface ThreadData {
  readonly plan: ThreadPlan;
  /** What files hold, by name, where contents are compared. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Where the thread shows how far it is: {@link PROGRESS_SLOTS} numbers. Only for the eye. */
  readonly progress: Float64Array;
}

/** Places in {@link ThreadData.progress}. */
export const ProgressSlot = { completed: 0, failed: 1, bytes: 2, retransmissions: 3 } as const;

export const PROGRESS_SLOTS = 4;

/** Thread to main: it is ready to go (the answer is "go"), or done. */
export type ThreadMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly result: ThreadResult };

/** What one thread did. */
export interface ThreadResult {
  readonly tally: Tally;
  readonly errors: readonly ErrorCount[];
  /** HDR histogram of microseconds, compressed, in base64. */
  readonly latencies: string;
  /** From "go" to the last end or the cut. */
  readonly seconds: number;
  /** Part of that time in which the thread's loop had something to do. */
  readonly loopUtilization: number;
  /** What the server granted last. */
  readonly granted: { readonly blockSize: number; readonly windowSize: number };
  /** Kind of the sockets. */
  readonly sockets: string;
}
