import type { MonitorOptions, ServerOptions } from "../index.js";
import { UsageError } from "./exit-codes.js";
import { type OptionValues, toServerOptions } from "./option-table.js";
import { LOG_RATE_DEFAULT, type LogSettings } from "./server-log.js";
import { parseEndpoint } from "./uri.js";
import { bindAddress } from "./value-kinds.js";

/** How outcomes are told. */
export type Output = "human" | "quiet" | "json";

/** What a command line asks a server to be. */
export interface ServeInvocation {
  readonly kind: "serve";
  readonly root: string;
  readonly output: Output;
  /** What the options say to `createServer`, without the root. */
  readonly server: ServerOptions & { readonly addresses: readonly string[] };
  /** Seconds that running transfers get after the first signal. */
  readonly graceSeconds: number;
  /** Who the server is once its ports are bound; undefined: who started it. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly pidFile: string | undefined;
  /** How the log of transfers looks. */
  readonly log: LogSettings;
  /** What is shown over HTTP. */
  readonly monitor: MonitorOptions;
}

/** Seconds that running transfers get after the first signal. */
const GRACE_SECONDS_DEFAULT = 30;

/**
 * @param options - of the command line
 * @param all - with those of the configuration file behind them
 */
export function readServe(
  host: string | undefined,
  options: OptionValues,
  all: OptionValues,
): ServeInvocation {
  return {
    kind: "serve",
    root: all.listen === true || all.listen === undefined ? "." : all.listen,
    output: all.json ? "json" : all.quiet ? "quiet" : "human",
    server: { ...toServerOptions(all), ...readListening(host, options, all) },
    graceSeconds: all.grace ?? GRACE_SECONDS_DEFAULT,
    user: all.user,
    group: all.group,
    pidFile: all.pidFile,
    log: readLog(all),
    monitor: { metrics: all.metrics, dashboard: all.dashboard },
  };
}

function readLog(options: OptionValues): LogSettings {
  return {
    format: options.logFormat ?? "classic",
    level: options.quiet ? "error" : (options.logLevel ?? "info"),
    linesPerSecond: options.logRate ?? LOG_RATE_DEFAULT,
  };
}

/**
 * The host of the command line is an address in the place of those in the file; without any, it is every address of
 * the machine.
 */
function readListening(
  host: string | undefined,
  options: OptionValues,
  all: OptionValues,
): { addresses: readonly string[]; port: number | undefined } {
  if (host === undefined) {
    const named = all.listenAddress ?? [];
    return { addresses: named.length > 0 ? named : ["::"], port: all.port };
  }
  const endpoint = checked(() => parseEndpoint(host));
  if (endpoint.port !== undefined && options.port !== undefined) {
    throw new UsageError(`the port is given twice, in '${host}' and by --port`);
  }
  const address = checked(() => toListenAddress(endpoint.host));
  return { addresses: [address, ...(options.listenAddress ?? [])], port: endpoint.port ?? all.port };
}

function toListenAddress(host: string): string {
  try {
    return bindAddress.fromText(host);
  } catch {
    throw new Error(`a server listens on an address, '${host}' is a name; give an IP address or localhost`);
  }
}

/** Turns a parser's error into a mistake on the command line. */
export function checked<T>(parse: () => T, command = "ntftp"): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError((error as Error).message, command);
  }
}
