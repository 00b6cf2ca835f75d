import type { Sample } from "../shared/measure.js";
import { ratios, type Spread, spreadOf } from "../shared/statistics.js";
import { formatTable } from "../shared/table.js";

/** How a candidate compares with its base in one line of work. */
export interface Row {
  readonly line: string;
  readonly cpuPerGiB: Spread;
  readonly cpuPerTransfer: Spread;
  readonly goodput: Spread;
  readonly memory: Spread;
}

/** Ratios of candidate to base, round by round. */
export function compareSamples(samples: readonly Sample[], line: string): Omit<Row, "line"> {
  const compare = (figure: (sample: Sample) => number): Spread => {
    const of = (subject: string): number[] =>
      samples.filter((one) => one.line === line && one.subject === subject).map(figure);
    return spreadOf(ratios(of("candidate"), of("base")));
  };
  return {
    cpuPerGiB: compare((sample) => sample.cpuPerGiB),
    cpuPerTransfer: compare((sample) => sample.cpuMsPerTransfer),
    goodput: compare((sample) => sample.mibPerSecond),
    memory: compare((sample) => sample.peakMiB),
  };
}

/** A table in Markdown. */
export function formatRows(rows: readonly Row[]): string {
  // In a short run of many clients, nobody may come to the end of a file.
  const cell = ({ median, lowest, highest }: Spread): string =>
    median > 0 ? `${median.toFixed(3)} (${lowest.toFixed(3)} to ${highest.toFixed(3)})` : "-";
  const head = ["candidate / base", "CPU s/GiB", "CPU ms/transfer", "MiB/s", "peak memory"];
  const body = rows.map((row) => [
    row.line,
    cell(row.cpuPerGiB),
    cell(row.cpuPerTransfer),
    cell(row.goodput),
    cell(row.memory),
  ]);
  return formatTable([head, ...body]);
}
