import { Command, CommanderError, InvalidArgumentError } from "commander";
import { UsageError } from "./exit-codes.js";
import { addHelpTexts } from "./help.js";
import { type Endpoint, type Mode, parseEndpoint, parseMode, parseUri, type TftpUri } from "./uri.js";

/** Settings of the protocol; undefined where the library's default holds. */
export interface TransferSettings {
  readonly blockSize: number | undefined;
  readonly windowSize: number | undefined;
  readonly timeout: number | undefined;
  readonly retries: number | undefined;
}

/** How outcomes are told. */
export type Output = "human" | "quiet" | "json";

/** One file on its way. */
export interface TransferInvocation {
  readonly kind: "get" | "put";
  readonly uri: TftpUri;
  /** Undefined: derived from the other name. */
  readonly local: string | undefined;
  readonly mode: Mode;
  readonly settings: TransferSettings;
  readonly output: Output;
}

export interface ShellInvocation {
  readonly kind: "shell";
  readonly endpoint: Endpoint;
  readonly mode: Mode;
  readonly settings: TransferSettings;
  readonly output: Output;
}

export interface ServeInvocation {
  readonly kind: "serve";
  readonly root: string;
  /** Undefined: every address of the machine. */
  readonly endpoint: Endpoint | undefined;
  readonly settings: TransferSettings;
  readonly output: Output;
  readonly denyGet: boolean;
  readonly denyPut: boolean;
  readonly portRange: { readonly first: number; readonly last: number } | undefined;
  readonly symlinks: "inside" | "follow" | "deny";
  readonly maxTransfers: number | undefined;
  readonly maxTransfersPerClient: number | undefined;
  readonly workers: number | undefined;
  readonly handler: string | undefined;
  /** Seconds that running transfers get after the first signal. */
  readonly graceSeconds: number;
}

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | TransferInvocation
  | ShellInvocation
  | ServeInvocation;

/**
 * Reads a command line (without node and script).
 * @throws UsageError with one line: what, where, what to do
 */
export function parseCommandLine(words: readonly string[]): Invocation {
  let help = "";
  let invocation: Invocation | null = null;
  const program = buildProgram((found) => {
    invocation = found;
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
      writeErr: () => undefined,
      getOutHelpWidth: () => 80,
    });
  }
  try {
    program.parse(expandAbbreviations(words, program), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed" || error.code === "commander.help")
      return { kind: "help", text: help };
    throw new UsageError(error.message.replace(/^error: /, ""), commandOf(words));
  }
  if (invocation === null) program.outputHelp();
  return invocation ?? { kind: "help", text: help };
}

function buildProgram(found: (invocation: Invocation) => void): Command {
  const program = new Command("ntftp");
  program.description("TFTP client and server").argument("[host]", "server of the shell: <host>[:<port>]");
  // An option behind get or put is theirs, not the program's.
  program.enablePositionalOptions().helpCommand(false);
  addCommonOptions(program);
  addServerOptions(program);
  program.option("-v, --version", "print the version");
  program.action((host: string | undefined, options: MainOptions) => {
    const invocation = readMain(host, options);
    if (invocation !== null) found(invocation);
  });
  for (const kind of ["get", "put"] as const) {
    const command = program.command(kind).helpOption("-h, --help", "print this help");
    command.description(kind === "get" ? "GETs a file from the server" : "PUTs a file into the server");
    if (kind === "get") command.argument("<uri>").argument("[local]");
    else command.argument("<local-or-uri>").argument("[uri]");
    addCommonOptions(command);
    command.action((first: string, second: string | undefined, options: CommonOptions) => {
      found(readTransfer(kind, first, second, { ...program.opts<CommonOptions>(), ...options }));
    });
  }
  addHelpTexts(program);
  return program;
}

interface CommonOptions {
  blksize?: number;
  windowsize?: number;
  timeout?: number;
  retries?: number;
  mode?: Mode;
  quiet?: true;
  json?: true;
}

interface MainOptions extends CommonOptions {
  listen?: string | true;
  version?: true;
  denyGet?: true;
  denyPut?: true;
  portRange?: { first: number; last: number };
  symlinks?: "inside" | "follow" | "deny";
  maxTransfers?: number;
  maxTransfersPerClient?: number;
  workers?: number;
  handler?: string;
  grace?: number;
}

function addCommonOptions(command: Command): void {
  command
    .option("-b, --blksize <bytes>", "largest block, 8 to 65464; default 1468", numberIn(8, 65_464))
    .option(
      "-w, --windowsize <blocks>",
      "blocks per acknowledgement, 1 to 65535; default 4",
      numberIn(1, 65_535),
    )
    .option(
      "-t, --timeout <milliseconds>",
      "longest pause before repeating; default 3000",
      numberIn(1, 3_600_000),
    )
    .option("-r, --retries <number>", "time-outs without progress survived; default 3", numberIn(1, 1000))
    .option("-m, --mode <mode>", "octet (default) or netascii", (text) => checked(() => parseMode(text)))
    .option("-q, --quiet", "print nothing but errors")
    .option("--json", "print one JSON object per event")
    .helpOption("-h, --help", "print this help");
}

