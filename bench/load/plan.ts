/** What the generator is to do. Plain data: it crosses threads and is printed with the result. */
export interface LoadPlan {
  /** IP literal. */
  readonly address: string;
  readonly port: number;
  readonly method: "GET" | "PUT";
  /** Remote names; transfers take them in turn. For PUT, `%n` stands for the number of the connection. */
  readonly files: readonly string[];
  /** Transfers at a time. */
  readonly connections: number;
  /** Transfers in all; null where the time decides. */
  readonly amount: number | null;
  /** Seconds after which nothing begins and what runs is cut off; null where the amount decides. */
  readonly durationSeconds: number | null;
  /** Transfers that begin in a second, whether or not others have ended; null: each begins when one ends. */
  readonly ratePerSecond: number | null;
  readonly threads: number;
  readonly blockSize: number;
  readonly windowSize: number;
  /** Pause without an answer after which the last packet is sent again. */
  readonly timeoutMs: number;
  /** Such pauses in a row that a transfer survives. */
  readonly retries: number;
  /** Part of the datagrams, each way, that is thrown away: 0 to below 1. */
  readonly loss: number;
  readonly seed: number;
  /** Whether every byte is compared, not only lengths. */
  readonly verify: boolean;
  /** PUT: bytes of each file. */
  readonly putBytes: number;
}

/** The part of a plan that one thread carries out. */
export interface ThreadPlan extends LoadPlan {
  readonly threadIndex: number;
  /** Number of this thread's first connection among all. */
  readonly firstConnection: number;
}

/**
 * Deals a plan out to threads. Connections and amounts are dealt whole: what does not divide goes to the first
 * threads, one each, so that the sum is what was asked for. Threads without a connection are left out.
 */
export function dealOut(plan: LoadPlan): ThreadPlan[] {
  const connections = deal(plan.connections, plan.threads).filter((count) => count > 0);
  const amounts = plan.amount === null ? null : deal(plan.amount, connections.length);
  let firstConnection = 0;
  return connections.map((count, threadIndex) => {
    const part = {
      ...plan,
      threadIndex,
      firstConnection,
      connections: count,
      amount: amounts === null ? null : (amounts[threadIndex] as number),
      ratePerSecond: plan.ratePerSecond === null ? null : (plan.ratePerSecond * count) / plan.connections,
    };
    firstConnection += count;
    return part;
  });
}

/** `total` in `parts` whole parts that differ by one at most. */
export function deal(total: number, parts: number): number[] {
  const each = Math.floor(total / parts);
  const remainder = total % parts;
  return Array.from({ length: parts }, (_, index) => each + (index < remainder ? 1 : 0));
}
