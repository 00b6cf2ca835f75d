import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sampleBytes } from "../helpers/files.js";
import { Link } from "./link.js";
import { clientWords, type Parameters, type ServerName, startServer } from "./peers.js";

/*
 * Goodput of one transfer across a link that loses, ours beside the peers in turn:
 *
 *   sudo npm run netem:goodput -- [--mib 1] [--rounds 3]       (after .ci/packages.sh)
 *
 * The server is what is compared; the client is always ours, so that it is the same. A row is the median of rounds.
 * Everything of a row runs at once, each on a link of its own: it waits nearly all of the time, so that the machine's
 * moods meet all servers alike, and a peer that needs a minute holds nobody up.
 */
const { values } = parseArgs({
  options: {
    mib: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    loss: { type: "string", default: "0.01,0.05" },
    rtt: { type: "string", default: "1,10,50" },
  },
});

/** Whoever is not done by then is counted as if he had just been. */
const RUN_MS = 60_000;

const LINES: readonly Parameters[] = [
  { blockSize: 1428, windowSize: 1 },
  { blockSize: 1428, windowSize: 16 },
];
const SERVERS: readonly ServerName[] = ["ntftp", "in.tftpd", "atftpd", "dnsmasq"];

const bytes = Math.round(Number(values.mib) * 1_048_576);

async function measure(
  folder: string,
  server: ServerName,
  parameters: Parameters,
  weather: { loss: number; delay_us: number; seed: number },
): Promise<number> {
  const link = await Link.open(weather);
  const local = await mkdtemp(join(folder, "local-"));
  try {
    const running = await startServer(link, server, join(folder, "root"));
    try {
      const words = clientWords("ntftp", "get", "file", running.port, parameters) as readonly [
        string,
        ...string[],
      ];
      const { code, elapsedMs, output } = await link.onClient(
        words[0],
        words.slice(1).map((word) => (word === "-q" ? "--json" : word)),
        local,
        RUN_MS,
      );
      const done = /"seconds":([\d.]+)/.exec(output)?.[1];
      // The transfer alone; who had to be stopped gets the whole time.
      if (code === 0 && done !== undefined) return bytes / 1_048_576 / Number(done);
      if (code !== null) console.error(`${server}: ${output.trim()}`);
      return code === null ? bytes / 1_048_576 / (elapsedMs / 1000) : 0;
    } finally {
      await running.stop();
    }
  } finally {
    await link.close();
  }
}

function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ntftp-goodput-"));
  await mkdir(join(folder, "root"));
  await writeFile(join(folder, "root", "file"), sampleBytes(bytes));
  console.log(`MiB/s of one GET of ${values.mib} MiB, client ours`);
  console.log(
    `loss  RTT ms  blksize,window  ${SERVERS.map((name) => name.padStart(9)).join("")}   ours / best peer`,
  );
  try {
    for (const loss of values.loss.split(",").map(Number)) {
      for (const rttMs of values.rtt.split(",").map(Number)) {
        for (const parameters of LINES) {
          const medians = await Promise.all(
            SERVERS.map(async (server) => {
              const rounds = Array.from({ length: Number(values.rounds) }, (_, round) =>
                measure(folder, server, parameters, { loss, delay_us: rttMs * 500, seed: 1 + round }),
              );
              return median(await Promise.all(rounds));
            }),
          );
          const ratio = (medians[0] as number) / Math.max(...medians.slice(1));
          const line = `${parameters.blockSize},${parameters.windowSize}`.padEnd(14);
          const row = medians.map((figure) => figure.toFixed(2).padStart(9)).join("");
          console.log(
            `${String(loss * 100).padStart(3)} %  ${String(rttMs).padStart(6)}  ${line}  ${row}   ${ratio.toFixed(1)}`,
          );
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
