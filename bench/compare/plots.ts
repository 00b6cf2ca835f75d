import { type Chart, drawChart, type Series } from "./chart.js";
import type { Cell, LineSummary } from "./summary.js";

/** A plot with the name of its file. */
export interface Plot {
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

/** Cost against window size and against clients, as far as the lines for them were measured. */
export function drawPlots(summaries: readonly LineSummary[]): Plot[] {
  const lockStep = summaries.filter(({ line }) => line.windowSize === 1);
  const plots: { file: string; chart: Chart }[] = [
    {
      file: "cost-by-window.svg",
      chart: {
        title: "What a server's window saves (blksize 1428, 16 clients)",
        xTitle: "windowsize: blocks for each ACK",
        yTitle: "server CPU seconds per GiB",
        series: toSeries(
          summaries,
          ({ line }) => isPlain(line) && line.clients === 16,
          (cell) => cell.line.windowSize,
        ),
      },
    },
    {
      file: "cost-by-clients.svg",
      chart: {
        title: "What many clients cost (blksize 1428, lock-step)",
        xTitle: "clients at a time",
        yTitle: "server CPU seconds per GiB",
        series: toSeries(
          lockStep,
          ({ line }) => isPlain(line),
          (cell) => cell.line.clients,
        ),
      },
    },
  ];
  return plots
    .filter(({ chart }) => chart.series.some(({ points }) => points.length > 1))
    .map(({ file, chart }) => ({ file, title: chart.title, svg: drawChart(chart) }));
}

function isPlain({ blockSize, fileBytes, lossPercent }: LineSummary["line"]): boolean {
  return blockSize === 1428 && fileBytes === 1_048_576 && lossPercent === 0;
}

function toSeries(
  summaries: readonly LineSummary[],
  belongs: (summary: LineSummary) => boolean,
  xOf: (cell: Cell) => number,
): Series[] {
  const byId = new Map<string, { title: string; isEmphasized: boolean; points: [number, number][] }>();
  for (const { cells } of summaries.filter(belongs)) {
    for (const cell of cells) {
      const { id, title, kind } = cell.subject;
      const series = byId.get(id) ?? { title, isEmphasized: kind === "ours", points: [] };
      if (Number.isFinite(cell.cpuPerGiB) && cell.cpuPerGiB > 0)
        series.points.push([xOf(cell), cell.cpuPerGiB]);
      byId.set(id, series);
    }
  }
  const all = [...byId.values()].filter(({ points }) => points.length > 0);
  for (const { points } of all) points.sort(([a], [b]) => a - b);
  return all;
}
