/*
 * Whether two workers move twice as much as one, where neither clients nor cores are the limit.
 *
 * Clients on the same machine take cores away from the server, so on a small machine this can't be seen directly.
 * Here each worker thread gets a part of a core and no more: slow cores, of which there are enough.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHECKOUT, ntftpOf } from "../compare/subjects.js";
import { parseLoadCommand } from "../load/args.js";
import { runLoad } from "../load/run-load.js";
import { fileOf, linesNamed } from "../shared/lines.js";
import { prepareFiles } from "../shared/measure.js";
import { ServerProcess, type Subject } from "../shared/server-process.js";
import { median } from "../shared/statistics.js";
import { BenchCommand, numberIn, runMain } from "../shared/words.js";

const CONTROLLER = "/sys/fs/cgroup/cpu";
const PERIOD_US = 10_000;

interface Options {
  percent: number;
  rounds: number;
  seconds: number;
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
    .option("--no-native", "without the native path")
    .option("--single-port", "transfers on the request port");
  const help = command.read(words);
  if (help !== null) {
    process.stdout.write(help);
    return 0;
  }
  const { percent, rounds, seconds, native, singlePort = false } = command.opts<Options>();
  const flags = singlePort ? ["--single-port"] : [];
  const deliver = (root: string, workers: number): Promise<number> =>
    measure(root, ntftpOf(CHECKOUT, "ntftp", "ntftp", workers, native, flags), { workers, percent, seconds });
  const root = await mkdtemp(join(tmpdir(), "ntftp-bench-"));
  const results: number[] = [];
  try {
    await prepareFiles(root, [LINE]);
    for (let round = 0; round < rounds; round++) {
      signal.throwIfAborted();
      const one = await deliver(root, 1);
      signal.throwIfAborted();
      const two = await deliver(root, 2);
      results.push(two / one);
      const speeds = `one ${one.toFixed(0)} MiB/s, two ${two.toFixed(0)} MiB/s`;
      process.stdout.write(`each worker at ${percent} % of a core: ${speeds}\n`);
    }
  } finally {
    await rm(root, { recursive: true });
  }
  process.stdout.write(`median ratio of two to one: ${median(results).toFixed(2)}\n`);
  return 0;
}

const [LINE] = linesNamed(["1428x16"]) as [ReturnType<typeof linesNamed>[number]];

async function measure(
  root: string,
  subject: Subject,
  { workers, percent, seconds }: Pick<Options, "percent" | "seconds"> & { readonly workers: number },
): Promise<number> {
  const server = await ServerProcess.start(subject, root);
  const groups: string[] = [];
  try {
    const load = async (duration: number): Promise<number> => {
      const target = `${server.host}:${server.port}`;
      const words = `${target} ${fileOf(LINE)} -b 1428 -w 16 -c 32 -t 20000 --threads 1 -d ${duration}`;
      const invocation = parseLoadCommand(words.split(" "));
      if (invocation.kind === "help") throw new Error("a plan was expected");
      const { mibPerSecond } = await runLoad({ ...invocation.plan, address: server.host }, new Map());
      return mibPerSecond;
    };
    const [pid] = server.account.pids() as [number];
    for (const thread of await findWorkers(pid, workers, () => load(1))) {
      groups.push(await limitThread(thread, percent));
    }
    return await load(seconds);
  } finally {
    await server.stop();
    for (const group of groups) await rmdir(group);
  }
}

/** CPU ticks of each thread of a process. */
async function ticksByThread(pid: number): Promise<Map<string, number>> {
  const ticks = new Map<string, number>();
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8");
    const fields = stat.split(") ").at(-1)?.split(" ") ?? [];
    ticks.set(thread, Number(fields[11]) + Number(fields[12]));
  }
  return ticks;
}

/** The threads that worked most while clients fetched: the workers. */
async function findWorkers(pid: number, count: number, work: () => Promise<unknown>): Promise<string[]> {
  const before = await ticksByThread(pid);
  await work();
  const grown = [...(await ticksByThread(pid))].map(
    ([thread, ticks]) => [thread, ticks - (before.get(thread) ?? 0)] as const,
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
