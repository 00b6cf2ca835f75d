import type { Line } from "../shared/lines.js";
import type { Sample } from "../shared/measure.js";
import type { Subject } from "../shared/server-process.js";
import { median, ratios, type Spread, spreadOf } from "../shared/statistics.js";

/** What one server did with one line, all rounds together. */
export interface Cell {
  readonly subject: Subject;
  readonly line: Line;
  /** The line's own figure. */
  readonly figure: Spread;
  /** Against the line's reference, round by round; below 1 it took less CPU, or for goodput moved less. */
  readonly ratio: Spread;
  readonly cpuPerGiB: number;
  readonly cpuMsPerTransfer: number;
  readonly mibPerSecond: number;
  readonly transfersPerSecond: number;
  readonly peakMiB: number;
  /** What the load added, for each client. */
  readonly kibPerClient: number;
  readonly transfers: number;
  readonly failures: number;
  readonly errors: readonly string[];
  /** Whether the server granted another window than it was asked for. */
  readonly granted: { readonly blockSize: number; readonly windowSize: number };
  readonly generatorBusy: number;
}

/** One line with all its servers, in the order that was asked for. */
export interface LineSummary {
  readonly line: Line;
  readonly cells: readonly Cell[];
  /** What everything else is held against: the best peer or, where no peer was asked for, the first server. */
  readonly reference: Subject | null;
}

const FIGURES = {
  cpuPerGiB: (sample: Sample) => sample.cpuPerGiB,
  cpuPerTransfer: (sample: Sample) => sample.cpuMsPerTransfer,
  goodput: (sample: Sample) => sample.mibPerSecond,
} as const;

/** Medians and ratios of everything that was measured. */
export function summarize(
  lines: readonly Line[],
  subjects: readonly Subject[],
  samples: readonly Sample[],
): LineSummary[] {
  return lines.map((line) => {
    const figureOf = FIGURES[line.figure];
    const of = (subject: Subject): Sample[] =>
      samples.filter((sample) => sample.line === line.name && sample.subject === subject.id);
    const reference = findReference(line, subjects, (subject) => median(of(subject).map(figureOf)));
    const base = byRound(reference === null ? [] : of(reference), figureOf);
    const cells = subjects
      .filter((subject) => of(subject).length > 0)
      .map((subject) => toCell(subject, line, of(subject), base));
    return { line, cells, reference };
  });
}

function findReference(
  line: Line,
  subjects: readonly Subject[],
  medianOf: (subject: Subject) => number,
): Subject | null {
  const sign = line.figure === "goodput" ? -1 : 1;
  const known = subjects.filter((subject) => Number.isFinite(medianOf(subject)));
  if (!subjects.some((subject) => subject.kind === "peer")) return known[0] ?? null;
  const peers = known.filter((subject) => subject.kind === "peer");
  return peers.sort((a, b) => sign * (medianOf(a) - medianOf(b)))[0] ?? null;
}

/** Figures at the places of their rounds: a server may have missed one. */
function byRound(samples: readonly Sample[], figureOf: (sample: Sample) => number): number[] {
  const values: number[] = [];
  for (const sample of samples) values[sample.round] = figureOf(sample);
  return Array.from(values, (value) => value ?? Number.NaN);
}

function toCell(subject: Subject, line: Line, samples: readonly Sample[], base: readonly number[]): Cell {
  const figures = byRound(samples, FIGURES[line.figure]);
  const middle = (value: (sample: Sample) => number): number => median(samples.map(value));
  return {
    subject,
    line,
    figure: spreadOf(figures),
    ratio: spreadOf(ratios(figures, base)),
    cpuPerGiB: middle((sample) => sample.cpuPerGiB),
    cpuMsPerTransfer: middle((sample) => sample.cpuMsPerTransfer),
    mibPerSecond: middle((sample) => sample.mibPerSecond),
    transfersPerSecond: middle((sample) => sample.transfersPerSecond),
    peakMiB: middle((sample) => sample.peakMiB),
    kibPerClient: middle((sample) => ((sample.peakMiB - sample.idleMiB) * 1024) / line.clients),
    transfers: samples.reduce((sum, sample) => sum + sample.transfers, 0),
    failures: samples.reduce((sum, sample) => sum + sample.failures, 0),
    errors: samples.flatMap((sample) => sample.errors),
    granted: samples.at(-1)?.granted ?? { blockSize: 0, windowSize: 0 },
    generatorBusy: middle((sample) => sample.generatorBusy),
  };
}
