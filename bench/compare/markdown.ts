import type { Line } from "../shared/lines.js";
import { formatTable } from "../shared/table.js";
import type { Cell, LineSummary } from "./summary.js";

/** The figure of a line, with its unit. */
const UNITS = {
  cpuPerGiB: "CPU s/GiB",
  cpuPerTransfer: "CPU ms/transfer",
  goodput: "MiB/s",
} as const;

/**
 * A table for each sort of figure: a row for each line, a column for each server. Cells hold the median and, in
 * brackets, the median of the ratios to the line's reference, which is bold.
 */
export function formatOverview(summaries: readonly LineSummary[]): string {
  const sections = (["cpuPerGiB", "cpuPerTransfer", "goodput"] as const).map((figure) => {
    const rows = summaries.filter(({ line }) => line.figure === figure);
    if (rows.length === 0) return "";
    const better = figure === "goodput" ? "more is better" : "less is better";
    return `Server ${UNITS[figure]} (ratio to the one in bold; ${better})\n\n${matrix(rows, formatFigure)}`;
  });
  sections.push(
    `MiB/s (CPU of the machine is shared with the generator)\n\n${matrix(summaries, ({ mibPerSecond }) => short(mibPerSecond))}`,
    `Peak memory, MiB (KiB for each client beyond the idle server)\n\n${matrix(summaries, formatMemory)}`,
  );
  return sections.filter((section) => section !== "").join("\n");
}

/** Everything that must be known to read the tables right; empty when there is nothing. */
export function formatRemarks(
  summaries: readonly LineSummary[],
  missing: readonly { readonly subject: string; readonly line: string; readonly why: string }[],
): string {
  const remarks: string[] = [];
  for (const { line, cells } of summaries) {
    for (const cell of cells) {
      const { granted, failures, errors } = cell;
      const name = `${line.title}: ${cell.subject.title}`;
      if (failures > 0) remarks.push(`${name}: ${failures} transfers failed (${errors[0] ?? ""}).`);
      if (cell.transfers === 0 && line.figure === "cpuPerTransfer")
        remarks.push(`${name} completed no transfer.`);
      if (granted.blockSize > 0 && !isAsAsked(line, cell)) {
        remarks.push(`${name} granted blksize ${granted.blockSize}, windowsize ${granted.windowSize}.`);
      }
    }
  }
  for (const { subject, line, why } of missing) remarks.push(`${line}: ${subject} is missing: ${why}`);
  return remarks.map((remark) => `- ${remark}\n`).join("");
}

function isAsAsked(line: Line, { granted }: Cell): boolean {
  return granted.blockSize === line.blockSize && granted.windowSize === line.windowSize;
}

function matrix(rows: readonly LineSummary[], format: (cell: Cell, row: LineSummary) => string): string {
  const subjects = [
    ...new Map(rows.flatMap(({ cells }) => cells.map((cell) => [cell.subject.id, cell.subject]))),
  ];
  const titles = subjects.map(([, subject]) => subject.title);
  const lines = rows.map((row) => {
    const texts = subjects.map(([id]) => {
      const cell = row.cells.find(({ subject }) => subject.id === id);
      return cell === undefined ? "-" : format(cell, row);
    });
    return [row.line.title, ...texts];
  });
  const head = ["blksize, windowsize", ...titles];
  return formatTable([head, ...lines]);
}

function formatFigure({ figure, ratio, subject }: Cell, { reference }: LineSummary): string {
  const value = short(figure.median);
  if (subject.id === reference?.id) return `**${value}**`;
  return Number.isFinite(ratio.median) ? `${value} (${ratio.median.toFixed(2)})` : value;
}

function formatMemory({ peakMiB, kibPerClient }: Cell): string {
  return `${peakMiB.toFixed(0)} (${Math.max(0, kibPerClient).toFixed(0)})`;
}

/** Three digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(4, digits));
}
