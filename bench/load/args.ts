import { availableParallelism } from "node:os";
import { parseEndpoint } from "../../src/cli/uri.js";
import { BadUsage, BenchCommand, numberIn } from "../shared/words.js";
import type { LoadPlan } from "./plan.js";

/** A plan whose host still has a name, and how its result is told. */
export interface LoadInvocation {
  readonly kind: "run";
  readonly host: string;
  readonly plan: Omit<LoadPlan, "address">;
  /** Folder with the files to compare with; null: they are fetched first. */
  readonly verifyFolder: string | null;
  readonly json: boolean;
  readonly quiet: boolean;
}

export type Invocation = LoadInvocation | { readonly kind: "help"; readonly text: string };

const DURATION_SECONDS_DEFAULT = 10;
const CONNECTIONS_MAX = 16_384;

const AFTER_HELP = `
Every transfer has a socket, and so a TID, of its own, as real clients do. Without --amount the test lasts --duration
seconds; transfers that run then are cut off with an ERROR: their bytes count, they themselves do not.

Latency is that of a whole transfer, from request to last ACK. Without --rate a transfer begins when another one ends:
a server that stalls is asked less meanwhile, and the percentiles are silent about everybody who would have come
(coordinated omission). With --rate transfers are due at fixed times, whether or not a connection is free, and their
latency counts from then: this is what machines see that don't wait for one another.

The generator says how much CPU it took itself. Where it was the limit, a warning says so: then goodput and latencies
are its own, not the server's.

Errors are told by code: "ERROR n" is what the server said (RFC 1350), "timeout" silence, "length" and "content" what
came, "negotiation" an OACK beyond what was asked; others are the system's.

  load -c 64 -d 10 -b 1428 -w 16 192.0.2.7 vmlinuz initrd.img
  load -c 512 -a 10000 127.0.0.1:6969 boot.cfg --json
  load --put --size 1048576 -c 8 -a 64 --verify 127.0.0.1:6969 upload-%n
`;

/**
 * Reads a command line (without node and script).
 * @throws BadUsage
 */
export function parseLoadCommand(words: readonly string[]): Invocation {
  const program = buildProgram();
  const help = program.read(words);
  if (help !== null) return { kind: "help", text: help };
  const [target = "", ...files] = program.args;
  return toInvocation(target, files, program.opts<Options>());
}

interface Options {
  connections: number;
  duration?: number;
  amount?: number;
  rate?: number;
  threads: number;
  blksize: number;
  windowsize: number;
  timeout: number;
  retries: number;
  put?: true;
  size?: number;
  loss: number;
  seed: number;
  verify?: string | true;
  json?: true;
  quiet?: true;
}

function buildProgram(): BenchCommand {
  const program = new BenchCommand("load");
  program
    .description("Loads a TFTP server with many simultaneous clients.")
    .argument("<host[:port]>", "the server")
    .argument("<files...>", "remote names, taken in turn; for --put, %n is the number of the connection")
    .option("-c, --connections <n>", "transfers at a time", numberIn(1, CONNECTIONS_MAX), 16)
    .option(
      "-d, --duration <seconds>",
      `how long; default ${DURATION_SECONDS_DEFAULT}`,
      numberIn(0.1, 86_400, true),
    )
    .option(
      "-a, --amount <n>",
      "how many transfers in all; with a duration, whichever is over first",
      numberIn(1, 1e9),
    )
    .option("-R, --rate <n>", "transfers that begin in a second (see below)", numberIn(0.01, 1e6, true))
    .option("-b, --blksize <bytes>", "asked for, 8 to 65464", numberIn(8, 65_464), 1428)
    .option("-w, --windowsize <blocks>", "asked for, 1 to 65535", numberIn(1, 65_535), 1)
    .option("-t, --timeout <ms>", "pause before the last packet is repeated", numberIn(1, 3_600_000), 1000)
    .option("-r, --retries <n>", "such pauses in a row that a transfer survives", numberIn(0, 1000), 8)
    .option("--put", "store instead of fetch")
    .option("--size <bytes>", "size of each file to store", numberIn(0, 2 ** 31 - 1))
    .option("--loss <percent>", "datagrams thrown away, each way", numberIn(0, 99, true), 0)
    .option("--seed <n>", "of that chance, and of what is stored", numberIn(0, 2 ** 32 - 1), 1)
    .option(
      "--verify [folder]",
      "compare every byte with the file in this folder; without one, with a copy fetched first. " +
        "With --put: fetch what was stored, at the end",
    )
    .option("--threads <n>", "worker threads", numberIn(1, 256), availableParallelism())
    .option("--json", "one JSON object")
    .option("-q, --quiet", "no live progress")
    .addHelpText("after", AFTER_HELP);
  return program;
}

function toInvocation(target: string, files: readonly string[], options: Options): LoadInvocation {
  if (options.put !== true && options.size !== undefined) throw new BadUsage("--size belongs to --put");
  if (options.put === true && options.size === undefined) throw new BadUsage("--put needs --size");
  if (options.put === true && typeof options.verify === "string") {
    throw new BadUsage("--verify takes no folder with --put");
  }
  const { host, port = 69 } = endpointOf(target);
  return {
    kind: "run",
    host,
    plan: {
      port,
      method: options.put === true ? "PUT" : "GET",
      files,
      connections: options.connections,
      amount: options.amount ?? null,
      durationSeconds: options.duration ?? (options.amount === undefined ? DURATION_SECONDS_DEFAULT : null),
      ratePerSecond: options.rate ?? null,
      threads: options.threads,
      blockSize: options.blksize,
      windowSize: options.windowsize,
      timeoutMs: options.timeout,
      retries: options.retries,
      loss: options.loss / 100,
      seed: options.seed,
      verify: options.verify !== undefined,
      putBytes: options.size ?? 0,
    },
    verifyFolder: typeof options.verify === "string" ? options.verify : null,
    json: options.json === true,
    quiet: options.quiet === true,
  };
}

function endpointOf(target: string): { host: string; port?: number | undefined } {
  try {
    return parseEndpoint(target);
  } catch (error) {
    throw new BadUsage((error as Error).message);
  }
}
