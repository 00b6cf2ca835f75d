import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LoadResult } from "../load/run-load.js";
import { fileOf, type Line } from "./lines.js";
import { SeededRandom } from "./random.js";
import { ServerProcess, type Subject } from "./server-process.js";

const MIB = 1_048_576;
const GIB = 1024 * MIB;

/** What one server did with one line in one round. */
export interface Sample {
  readonly line: string;
  readonly subject: string;
  readonly round: number;
  /** Of the server with all its children. */
  readonly cpuSeconds: number;
  readonly cpuPerGiB: number;
  readonly cpuMsPerTransfer: number;
  readonly mibPerSecond: number;
  readonly transfersPerSecond: number;
  readonly transfers: number;
  readonly failures: number;
  readonly errors: readonly string[];
  /** What the server held before the load and at most under it. */
  readonly idleMiB: number;
  readonly peakMiB: number;
  readonly granted: { readonly blockSize: number; readonly windowSize: number };
  /** Part of the time in which the generator's busiest thread had work. */
  readonly generatorBusy: number;
}

/**
 * What every server moves before it counts: threads have started, files are in memory, and Node has compiled what is
 * hot. By bytes and not by time, as a busy machine gives little of that in a second.
 */
const WARM_UP_BYTES = 256 * MIB;

/**
 * A load of large files begins few transfers, so that Node would compile what a beginning takes all through the
 * measurement (5 % of the CPU): so many small files are fetched first, and are enough where files are small.
 */
const WARM_UP_TRANSFERS = 2048;
const WARM_UP_FILE_BYTES = 1024;

/** Where bytes are cheap, they are moved before Node has compiled what a transfer costs: it goes on for so long. */
const WARM_UP_SECONDS_MIN = 2;

/** Of each of the two short loads behind the warm-up. */
const SETTLE_SECONDS = 0.7;

/** The generator does not run for less. */
const LOAD_SECONDS_MIN = 0.1;

/** How a measurement is made. */
export interface Settings {
  /** Of load; a line may ask for more. */
  readonly seconds: number;
  /** The longest time for the load that does not count, see {@link WARM_UP_BYTES}. */
  readonly warmUpSecondsMax: number;
  /** Folder with the lines' files. */
  readonly root: string;
  /** Ends it early. */
  readonly signal?: AbortSignal | undefined;
}

/** Writes the files that these lines fetch. */
export async function prepareFiles(root: string, lines: readonly Line[]): Promise<void> {
  for (const line of [...lines, ...lines.map(beginnings)]) {
    if (line.isMissing) continue;
    const content = new SeededRandom(line.fileBytes).fill(new Uint8Array(line.fileBytes));
    await writeFile(join(root, fileOf(line)), content);
  }
}

/**
 * Starts the server, warms it up, loads it, ends it.
 * @throws Error with what it said when it does not start
 */
export async function measure(
  subject: Subject,
  line: Line,
  round: number,
  settings: Settings,
): Promise<Sample> {
  const { signal } = settings;
  const server = await ServerProcess.start(subject, settings.root);
  try {
    const lossless = { ...line, lossPercent: 0 };
    if (!line.isMissing && line.fileBytes > WARM_UP_FILE_BYTES) {
      const amount = WARM_UP_TRANSFERS;
      await load(server, beginnings(lossless), settings.warmUpSecondsMax, 0, { amount, signal });
    }
    const warmUp = Math.min(WARM_UP_TRANSFERS, WARM_UP_BYTES / line.fileBytes);
    const amount = Math.ceil(Math.max(line.clients, warmUp));
    const { seconds } = await load(server, lossless, settings.warmUpSecondsMax, 0, { amount, signal });
    const missingSeconds = Math.min(WARM_UP_SECONDS_MIN, settings.warmUpSecondsMax) - seconds;
    if (missingSeconds >= LOAD_SECONDS_MIN) await load(server, lossless, missingSeconds, 0, { signal });
    // Twice, as the end of a load breaks off transfers: that is news once, and throws away what was compiled.
    for (let i = 0; i < 2; i++) {
      await load(server, lossless, Math.min(SETTLE_SECONDS, settings.warmUpSecondsMax), 0, { signal });
    }
    const idleBytes = server.memoryBytes();
    server.watchMemory();
    const cpuBefore = server.account.cpuSeconds();
    const result = await load(server, line, settings.seconds * line.timeFactor, round + 1, {
      signal,
    });
    const cpuSeconds = server.account.cpuSeconds() - cpuBefore;
    const { completed, failed } = result;
    const [transfers, failures] = line.isMissing ? [failed, completed] : [completed, failed];
    return {
      line: line.name,
      subject: subject.id,
      round,
      cpuSeconds,
      cpuPerGiB: cpuSeconds / (result.bytes / GIB),
      cpuMsPerTransfer: (cpuSeconds * 1000) / transfers,
      mibPerSecond: result.mibPerSecond,
      transfersPerSecond: result.transfersPerSecond,
      transfers,
      failures,
      errors: result.errors.map(({ code, count, example }) => `${count} x ${code}: ${example}`),
      idleMiB: idleBytes / MIB,
      peakMiB: server.peakBytes / MIB,
      granted: result.granted,
      generatorBusy: result.generator.busiestThread,
    };
  } finally {
    await server.stop();
  }
}

/** The same work with a small file. */
function beginnings(line: Line): Line {
  return { ...line, fileBytes: Math.min(line.fileBytes, WARM_UP_FILE_BYTES) };
}

/** Time a generator gets beyond its load. */
const GENERATOR_GRACE_MS = 30_000;

/** In a process of its own, so that neither its CPU nor its memory is mixed with anything. */
async function load(
  server: ServerProcess,
  line: Line,
  seconds: number,
  seed: number,
  { amount, signal }: { amount?: number; signal: AbortSignal | undefined },
): Promise<LoadResult> {
  const options = {
    connections: line.clients,
    duration: seconds,
    blksize: line.blockSize,
    windowsize: line.windowSize,
    loss: line.lossPercent,
    seed,
    threads: Math.max(1, availableParallelism() >> 1),
    ...(amount === undefined ? {} : { amount }),
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const command = join(__dirname, "../load/main.js");
  const target = `${server.host}:${server.port}`;
  const run = promisify(execFile)(process.execPath, [command, target, fileOf(line), ...words, "--json"], {
    timeout: Math.ceil(seconds * 1000) + GENERATOR_GRACE_MS,
    maxBuffer: 1 << 24,
    signal,
  });
  // Failed transfers are a result here: the exit status only repeats it.
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
  signal?.throwIfAborted();
  if (!stdout.startsWith("{")) throw new Error(`the load generator failed: ${stderr || "it says nothing"}`);
  return JSON.parse(stdout) as LoadResult;
}
