import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { MonitorOptions, ServerOptions } from "../index.js";
import { type CompletionShell, completionShells } from "./completion.js";
import { UsageError } from "./exit-codes.js";
import { addHelpTexts } from "./help.js";
import { type OptionRow, optionGroups } from "./option-row.js";
import { commonRows, type OptionValues, optionRows, toServerOptions } from "./option-table.js";
import { LOG_RATE_DEFAULT, type LogSettings } from "./server-log.js";
import { type Endpoint, type Mode, parseEndpoint, parseUri, type TftpUri } from "./uri.js";
import { bindAddress } from "./value-kinds.js";

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
  readonly output: Output;
  /** What the options say to `createServer`, without the root. */
  readonly server: ServerOptions & { readonly addresses: readonly string[] };
  /** Seconds that running transfers get after the first signal. */
  readonly graceSeconds: number;
  /** How the log of transfers looks. */
  readonly log: LogSettings;
  /** What is shown over HTTP. */
  readonly monitor: MonitorOptions;
}

/** A dry run of the rules of names. */
export interface MapTestInvocation {
  readonly kind: "map-test";
  /** Each may begin with `GET ` or `PUT `. */
  readonly names: readonly string[];
  readonly address: string;
  readonly output: Output;
  readonly server: ServerOptions;
}

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "completion"; readonly shell: CompletionShell }
  | TransferInvocation
  | ShellInvocation
  | ServeInvocation
  | MapTestInvocation;

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

/** Seconds that running transfers get after the first signal. */
const GRACE_SECONDS_DEFAULT = 30;

function buildProgram(found: (invocation: Invocation) => void): Command {
  const program = new Command("ntftp");
  program.description("TFTP client and server").argument("[host]", "server of the shell: <host>[:<port>]");
  // An option behind get or put is theirs, not the program's.
  program.enablePositionalOptions().helpCommand(false);
  addOptions(program, optionRows);
  program.action((host: string | undefined, options: OptionValues) => {
    const invocation = readMain(host, options);
    if (invocation !== null) found(invocation);
  });
  for (const kind of ["get", "put"] as const) {
    const command = program.command(kind).helpOption("-h, --help", "print this help");
    command.description(kind === "get" ? "GETs a file from the server" : "PUTs a file into the server");
    if (kind === "get") command.argument("<uri>").argument("[local]");
    else command.argument("<local-or-uri>").argument("[uri]");
    addOptions(command, commonRows);
    command.action((first: string, second: string | undefined, options: OptionValues) => {
      found(readTransfer(kind, first, second, { ...program.opts<OptionValues>(), ...options }));
    });
  }
  program
    .command("completion")
    .description("prints a completion script for a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(completionShells))
    .helpOption("-h, --help", "print this help")
    .action((shell: CompletionShell) => found({ kind: "completion", shell }));
  addHelpTexts(program);
  return program;
}

function addOptions(command: Command, rows: readonly OptionRow[]): void {
  for (const heading of optionGroups) {
    for (const row of rows.filter(({ group }) => group === heading)) {
      command.addOption(toCommanderOption(row).helpGroup(`${heading}:`));
      if (row.isNegatable) command.addOption(new Option(`--no-${row.name}`).hideHelp());
    }
  }
  command.helpOption("-h, --help", "print this help");
}

function toCommanderOption(row: OptionRow): Option {
  const { name, short, placeholder, kind } = row;
  const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
  const help = row.default === undefined ? row.help : `${row.help}; default ${row.default}`;
  if (placeholder === undefined) return new Option(names, help);
  const option = new Option(
    `${names} ${row.isValueOptional ? `[${placeholder}]` : `<${placeholder}>`}`,
    help,
  );
  return option.argParser((text: string, previous: unknown) => {
    const value = readValue(() => kind.fromText(text));
    return row.isRepeatable ? [...((previous as unknown[] | undefined) ?? []), value] : value;
  });
}

function readValue<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function readMain(host: string | undefined, options: OptionValues): Invocation | null {
  if (options.version) return { kind: "version" };
  if (options.mapTest !== undefined) {
    return {
      kind: "map-test",
      names: options.mapTest,
      address: options.mapAddress ?? "127.0.0.1",
      output: readCommon(options).output,
      server: toServerOptions(options),
    };
  }
  if (options.listen !== undefined) {
    return {
      kind: "serve",
      root: options.listen === true ? "." : options.listen,
      output: readCommon(options).output,
      server: { ...toServerOptions(options), ...readListening(host, options) },
      graceSeconds: options.grace ?? GRACE_SECONDS_DEFAULT,
      log: readLog(options),
      monitor: { metrics: options.metrics },
    };
  }
  if (host === undefined) return null;
  return { kind: "shell", endpoint: checked(() => parseEndpoint(host)), ...readCommon(options) };
}

function readLog(options: OptionValues): LogSettings {
  return {
    format: options.logFormat ?? "classic",
    level: options.quiet ? "error" : (options.logLevel ?? "info"),
    linesPerSecond: options.logRate ?? LOG_RATE_DEFAULT,
  };
}

/** The host of the command line is one more address; without any, it is every address of the machine. */
function readListening(
  host: string | undefined,
  options: OptionValues,
): { addresses: readonly string[]; port: number | undefined } {
  const named = options.listenAddress ?? [];
  if (host === undefined) return { addresses: named.length > 0 ? named : ["::"], port: options.port };
  const endpoint = checked(() => parseEndpoint(host));
  if (endpoint.port !== undefined && options.port !== undefined) {
    throw new UsageError(`the port is given twice, in '${host}' and by --port`);
  }
  const address = checked(() => toListenAddress(endpoint.host));
  return { addresses: [address, ...named], port: endpoint.port ?? options.port };
}

/** `get uri [local]`, `put [local] uri`: of a single argument the URI's path is both names. */
function readTransfer(
  kind: "get" | "put",
  first: string,
  second: string | undefined,
  options: OptionValues,
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

function readCommon(options: OptionValues): { settings: TransferSettings; output: Output; mode: Mode } {
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

function toListenAddress(host: string): string {
  try {
    return bindAddress.fromText(host);
  } catch {
    throw new Error(`a server listens on an address, '${host}' is a name; give an IP address or localhost`);
  }
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
  const command = words.find((word) => word === "get" || word === "put" || word === "completion");
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
