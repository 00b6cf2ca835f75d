// Whether two workers move twice as much as one, where neither clients nor cores are the limit.
//
//   sudo node bench/scaling.mjs [PERCENT] [ROUNDS]       (Linux with the cgroup v1 cpu controller; after npm run build)
//
// Clients on the same machine take cores away from the server, so on a small machine this can't be seen directly.
// Here each worker thread gets PERCENT of a core and no more: slow cores, of which there are enough.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "../dist/src/index.mjs";

const [percent = 25, rounds = 3] = process.argv.slice(2).map(Number);
const CLIENTS = 32;
const FILE_BYTES = 4 * 1_048_576;
const PERIOD_US = 10_000;
const CONTROLLER = "/sys/fs/cgroup/cpu";
const settings = { blockSize: 1428, windowSize: 16 };
const command = fileURLToPath(new URL("../dist/src/cli/main.js", import.meta.url));

/** CPU ticks of each thread of a process. */
async function ticksByThread(pid) {
  const ticks = new Map();
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const fields = (await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")).split(") ")[1].split(" ");
    ticks.set(thread, Number(fields[11]) + Number(fields[12]));
  }
  return ticks;
}

/** The threads that worked most while clients fetched: the workers. */
async function findWorkers(pid, count, work) {
  const before = await ticksByThread(pid);
  await work();
  const grown = [...(await ticksByThread(pid))].map(([thread, ticks]) => [
    thread,
    ticks - (before.get(thread) ?? 0),
  ]);
  return grown
    .filter(([thread]) => Number(thread) !== pid)
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([thread]) => thread);
}

async function measure(root, workers) {
  const server = spawn(
    process.execPath,
    [command, "--json", "--workers", String(workers), "127.0.0.1:0", "-w", "16", "-l", root],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [line] = await once(server.stdout, "data");
  server.stdout.resume();
  const { port } = JSON.parse(String(line).split("\n")[0]);
  const client = createClient({ host: "127.0.0.1", port, ...settings, timeout: 20_000 });
  const fetch = async () => {
    for await (const chunk of client.createGetStream("image")) void chunk;
  };
  const fetchAll = () => Promise.all(Array.from({ length: CLIENTS }, fetch));
  const groups = [];
  for (const thread of await findWorkers(server.pid, workers, fetchAll)) {
    const group = join(CONTROLLER, `ntftp-bench-${thread}`);
    await mkdir(group);
    groups.push(group);
    await writeFile(join(group, "cpu.cfs_period_us"), String(PERIOD_US));
    await writeFile(join(group, "cpu.cfs_quota_us"), String((PERIOD_US * percent) / 100));
    await writeFile(join(group, "tasks"), thread);
  }
  const startedMs = performance.now();
  await fetchAll();
  const seconds = (performance.now() - startedMs) / 1000;
  server.kill("SIGKILL");
  await once(server, "exit");
  for (const group of groups) await rmdir(group);
  return (CLIENTS * FILE_BYTES) / 1_048_576 / seconds;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const root = await mkdtemp(join(tmpdir(), "ntftp-bench-"));
try {
  await writeFile(join(root, "image"), Buffer.alloc(FILE_BYTES, "ntftp"));
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const one = await measure(root, 1);
    const two = await measure(root, 2);
    results.push(two / one);
    console.log(
      `each worker at ${percent} % of a core: one ${one.toFixed(0)} MiB/s, two ${two.toFixed(0)} MiB/s`,
    );
  }
  console.log(`median ratio of two to one: ${median(results).toFixed(2)}`);
} catch (error) {
  console.error(`${error.message}\nThis needs root and the cgroup v1 cpu controller at ${CONTROLLER}.`);
  process.exitCode = 1;
} finally {
  await rm(root, { recursive: true });
}
