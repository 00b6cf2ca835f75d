// What the pool costs: server CPU per GiB with 0, 1 and 2 workers, the same work in turn, medians of the rounds.
//
//   node bench/workers.mjs [ROUNDS] [CLIENTS] [FILE_MIB]       (after npm run build)
//
// Clients run in this process: they share the machine's cores with the server, so read the CPU, not the goodput.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "../dist/src/index.mjs";

const [rounds = 5, clients = 16, fileMiB = 16] = process.argv.slice(2).map(Number);
const WORKERS = [0, 1, 2];
const SETTINGS = [
  { blockSize: 1428, windowSize: 1 },
  { blockSize: 1428, windowSize: 16 },
];
const command = fileURLToPath(new URL("../dist/src/cli/main.js", import.meta.url));
const MIB = 1_048_576;

/** User and system CPU seconds of a process, from the kernel (100 ticks a second). */
async function cpuSeconds(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function measure(root, workers, settings) {
  const server = spawn(
    process.execPath,
    [command, "--json", "-b", "65464", "-w", "64", "--workers", String(workers), "127.0.0.1:0", "-l", root],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = await once(server.stdout, "data");
  server.stdout.resume();
  const { port } = JSON.parse(String(line).split("\n")[0]);
  const client = createClient({ host: "127.0.0.1", port, ...settings, timeout: 10_000 });
  const fetch = async () => {
    for await (const chunk of client.createGetStream("image")) void chunk;
  };
  // Threads have started and code is compiled before it counts.
  await Promise.all(Array.from({ length: 4 }, fetch));
  const cpuBefore = await cpuSeconds(server.pid);
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: clients }, fetch));
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = (await cpuSeconds(server.pid)) - cpuBefore;
  server.kill("SIGTERM");
  await once(server, "exit");
  const gib = (clients * fileMiB) / 1024;
  return { cpuPerGiB: cpu / gib, mibPerSecond: (gib * 1024) / seconds };
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const root = await mkdtemp(join(tmpdir(), "ntftp-bench-"));
try {
  await writeFile(join(root, "image"), Buffer.alloc(fileMiB * MIB, "ntftp"));
  console.log(`${clients} clients, ${fileMiB} MiB each, median of ${rounds} rounds\n`);
  console.log("| blksize, windowsize | workers | server CPU s/GiB | against 0 workers | MiB/s |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const settings of SETTINGS) {
    const results = new Map(WORKERS.map((workers) => [workers, []]));
    for (let round = 0; round < rounds; round++) {
      for (const workers of WORKERS) results.get(workers).push(await measure(root, workers, settings));
    }
    const base = results.get(0);
    for (const workers of WORKERS) {
      const runs = results.get(workers);
      const ratio = median(runs.map((run, round) => run.cpuPerGiB / base[round].cpuPerGiB));
      const cpu = median(runs.map((run) => run.cpuPerGiB)).toFixed(2);
      const goodput = median(runs.map((run) => run.mibPerSecond)).toFixed(0);
      const { blockSize, windowSize } = settings;
      console.log(`| ${blockSize}, ${windowSize} | ${workers} | ${cpu} | ${ratio.toFixed(2)} | ${goodput} |`);
    }
  }
} finally {
  await rm(root, { recursive: true });
}
