import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CHECKOUT } from "../shared/checkout.js";
import { openCpuAccount } from "../shared/cpu-account.js";
import { describeMachine, formatMachine } from "../shared/machine.js";
import type { Sample } from "../shared/measure.js";
import { type Measured, runRounds } from "../shared/rounds.js";
import { runMain } from "../shared/words.js";
import { type CompareInvocation, parseCompareCommand } from "./args.js";
import { formatOverview, formatRemarks, short } from "./markdown.js";
import { drawPlots } from "./plots.js";
import { nativePathOf, programsFolder, providePrograms } from "./programs.js";
import { replaceBetweenMarkers } from "./results-page.js";
import { type LineSummary, summarize } from "./summary.js";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(words: readonly string[], signal: AbortSignal): Promise<number> {
  const programs = programsFolder();
  const invocation = parseCompareCommand(words, programs);
  if (invocation.kind === "help") {
    process.stdout.write(invocation.text);
    return 0;
  }
  const native = nativePathOf(CHECKOUT);
  const wanted = invocation.subjects.filter((subject) => native.isNative || subject.needsNative !== true);
  if (wanted.length < invocation.subjects.length) say(`the native path is left out: ${native.reason}`);
  const subjects = providePrograms(wanted, programs, say);
  const comparison = { ...invocation, subjects, signal };
  const measured = await runRounds(comparison, (done, all, sample) => say(describe(done, all, sample)));
  const summaries = summarize(invocation.lines, subjects, measured.samples);
  const page = formatPage(invocation, summaries, measured, native.reason);
  process.stdout.write(page);
  await writeResults(invocation.out, page, summaries, measured);
  if (invocation.isReference) await rewriteReference(page, summaries, measured);
  return 0;
}

function describe(done: number, all: number, sample: Sample): string {
  const { line, subject, round, cpuPerGiB, mibPerSecond, failures } = sample;
  const failed = failures > 0 ? `, ${failures} FAILED` : "";
  return `${done}/${all} ${line} round ${round + 1} ${subject}: ${short(cpuPerGiB)} CPU s/GiB, ${short(mibPerSecond)} MiB/s${failed}`;
}

function formatPage(
  { rounds, seconds }: CompareInvocation,
  summaries: readonly LineSummary[],
  { missing }: Measured,
  nativeReason: string,
): string {
  const account = openCpuAccount();
  account.close();
  const remarks = formatRemarks(summaries, missing);
  return `${formatMachine(describeMachine())}. Medians of ${rounds} rounds of ${seconds} s; CPU from: ${account.kind}.
Native path: ${nativeReason}. Bold: the best peer of the line or, without peers, the first server.

${formatOverview(summaries)}${remarks === "" ? "" : `\nRemarks\n\n${remarks}`}`;
}

async function writeResults(
  folder: string,
  page: string,
  summaries: readonly LineSummary[],
  measured: Measured,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const plots = drawPlots(summaries);
  await writeFile(join(folder, "results.md"), page);
  await writeFile(join(folder, "results.json"), `${JSON.stringify(toJson(measured), null, 1)}\n`);
  for (const { file, svg } of plots) await writeFile(join(folder, file), svg);
  say(`written to ${folder}: results.md, results.json${plots.map(({ file }) => `, ${file}`).join("")}`);
}

function toJson(measured: Measured): object {
  return { machine: describeMachine(), date: new Date().toISOString(), ...measured };
}

/** The page of the checkout, and what it shows beside it. */
async function rewriteReference(
  page: string,
  summaries: readonly LineSummary[],
  measured: Measured,
): Promise<void> {
  const path = join(CHECKOUT, "bench/RESULTS.md");
  const images = drawPlots(summaries).map(({ file, title }) => `\n![${title}](results/${file})\n`);
  await writeFile(
    path,
    replaceBetweenMarkers(await readFile(path, "utf8"), "tables", page + images.join("")),
  );
  await writeResults(join(CHECKOUT, "bench/results"), page, summaries, measured);
}

runMain("bench:compare", main);
