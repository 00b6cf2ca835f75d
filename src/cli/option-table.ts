import type { ServerOptions } from "../index.js";
import { logLevels } from "../observe/log-levels.js";
import {
  flag,
  listenAddress,
  mode,
  oneOf,
  portRange,
  symlinkPolicy,
  text,
  type ValueKind,
  wholeNumber,
} from "./value-kinds.js";

/** Headings of `--help`, in its order. The rows of the first are options of `get` and `put` too. */
export const optionGroups = ["Options", "Server", "Limits of the server"] as const;

/**
 * One option: the only place that describes it. The parser, `--help`, the man page, shell completion, the schema of
 * the configuration file and the check of docs/reference.md are made from these rows.
 */
export interface OptionRow<T = unknown> {
  /** Its long name, without dashes; also its key in a configuration file. */
  readonly name: string;
  readonly short?: string;
  readonly kind: ValueKind<T>;
  /** The word for its value; none for a flag. */
  readonly placeholder?: string;
  /** The value may be missing: the option is `true` then. */
  readonly isValueOptional?: true;
  /** May be given more than once: the values become a list. */
  readonly isRepeatable?: true;
  /** Says what it does: begins in lower case, without a full stop and without the default. */
  readonly help: string;
  /** In words, where there is one. */
  readonly default?: string;
  readonly group: (typeof optionGroups)[number];
  /** Not of `get` and `put`, in spite of its group. */
  readonly isMainOnly?: true;
  /** The option of `createServer` that gets the value. */
  readonly library?: keyof ServerOptions;
  /** Its key in a configuration file, where that is not its name; null: it can't stand in one. */
  readonly configKey?: string | null;
}

/** All options of the command. A new one is a row here, and one in docs/reference.md. */
export const optionTable = [
  {
    name: "blksize",
    short: "b",
    kind: wholeNumber(8, 65_464),
    placeholder: "bytes",
    help: "largest block, 8 to 65464",
    default: "1468",
    group: "Options",
    library: "blockSize",
  },
  {
    name: "windowsize",
    short: "w",
    kind: wholeNumber(1, 65_535),
    placeholder: "blocks",
    help: "blocks per acknowledgement, 1 to 65535",
    default: "4",
    group: "Options",
    library: "windowSize",
  },
  {
    name: "timeout",
    short: "t",
    kind: wholeNumber(1, 3_600_000),
    placeholder: "milliseconds",
    help: "longest pause before repeating",
    default: "3000",
    group: "Options",
    library: "timeout",
  },
  {
    name: "retries",
    short: "r",
    kind: wholeNumber(1, 1000),
    placeholder: "number",
    help: "time-outs without progress survived",
    default: "3",
    group: "Options",
    library: "retries",
  },
  {
    name: "mode",
    short: "m",
    kind: mode,
    placeholder: "mode",
    help: "octet or netascii",
    default: "octet",
    group: "Options",
    configKey: null,
  },
  { name: "quiet", short: "q", kind: flag, help: "print nothing but errors", group: "Options" },
  { name: "json", kind: flag, help: "print one JSON object per event", group: "Options" },
  {
    name: "version",
    short: "v",
    kind: flag,
    help: "print the version",
    group: "Options",
    isMainOnly: true,
    configKey: null,
  },
  {
    name: "listen",
    short: "l",
    kind: text("directory"),
    placeholder: "root",
    isValueOptional: true,
    help: "start a server for the files below root",
    default: ".",
    group: "Server",
    configKey: "root",
  },
  { name: "deny-get", kind: flag, help: "refuse every GET", group: "Server", library: "denyGET" },
  {
    name: "deny-put",
    kind: flag,
    help: "refuse every PUT (a read-only server)",
    group: "Server",
    library: "denyPUT",
  },
  {
    name: "port-range",
    kind: portRange,
    placeholder: "first-last",
    help: "UDP ports for transfers",
    default: "any",
    group: "Server",
    library: "portRange",
  },
  {
    name: "symlinks",
    kind: symlinkPolicy,
    placeholder: "policy",
    help: "links: inside (the root), follow, deny",
    default: "inside",
    group: "Server",
    library: "symlinks",
  },
  {
    name: "workers",
    kind: wholeNumber(0, 256),
    placeholder: "number",
    help: "threads, 0 to 256",
    default: "one per core",
    group: "Server",
    library: "workers",
  },
  {
    name: "handler",
    kind: text("file"),
    placeholder: "module",
    help: "answers requests, inside the workers",
    group: "Server",
    library: "handler",
  },
  {
    name: "grace",
    kind: wholeNumber(0, 86_400),
    placeholder: "seconds",
    help: "time for running transfers after SIGTERM",
    default: "30",
    group: "Server",
  },
  {
    name: "log-format",
    kind: oneOf("classic", "text", "json"),
    placeholder: "form",
    help: "classic (lines of npm tftp), text (one line per transfer) or json",
    default: "classic",
    group: "Server",
  },
  {
    name: "log-level",
    kind: oneOf(...logLevels),
    placeholder: "level",
    help: "error, warn, info or debug",
    default: "info",
    group: "Server",
  },
  {
    name: "log-rate",
    kind: wholeNumber(0, 1_000_000),
    placeholder: "lines",
    help: "lines per second before some are left out, 0 for no limit",
    default: "100",
    group: "Server",
  },
  {
    name: "metrics",
    kind: listenAddress,
    placeholder: "[host:]port",
    help: "metrics for Prometheus over HTTP; host 127.0.0.1 unless given",
    group: "Server",
  },
  {
    name: "max-transfers",
    kind: wholeNumber(1, 65_536),
    placeholder: "number",
    help: "transfers at a time",
    default: "4096",
    group: "Limits of the server",
    library: "maxTransfers",
  },
  {
    name: "max-transfers-per-client",
    kind: wholeNumber(1, 65_536),
    placeholder: "number",
    help: "transfers at a time of one address",
    default: "no limit",
    group: "Limits of the server",
    library: "maxTransfersPerClient",
  },
] as const satisfies readonly OptionRow[];

type Row = (typeof optionTable)[number];

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;

type Single<R> = R extends { readonly kind: ValueKind<infer T> } ? T : never;

type ValueOf<R> =
  | (R extends { readonly isRepeatable: true } ? Single<R>[] : Single<R>)
  | (R extends { readonly isValueOptional: true } ? true : never);

/** The values of the options that were given, by name in camel case. */
export type OptionValues = { [R in Row as Camel<R["name"]>]?: ValueOf<R> };

/** Names a row whose values do not fit its library option: then the next line does not compile. */
type Misfit = {
  [R in Row as R["name"]]: R extends { readonly library: infer L extends keyof ServerOptions }
    ? ValueOf<R> extends ServerOptions[L]
      ? never
      : R["name"]
    : never;
}[Row["name"]];
const misfits: [Misfit] extends [never] ? readonly [] : Misfit = [];
void misfits;

/** The rows without their precise types. */
export const optionRows: readonly OptionRow[] = optionTable;

/** Options that `get` and `put` have too. */
export const commonRows: readonly OptionRow[] = optionRows.filter(
  ({ group, isMainOnly }) => group === optionGroups[0] && !isMainOnly,
);

/** The name of an option among {@link OptionValues}. */
export function attributeOf({ name }: OptionRow): keyof OptionValues {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof OptionValues;
}

/** What `createServer` gets of the values. */
export function toServerOptions(values: OptionValues): ServerOptions {
  const options: Record<string, unknown> = {};
  for (const row of optionRows) {
    const value = values[attributeOf(row)];
    if (row.library !== undefined && value !== undefined) options[row.library] = value;
  }
  return options;
}
