import { readdirSync, readFileSync } from "node:fs";

/**
 * How long the threads of a process have been ready to run and were not let, in all: the kernel keeps account of it
 * (Linux; elsewhere 0). A program whose peers wait for fractions of a second proves nothing after such a pause.
 */
export function waitedForCpuMs(pid: number | "self" = "self"): number {
  let nanoseconds = 0;
  for (const path of schedstats(pid)) {
    try {
      // Time on a processor, time waiting for one, number of slices.
      nanoseconds += Number(readFileSync(path, "utf8").split(" ")[1]);
    } catch {
      // A thread that has ended meanwhile.
    }
  }
  return nanoseconds / 1e6;
}

function schedstats(pid: number | "self"): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`);
  } catch {
    return [];
  }
}
