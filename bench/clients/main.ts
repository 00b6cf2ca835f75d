/*
 * What a client costs: each fetches the same file from the same server of ours, in turn. The figure is the client's
 * CPU with everything it starts, a whole process from its first instruction to its last.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nativePathOf, programsFolder } from "../compare/programs.js";
import { ntftpOf } from "../compare/subjects.js";
import { CHECKOUT } from "../shared/checkout.js";
import { openCpuAccount } from "../shared/cpu-account.js";
import { SeededRandom } from "../shared/random.js";
import { orderOf } from "../shared/rounds.js";
import { ServerProcess } from "../shared/server-process.js";
import { median } from "../shared/statistics.js";
import { formatTable } from "../shared/table.js";
import { BadUsage, BenchCommand, numberIn, runMain } from "../shared/words.js";
import { allClients, type ClientProgram, type Errand } from "./programs.js";

const MIB = 1_048_576;

/** How each client is asked to fetch; the first size is what clients without options take. */
const SHAPES = [
  [512, 1],
  [1428, 1],
  [1428, 16],
] as const;

interface Options {
  mib: number;
  rounds: number;
}

interface Run {
  readonly cpuSeconds: number;
  readonly seconds: number;
}

async function main(words: readonly string[], signal: AbortSignal): Promise<number> {
  const command = new BenchCommand("bench:clients");
  command
    .description("Measures clients side by side: CPU seconds to fetch a file from ntftp.")
    .option("--mib <n>", "size of the file", numberIn(1, 65_536), 256)
    .option("-n, --rounds <n>", "rounds; the median counts", numberIn(1, 1000), 3);
  if (command.readsHelp(words)) return 0;
  const { mib, rounds } = command.opts<Options>();
  const { isNative } = nativePathOf(CHECKOUT);
  const clients = allClients(programsFolder()).filter(
    ({ file, env }) => existsSync(file) && (isNative || env?.["NTFTP_NATIVE"] !== "1"),
  );
  if (clients.length < 3) throw new BadUsage("no other clients are here: .ci/packages.sh fetches them");
  const folder = await mkdtemp(join(tmpdir(), "ntftp-bench-"));
  try {
    await writeFile(join(folder, "file"), new SeededRandom(mib).fill(new Uint8Array(mib * MIB)));
    const server = await ServerProcess.start(ntftpOf(CHECKOUT, "ntftp", "ntftp", 1, isNative), folder);
    try {
      const table = await compare(clients, server.port, folder, { mib, rounds }, signal);
      process.stdout.write(table);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return 0;
}

/** A row for each client, a column for each shape. */
async function compare(
  clients: readonly ClientProgram[],
  port: number,
  folder: string,
  { mib, rounds }: Options,
  signal: AbortSignal,
): Promise<string> {
  const rows = new Map(clients.map(({ title }) => [title, [] as string[]]));
  for (const [blockSize, windowSize] of SHAPES) {
    const runs = new Map(clients.map(({ title }) => [title, [] as Run[]]));
    for (let round = 0; round < rounds; round++) {
      for (const client of orderOf(round, clients)) {
        const errand = { port, remote: "file", local: join(folder, "got"), blockSize, windowSize };
        const run = await fetchOnce(client, errand, mib * MIB, signal);
        if (run === null) continue;
        runs.get(client.title)?.push(run);
        const figures = `${run.cpuSeconds.toFixed(2)} CPU s, ${(mib / run.seconds).toFixed(0)} MiB/s`;
        process.stderr.write(`${blockSize}, ${windowSize} round ${round + 1} ${client.title}: ${figures}\n`);
      }
    }
    for (const [title, row] of rows) row.push(formatCell(runs.get(title) ?? [], mib));
  }
  const head = ["client", ...SHAPES.map((shape) => shape.join(", "))];
  const text = formatTable([head, ...[...rows].map(([title, row]) => [title, ...row])]);
  return `Client CPU s/GiB (MiB/s), a file of ${mib} MiB, medians of ${rounds} rounds; '-': can't ask for that\n\n${text}`;
}

/** @returns null where the client can't ask for it */
async function fetchOnce(
  client: ClientProgram,
  errand: Errand,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<Run | null> {
  const words = client.words(errand);
  if (words === null) return null;
  await rm(errand.local, { force: true });
  const account = openCpuAccount();
  try {
    const [file = "", ...rest] = account.wrap([client.file, ...words]);
    const startedMs = performance.now();
    const child = spawn(file, rest, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, ...client.env },
      signal,
    });
    if (child.pid !== undefined) account.adopt(child.pid);
    const [status] = await once(child, "exit");
    const seconds = (performance.now() - startedMs) / 1000;
    const got = (await stat(errand.local).catch(() => null))?.size;
    if (status !== 0 || got !== sizeBytes)
      throw new Error(`${client.title} ended with status ${status} and ${got ?? 0} of ${sizeBytes} bytes`);
    return { cpuSeconds: account.cpuSeconds(), seconds };
  } finally {
    account.close();
  }
}

function formatCell(runs: readonly Run[], mib: number): string {
  if (runs.length === 0) return "-";
  const perGiB = (median(runs.map(({ cpuSeconds }) => cpuSeconds)) * 1024) / mib;
  const speed = mib / median(runs.map(({ seconds }) => seconds));
  return `${perGiB.toFixed(2)} (${speed.toFixed(0)})`;
}

runMain("bench:clients", main);
