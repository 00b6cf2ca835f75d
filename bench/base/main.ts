import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ntftpOf } from "../compare/subjects.js";
import { CHECKOUT } from "../shared/checkout.js";
import { linesNamed } from "../shared/lines.js";
import { runRounds } from "../shared/rounds.js";
import { BadUsage, BenchCommand, listOf, numberIn, runMain } from "../shared/words.js";
import { compareSamples, formatRows } from "./ratios.js";

interface Options {
  lines: string[];
  rounds: number;
  seconds: number;
  workers: number;
  native: boolean;
  json?: true;
}

const AFTER_HELP = `
Both checkouts serve the same work in turn; ratios are taken round by round, candidate against base, and told as
median (lowest to highest). A claim holds where the whole range lies on one side of 1.

  npm run bench:base -- ../ntftp-main                      this checkout against that one
  npm run bench:base -- ../ntftp-main ../ntftp-branch -l 1428x1 -n 9
`;

async function main(words: readonly string[], signal: AbortSignal): Promise<number> {
  const command = new BenchCommand("bench:base");
  command
    .description("Measures two checkouts of ntftp side by side.")
    .argument("<base>", "a checkout that is built")
    .argument("[candidate]", "another one", CHECKOUT)
    .option("-l, --lines <names>", "kinds of work, see bench:compare", listOf, ["1428x1", "1428x16", "small"])
    .option("-n, --rounds <n>", "rounds", numberIn(1, 1000), 7)
    .option("--seconds <s>", "load in each measurement", numberIn(0.1, 3600, true), 2)
    .option("--workers <n>", "worker threads of the servers", numberIn(0, 256), 1)
    .option("--no-native", "without the native path")
    .option("--json", "one JSON object")
    .addHelpText("after", AFTER_HELP);
  if (command.readsHelp(words)) return 0;
  const options = command.opts<Options>();
  const [base, candidate] = command.processedArgs.map((checkout: string) => builtCheckout(checkout));
  const subjects = [
    ntftpOf(base as string, "base", "base", options.workers, options.native),
    ntftpOf(candidate as string, "candidate", "candidate", options.workers, options.native),
  ];
  const lines = linesNamed(options.lines);
  const { rounds, seconds } = options;
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const comparison = { subjects, lines, rounds, seconds, warmUpSecondsMax: 5, signal };
  const { samples, missing } = await runRounds(comparison, (done, all, sample) =>
    say(`${done}/${all} ${sample.line} ${sample.subject}: ${sample.cpuSeconds.toFixed(3)} CPU s`),
  );
  for (const { subject, line, why } of missing) say(`${line}: ${subject} is missing: ${why}`);
  const rows = lines.map((line) => ({ line: line.title, ...compareSamples(samples, line.name) }));
  if (options.json === true) process.stdout.write(`${JSON.stringify({ rows, samples, missing })}\n`);
  else process.stdout.write(formatRows(rows));
  return missing.length > 0 ? 1 : 0;
}

function builtCheckout(path: string): string {
  const full = resolve(path);
  if (existsSync(join(full, "dist/src/cli/main.js"))) return full;
  throw new BadUsage(`${full} is no checkout that was built: run npm install && npm run build there`);
}

runMain("bench:base", main);
