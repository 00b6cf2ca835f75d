import { LINES, type Line, linesNamed } from "../shared/lines.js";
import type { Subject } from "../shared/server-process.js";
import { BenchCommand, listOf, numberIn } from "../shared/words.js";
import { allSubjects, DEFAULT_SUBJECTS, subjectsNamed } from "./subjects.js";

/** What a command line asks for. */
export interface CompareInvocation {
  readonly kind: "run";
  readonly subjects: readonly Subject[];
  readonly lines: readonly Line[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSecondsMax: number;
  /** Folder for the table, the plots and the JSON file. */
  readonly out: string;
  /** Whether the page of results in the checkout is rewritten. */
  readonly isReference: boolean;
}

export type Invocation = CompareInvocation | { readonly kind: "help"; readonly text: string };

/** About 13 minutes with the default servers. */
const DEFAULTS = {
  lines: "512x1 1428x1 1428x4 1428x16 1428x64 8192x16 small clients-128 clients-512 loss-1428x16".split(" "),
  rounds: 3,
  seconds: 2,
  warmUpSecondsMax: 5,
};

/** About a minute: enough to see that everything works, too little to believe. */
const QUICK = { lines: ["1428x1", "1428x16", "small"], rounds: 1, seconds: 1, warmUpSecondsMax: 2 };

/** Some 50 minutes: everything, for the page of results. */
const REFERENCE = { lines: LINES.map((line) => line.name), rounds: 5, seconds: 2, warmUpSecondsMax: 5 };

interface Options {
  lines?: string[];
  servers?: string[];
  rounds?: number;
  seconds?: number;
  quick?: true;
  reference?: true;
  out: string;
}

/**
 * Reads a command line (without node and script).
 * @param programs - where the peers' programs lie
 * @throws BadUsage
 */
export function parseCompareCommand(words: readonly string[], programs: string): Invocation {
  const command = new BenchCommand("bench:compare");
  command
    .description("Measures ntftp and other TFTP servers side by side: CPU, speed, memory.")
    .option("-l, --lines <names>", "kinds of work, with commas between them, or all", listOf)
    .option("-s, --servers <ids>", "servers, with commas between them, or all", listOf)
    .option("-n, --rounds <n>", "rounds; the median counts", numberIn(1, 1000))
    .option("--seconds <s>", "load in each measurement", numberIn(0.1, 3600, true))
    .option("--quick", "about a minute: does everything work?")
    .option("--reference", "everything, five rounds, and rewrite bench/RESULTS.md")
    .option("-o, --out <folder>", "for results.md, results.json and plots", "bench/out")
    .addHelpText("after", afterHelp(programs));
  const help = command.read(words);
  if (help !== null) return { kind: "help", text: help };
  const options = command.opts<Options>();
  const base = options.reference === true ? REFERENCE : options.quick === true ? QUICK : DEFAULTS;
  return {
    kind: "run",
    subjects: subjectsNamed(options.servers ?? DEFAULT_SUBJECTS, programs),
    lines: linesNamed(options.lines ?? base.lines),
    rounds: options.rounds ?? base.rounds,
    seconds: options.seconds ?? base.seconds,
    warmUpSecondsMax: base.warmUpSecondsMax,
    out: options.out,
    isReference: options.reference === true,
  };
}

function afterHelp(programs: string): string {
  const lines = LINES.map(({ name, title }) => `  ${name.padEnd(17)}${title}`);
  const subjects = allSubjects(programs).map(({ id, title }) => `  ${id.padEnd(17)}${title}`);
  return `
Lines (blksize, windowsize; files of 1 MiB and 16 clients where nothing else is said):
${lines.join("\n")}

Servers (default: ${DEFAULT_SUBJECTS.join(", ")}):
${subjects.join("\n")}

Servers run in turn, round after round, so that they share the machine's moods. The figure is the server's CPU with all
its children: the generator runs on the same machine, so goodput says less. No figure fails this command.
`;
}
