import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { ServerOptions } from "../index.js";
import { type CompletionShell, completionShells } from "./completion.js";
import { readConfig } from "./config.js";
import { UsageError } from "./exit-codes.js";
import { addHelpTexts } from "./help.js";
import { type OptionRow, optionGroups } from "./option-row.js";
import { commonRows, type OptionValues, optionRows, toServerOptions } from "./option-table.js";
import { checked, type Output, readServe, type ServeInvocation } from "./serve-args.js";
import { type Endpoint, type Mode, parseEndpoint, parseUri, type TftpUri } from "./uri.js";

/** Settings of the protocol; undefined where the library's default holds. */
export interface TransferSettings {
  readonly blockSize: number | undefined;
  readonly windowSize: number | undefined;
  readonly timeout: number | undefined;
  readonly retries: number | undefined;
  readonly maxDownloadSize: number | undefined;
}

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
  | { readonly kind: "version"; readonly output: Output }
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
  if (options.version) return { kind: "version", output: readCommon(options).output };
  const all = options.config === undefined ? options : { ...readConfig(options.config), ...options };
  if (options.mapTest !== undefined) {
    return {
      kind: "map-test",
      names: options.mapTest,
      address: options.mapAddress ?? "127.0.0.1",
      output: readCommon(all).output,
      server: toServerOptions(all),
    };
  }
  if (all.listen !== undefined) return readServe(host, options, all);
  if (options.config !== undefined) {
    throw new Error(`${options.config}: there is no "root", and no -l on the command line`);
  }
  if (host === undefined) return null;
  return { kind: "shell", endpoint: checked(() => parseEndpoint(host)), ...readCommon(options) };
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
      maxDownloadSize: options.maxDownload,
    },
    output: options.json ? "json" : options.quiet ? "quiet" : "human",
    mode: options.mode ?? "octet",
  };
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
