import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** The machine in general terms: enough to judge figures, nothing that names it. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

/** This machine. */
export function describeMachine(): Machine {
  const [major = "", minor = ""] = release().split(".");
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${major}.${minor}`,
    node: process.version,
  };
}

/** The same in a sentence. */
export function formatMachine({ cores, cpu, memoryGiB, system, node }: Machine): string {
  return `${cores} cores (${cpu}), ${memoryGiB} GiB, ${system}, Node ${node}`;
}
