/*
 * Whether two workers move twice as much as one, where neither clients nor cores are the limit, and what that costs
 * against a server without workers.
 *
 * Clients on the same machine take cores away from the server, so on a small machine this can't be seen directly.
 * Here each worker thread gets a part of a core and no more: slow cores, of which there are enough.
 */
import { mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ntftpOf } from "../compare/subjects.js";
import { parseLoadCommand } from "../load/args.js";
import { type LoadResult, runLoad } from "../load/run-load.js";
import { CHECKOUT } from "../shared/checkout.js";
import { cpuSecondsIn } from "../shared/cpu-account.js";
import { fileOf, line } from "../shared/lines.js";
import { prepareFiles } from "../shared/measure.js";
import { ServerProcess, type Subject } from "../shared/server-process.js";
import { median } from "../shared/statistics.js";
import { BenchCommand, numberIn, runMain } from "../shared/words.js";

const CONTROLLER = "/sys/fs/cgroup/cpu";
const PERIOD_US = 10_000;

/** What is hot has been compiled. */
const WARM_UP_SECONDS = 3;

interface Options {
  percent: number;
  rounds: number;
  seconds: number;
  mib: number;
  native: boolean;
  singlePort?: boolean;
}

async function main(words: readonly string[], signal: AbortSignal): Promise<number> {
  const command = new BenchCommand("bench:scaling");
  command
    .description("What two workers deliver against one. Needs root and the cgroup v1 cpu controller.")
    .option("-p, --percent <n>", "of a core, for each worker", numberIn(1, 100), 25)
    .option("-n, --rounds <n>", "rounds", numberIn(1, 1000), 3)
    .option("--seconds <s>", "load in each measurement", numberIn(0.1, 3600, true), 3)
    .option("--mib <n>", "MiB of the file that all clients fetch, by windows of 16", numberIn(1, 1024), 8)
    .option("--no-native", "without the native path")
    .option("--single-port", "transfers on the request port");
  if (command.readsHelp(words)) return 0;
  const { percent, rounds, seconds, mib, native, singlePort = false } = command.opts<Options>();
  const work = line("scaling", "1428, 16", [1428, 16], { fileBytes: mib * 2 ** 20 });
  const flags = singlePort ? ["--single-port"] : [];
  const deliver = (root: string, workers: number): Promise<Delivery> =>
    measure(root, ntftpOf(CHECKOUT, "ntftp", "ntftp", workers, native, flags), {
      workers,
      percent,
      seconds,
      file: fileOf(work),
    });
  const root = await mkdtemp(join(tmpdir(), "ntftp-bench-"));
  const rows: Delivery[][] = [];
  try {
    await prepareFiles(root, [work]);
    for (let round = 0; round < rounds; round++) {
      const row: Delivery[] = [];
      for (const workers of [0, 1, 2]) {
        signal.throwIfAborted();
        row.push(await deliver(root, workers));
      }
      rows.push(row);
      const speeds = row.map(
        ({ mibPerSecond, cpuPerGiB }, workers) =>
          `${workers}: ${mibPerSecond.toFixed(0)} MiB/s, ${cpuPerGiB.toFixed(3)} CPU s/GiB`,
      );
      process.stdout.write(`${percent} % of a core for each worker; workers ${speeds.join("; ")}\n`);
    }
  } finally {
    await rm(root, { recursive: true });
  }
  const ratio = (figure: keyof Delivery, workers: number, base: number): string =>
    median(rows.map((row) => (row[workers]?.[figure] ?? Number.NaN) / (row[base]?.[figure] ?? 1))).toFixed(2);
  process.stdout.write(
    `medians: two workers deliver ${ratio("mibPerSecond", 2, 1)} times what one does; CPU per GiB against none: ` +
      `one ${ratio("cpuPerGiB", 1, 0)}, two ${ratio("cpuPerGiB", 2, 0)}\n`,
  );
  return 0;
}

interface Delivery {
  readonly mibPerSecond: number;
  /** Of the server with all its threads. */
  readonly cpuPerGiB: number;
}

async function measure(
  root: string,
  subject: Subject,
  {
    workers,
    percent,
    seconds,
    file,
  }: Pick<Options, "percent" | "seconds"> & {
    readonly workers: number;
    readonly file: string;
  },
): Promise<Delivery> {
  const server = await ServerProcess.start(subject, root);
  const groups: string[] = [];
  try {
    const load = async (duration: number): Promise<LoadResult> => {
      const target = `${server.host}:${server.port}`;
      const words = `${target} ${file} -b 1428 -w 16 -c 32 -t 20000 --threads 1 -d ${duration}`;
      const invocation = parseLoadCommand(words.split(" "));
      if (invocation.kind === "help") throw new Error("a plan was expected");
      return runLoad({ ...invocation.plan, address: server.host }, new Map());
    };
    const [pid] = server.account.pids() as [number];
    const busiest = await findWorkers(pid, workers, () => load(WARM_UP_SECONDS));
    // Without workers, the main thread does it all.
    for (const thread of workers === 0 ? [String(pid)] : busiest) {
      groups.push(await limitThread(thread, percent));
    }
    // Threads that were limited may have left the server's account.
    const before = cpuSecondsIn(`${pid}`);
    const { mibPerSecond, bytes } = await load(seconds);
    const cpuSeconds = cpuSecondsIn(`${pid}`) - before;
    return { mibPerSecond, cpuPerGiB: cpuSeconds / (bytes / 2 ** 30) };
  } finally {
    await server.stop();
    for (const group of groups) await rmdir(group);
  }
}

async function cpuSecondsByThread(pid: number): Promise<Map<string, number>> {
  const threads = await readdir(`/proc/${pid}/task`);
  return new Map(threads.map((thread) => [thread, cpuSecondsIn(`${pid}/task/${thread}`)]));
}

/** The threads that worked most while clients fetched: the workers. */
async function findWorkers(pid: number, count: number, work: () => Promise<unknown>): Promise<string[]> {
  const before = await cpuSecondsByThread(pid);
  await work();
  const grown = [...(await cpuSecondsByThread(pid))].map(
    ([thread, seconds]) => [thread, seconds - (before.get(thread) ?? 0)] as const,
  );
  return grown
    .filter(([thread]) => Number(thread) !== pid)
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([thread]) => thread);
}

async function limitThread(thread: string, percent: number): Promise<string> {
  const group = join(CONTROLLER, `ntftp-bench-${thread}`);
  await mkdir(group).catch((error: Error) => {
    throw new Error(`${error.message}: this needs root and the cgroup v1 cpu controller at ${CONTROLLER}`);
  });
  await writeFile(join(group, "cpu.cfs_period_us"), String(PERIOD_US));
  await writeFile(join(group, "cpu.cfs_quota_us"), String((PERIOD_US * percent) / 100));
  // What else runs on the machine shall not matter: the group weighs as much as a group can.
  await writeFile(join(group, "cpu.shares"), "262144");
  await writeFile(join(group, "tasks"), thread);
  return group;
}

runMain("bench:scaling", main);
