import type { LoadPlan } from "./plan.js";
import type { LoadProgress, LoadResult } from "./run-load.js";

/** A thread that has work in more than this part of its time is as fast as it can be. */
const BUSY_LIMIT = 0.9;

/** Less CPU than this part of its busy time: it was ready to run, and something else had the core. */
const STARVED_LIMIT = 0.7;

/** What whoever reads the figures has to know first; null where the server was the limit. */
export function warningFor(result: LoadResult): string | null {
  const { threads, cores, busiestThread } = result.generator;
  if (busiestThread < BUSY_LIMIT) return null;
  const busy = `the generator had work ${percent(busiestThread)} of the time`;
  if (cores < threads * busiestThread * STARVED_LIMIT) {
    return `${busy} and got ${cores.toFixed(2)} of ${threads} cores: it shares them with something else, perhaps the server. Look at the server's CPU, not at the goodput.`;
  }
  return `${busy}: it, not the server, is the limit. Give it more --threads, or run it on another machine.`;
}

/** The result for people. */
export function formatResult(plan: LoadPlan, result: LoadResult): string {
  const { latency, generator } = result;
  const lines = [
    `${plan.method} from ${plan.address} port ${plan.port}: ${plan.connections} connections, ${generator.threads} threads, ${generator.sockets} sockets`,
    `granted: blksize ${result.granted.blockSize}, windowsize ${result.granted.windowSize}`,
    "",
    row(
      "goodput",
      `${result.mibPerSecond.toFixed(1)} MiB/s (${result.bytes} bytes in ${result.seconds.toFixed(2)} s)`,
    ),
    row(
      "transfers",
      `${result.transfersPerSecond.toFixed(1)} /s (${result.completed} done, ${result.failed} failed, ${result.cut} cut off)`,
    ),
    row("latency", `mean ${ms(latency.meanMs)}, deviation ${ms(latency.deviationMs)}, ${latencyNote(plan)}`),
  ];
  const percentiles = Object.entries(latency.percentilesMs).map(([name, value]) => `${name} ${ms(value)}`);
  lines.push(row("", `min ${ms(latency.minMs)}  ${percentiles.join("  ")}  max ${ms(latency.maxMs)}`));
  lines.push(
    row("sent again", `${result.retransmissions}`),
    row("came twice", `${result.duplicates}`),
    row("gaps seen", `${result.gaps}`),
  );
  if (plan.loss > 0)
    lines.push(row("thrown away", `${result.dropped} (${percent(plan.loss)} each way, seed ${plan.seed})`));
  if (result.strays > 0) lines.push(row("strays", `${result.strays}`));
  lines.push(
    row(
      "generator",
      `${generator.cores.toFixed(2)} cores (${generator.cpuSeconds.toFixed(2)} CPU s), busiest thread ${percent(generator.busiestThread)}`,
    ),
  );
  for (const { code, count, example } of result.errors)
    lines.push(row("failed", `${count} x ${code}: ${example}`));
  const warning = warningFor(result);
  if (warning !== null) lines.push("", `Warning: ${warning}`);
  return `${lines.join("\n")}\n`;
}

/** The line that is repainted while it runs. */
export function formatProgressLine(progress: LoadProgress): string {
  const { seconds, completed, failed, bytes, retransmissions } = progress;
  const speed = bytes / 1_048_576 / Math.max(seconds, 0.001);
  return (
    `${seconds.toFixed(0)} s  ${speed.toFixed(1)} MiB/s  ${completed} done (${(completed / Math.max(seconds, 0.001)).toFixed(0)} /s)` +
    `  ${failed} failed  ${retransmissions} sent again`
  );
}

function latencyNote(plan: LoadPlan): string {
  return plan.ratePerSecond === null
    ? "from the request on (closed loop: see --rate)"
    : `from when it was due (${plan.ratePerSecond} /s)`;
}

function row(name: string, text: string): string {
  return `${name.padEnd(12)}${text}`;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
}