function addServerOptions(program: Command): void {
  program
    .option("-l, --listen [root]", "start a server for the files below root; default .")
    .option("--deny-get", "refuse every GET")
    .option("--deny-put", "refuse every PUT (a read-only server)")
    .option("--port-range <first-last>", "UDP ports for transfers; default any", parsePortRange)
    .option("--symlinks <policy>", "links: inside (the root; default), follow, deny", parseSymlinks)
    .option("--max-transfers <number>", "transfers at a time; default 4096", numberIn(1, 65_536))
    .option("--max-transfers-per-client <number>", "of one address; default no limit", numberIn(1, 65_536))
    .option("--workers <number>", "threads, 0 to 256; default one per core", numberIn(0, 256))
    .option("--handler <module>", "answers requests, inside the workers")
    .option("--grace <seconds>", "time for running transfers after SIGTERM; default 30", numberIn(0, 86_400));
}

function readMain(host: string | undefined, options: MainOptions): Invocation | null {
  if (options.version) return { kind: "version" };
  const common = readCommon(options);
  if (options.listen !== undefined) {
    return {
      kind: "serve",
      root: options.listen === true ? "." : options.listen,
      endpoint: host === undefined ? undefined : checked(() => parseEndpoint(host)),
      settings: common.settings,
      output: common.output,
      denyGet: options.denyGet ?? false,
      denyPut: options.denyPut ?? false,
      portRange: options.portRange,
      symlinks: options.symlinks ?? "inside",
      maxTransfers: options.maxTransfers,
      maxTransfersPerClient: options.maxTransfersPerClient,
      workers: options.workers,
      handler: options.handler,
      graceSeconds: options.grace ?? 30,
    };
  }
  if (host === undefined) return null;
  return { kind: "shell", endpoint: checked(() => parseEndpoint(host)), ...common };
}

/** `get uri [local]`, `put [local] uri`: of a single argument the URI's path is both names. */
function readTransfer(
  kind: "get" | "put",
  first: string,
  second: string | undefined,
  options: CommonOptions,
): TransferInvocation {
  const uriText = kind === "get" ? first : (second ?? first);
  const local = kind === "get" ? second : second === undefined ? undefined : first;
  const uri = checked(() => parseUri(uriText), `ntftp ${kind}`);
  if (kind === "get" && uri.path === "") throw new UsageError("Bad uri: it names no file", "ntftp get");
  if (kind === "put" && local === undefined && uri.path === "") {
    throw new UsageError("Bad uri: neither it nor the command names a file", "ntftp put");
  }
  const common = readCommon(options);
  return { kind, uri, local, ...common, mode: options.mode ?? uri.mode ?? "octet" };
}

function readCommon(options: CommonOptions): { settings: TransferSettings; output: Output; mode: Mode } {
  return {
    settings: {
      blockSize: options.blksize,
      windowSize: options.windowsize,
      timeout: options.timeout,
      retries: options.retries,
    },
    output: options.json ? "json" : options.quiet ? "quiet" : "human",
    mode: options.mode ?? "octet",
  };
}

function numberIn(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`It has to be a whole number from ${low} to ${high}.`);
  };
}

function parsePortRange(text: string): { first: number; last: number } {
  const [, first = 0, last = 0] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).map(Number);
  if (first >= 1 && first <= last && last <= 65_535) return { first, last };
  throw new InvalidArgumentError("It has to be two ports in order, as in 50000-50999.");
}

function parseSymlinks(text: string): "inside" | "follow" | "deny" {
  if (text === "inside" || text === "follow" || text === "deny") return text;
  throw new InvalidArgumentError("It can be inside, follow or deny.");
}

/** Turns a parser's error into a mistake on the command line. */
function checked<T>(parse: () => T, command = "ntftp"): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError((error as Error).message, command);
  }
}

function commandOf(words: readonly string[]): string {
  const command = words.find((word) => word === "get" || word === "put");
  return command === undefined ? "ntftp" : `ntftp ${command}`;
}

/** Completes unambiguous beginnings of long options (`--blk`), which the parser itself does not know. */
function expandAbbreviations(words: readonly string[], program: Command): string[] {
  const known = new Set(program.options.map((option) => option.long ?? "").concat("--help"));
  const end = words.indexOf("--");
  return words.map((word, index) => {
    const [name = "", ...value] = word.split("=");
    if (!name.startsWith("--") || name === "--" || known.has(name) || (end >= 0 && index > end)) return word;
    const candidates = [...known].filter((option) => option.startsWith(name));
    if (candidates.length > 1) {
      throw new UsageError(`option '${name}' is ambiguous: ${candidates.join(", ")}`, commandOf(words));
    }
    return [candidates[0] ?? name, ...value].join("=");
  });
}
