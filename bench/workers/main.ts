/*
 * What the worker pool costs: the files of a boot storm, each served by a server without workers and by servers with
 * them, and the sum for one machine.
 */

import { ntftpOf } from "../compare/subjects.js";
import { CHECKOUT } from "../shared/checkout.js";
import { type Line, line } from "../shared/lines.js";
import type { Sample } from "../shared/measure.js";
import { runRounds } from "../shared/rounds.js";
import { median, ratios, spreadOf } from "../shared/statistics.js";
import { formatTable } from "../shared/table.js";
import { BenchCommand, numberIn, runMain } from "../shared/words.js";

const MIB = 1_048_576;

/** What a machine of the boot storm (test/workers/storm.test.ts) asks for, and how often. */
const MACHINE: readonly { readonly times: number; readonly line: Line }[] = [
  { times: 1, line: line("loader", "loader, 1 MiB, 1468, 4", [1468, 4]) },
  {
    times: 10,
    line: line("missing", "a name that does not exist", [1408, 1], {
      isMissing: true,
      figure: "cpuPerTransfer",
    }),
  },
  { times: 1, line: line("kernel", "kernel, 8 MiB, 1468, 4", [1468, 4], { fileBytes: 8 * MIB }) },
  ...[[1408, 1] as const, [1468, 4] as const, [1468, 16] as const].map(([blockSize, windowSize]) => ({
    // A third of the machines each.
    times: 1 / 3,
    line: line(
      `initrd-${windowSize}`,
      `initrd, 32 MiB, ${blockSize}, ${windowSize}`,
      [blockSize, windowSize],
      { fileBytes: 32 * MIB },
    ),
  })),
];

const WORKERS = [0, 1, 2];

interface Options {
  rounds: number;
  seconds: number;
  native: boolean;
  json?: true;
}

async function main(words: readonly string[], signal: AbortSignal): Promise<number> {
  const command = new BenchCommand("bench:workers");
  command
    .description("Server CPU for the files of a booting machine, with 0, 1 and 2 workers.")
    .option("-n, --rounds <n>", "rounds", numberIn(1, 1000), 3)
    .option("--seconds <s>", "load in each measurement", numberIn(0.1, 3600, true), 2)
    .option("--no-native", "without the native path")
    .option("--json", "one JSON object");
  if (command.readsHelp(words)) return 0;
  const { rounds, seconds, native, json } = command.opts<Options>();
  const subjects = WORKERS.map((workers) => ntftpOf(CHECKOUT, `${workers}`, `${workers}`, workers, native));
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const lines = MACHINE.map(({ line }) => line);
  const { samples, missing } = await runRounds(
    { subjects, lines, rounds, seconds, warmUpSecondsMax: 5, signal },
    (done, all, { line, subject, cpuSeconds, failures }) =>
      say(`${done}/${all} ${line}, ${subject} workers: ${cpuSeconds.toFixed(3)} CPU s, ${failures} failed`),
  );
  for (const { subject, line, why } of missing) say(`${line}, ${subject} workers: missing: ${why}`);
  process.stdout.write(json === true ? `${JSON.stringify({ samples, missing })}\n` : format(samples));
  return missing.length > 0 ? 1 : 0;
}

/** CPU milliseconds, round by round. Of files all bytes count, also of transfers that the end of a round cut off. */
function costs(samples: readonly Sample[], { name, isMissing, fileBytes }: Line, workers: number): number[] {
  return samples
    .filter((one) => one.line === name && one.subject === String(workers))
    .map(({ cpuMsPerTransfer, cpuPerGiB }) =>
      isMissing ? cpuMsPerTransfer : (cpuPerGiB * 1000 * fileBytes) / (1024 * MIB),
    );
}

function machineCosts(samples: readonly Sample[], workers: number): number[] {
  const parts = MACHINE.map(({ times, line }) => costs(samples, line, workers).map((ms) => times * ms));
  return (parts[0] ?? []).map((_, round) => parts.reduce((sum, part) => sum + (part[round] ?? NaN), 0));
}

/** A table in Markdown: medians, and in parentheses the ratio to no workers, as median and range of the rounds. */
function format(samples: readonly Sample[]): string {
  const row = (title: string, costsOf: (workers: number) => number[]): string[] => [
    title,
    ...WORKERS.map((workers) => {
      const cost = costsOf(workers);
      if (workers === 0) return median(cost).toFixed(3);
      const ratio = spreadOf(ratios(cost, costsOf(0)));
      const range = `${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)}`;
      return `${median(cost).toFixed(3)} (${ratio.median.toFixed(2)}: ${range})`;
    }),
  ];
  return formatTable([
    ["server CPU, ms", ...WORKERS.map((workers) => (workers === 1 ? "1 worker" : `${workers} workers`))],
    ...MACHINE.map(({ line }) => row(line.title, (workers) => costs(samples, line, workers))),
    row("one machine, with 10 such names", (workers) => machineCosts(samples, workers)),
  ]);
}

runMain("bench:workers", main);
