import { isIP } from "node:net";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { PortRange } from "../io/socket.js";
import { type CommonOptions, type CommonSettings, fillCommonOptions } from "../options.js";

/** How symbolic links below the root are treated. */
export type SymlinkPolicy = "inside" | "follow" | "deny";

/** Options of `createServer`. Values of npm `tftp`'s options are coerced, never refused, `host` excepted. */
export interface ServerOptions extends CommonOptions {
  /**
   * IP literal, or "localhost" for 127.0.0.1; default "localhost". "0.0.0.0" serves every IPv4 address of the
   * machine, "::" every IPv6 and IPv4 address.
   */
  host?: string | undefined;
  /** Directory from which and into which files are served; default ".". Read at every request. */
  root?: string | undefined;
  /** Refuses every GET with ERROR 2 before anything else happens. */
  denyGET?: boolean | undefined;
  /** Refuses every PUT with ERROR 2 before anything else happens. */
  denyPUT?: boolean | undefined;
  /** Local UDP ports for transfers, both ends included; default: the kernel's choice. */
  portRange?: PortRange | undefined;
  /** Links are followed while they stay inside the root (default), everywhere, or not at all. */
  symlinks?: SymlinkPolicy | undefined;
  /**
   * Transfers at a time, 1 to 65536; default 4096. Beyond, the oldest whose client never answered gives way, or the
   * request waits.
   */
  maxTransfers?: number | undefined;
  /** Transfers at a time of one client address, from 1 on; default: no limit but `maxTransfers`. */
  maxTransfersPerClient?: number | undefined;
  /** Requests that wait for a place, from 0 on; default 1024. Beyond, a request gets ERROR 0 'Server busy'. */
  maxQueuedRequests?: number | undefined;
  /**
   * Worker threads that move the data, 0 to 256; 0 means the calling thread. Default: the environment variable
   * `NTFTP_WORKERS`, else one for each core. They start at `listen()`.
   */
  workers?: number | undefined;
  /**
   * A module (ESM or CommonJS, path or file URL) whose default export is a request listener. It runs inside the
   * workers, and takes the place of the default listener. There is no `request` event then.
   */
  handler?: string | URL | undefined;
}

/** {@link ServerOptions} without gaps. */
export interface ServerSettings extends CommonSettings {
  /** What `host` stands for: an IP literal. */
  readonly address: string;
  readonly root: string;
  readonly denyGET: boolean;
  readonly denyPUT: boolean;
  readonly portRange: PortRange | null;
  readonly symlinks: SymlinkPolicy;
  readonly transfersMax: number;
  readonly transfersPerClientMax: number;
  readonly queuedRequestsMax: number;
  readonly workers: number;
  /** Absolute path or file URL. */
  readonly handler: string | null;
}

/** One socket and some 20 KiB each: what a default limit of descriptors and a small machine carry. */
const TRANSFERS_MAX_DEFAULT = 4096;
/** There are no more ports to answer from. */
const TRANSFERS_MAX_LIMIT = 65_536;

/** A request that waits is a few hundred bytes; its client gives up after a while. */
const QUEUED_REQUESTS_MAX_DEFAULT = 1024;

/** Far beyond the cores of any machine that serves files. */
const WORKERS_MAX = 256;

const SYMLINK_POLICIES: readonly SymlinkPolicy[] = ["inside", "follow", "deny"];

/**
 * Fills the gaps.
 *
 * @throws Error 'Invalid IP address (server)' when `host` is neither an IP literal nor "localhost"
 * @throws RangeError for a port range, a link policy, a limit or a number of workers that makes no sense
 */
export function fillServerOptions(options: ServerOptions): ServerSettings {
  const common = fillCommonOptions(options);
  const address = common.host === "localhost" ? "127.0.0.1" : common.host;
  if (isIP(address.split("%")[0] ?? "") === 0) throw new Error("Invalid IP address (server)");
  const symlinks = options.symlinks ?? "inside";
  if (!SYMLINK_POLICIES.includes(symlinks)) {
    throw new RangeError(`symlinks is "${symlinks}", it can be ${SYMLINK_POLICIES.join(", ")}`);
  }
  return {
    ...common,
    // Node's way, unlike npm `tftp`, which made 69 of it.
    port: options.port === 0 || options.port === "0" ? 0 : common.port,
    address,
    root: options.root || ".",
    denyGET: Boolean(options.denyGET),
    denyPUT: Boolean(options.denyPUT),
    portRange: options.portRange === undefined ? null : checkPortRange(options.portRange),
    symlinks,
    ...fillLimits(options),
    workers: checkWhole("workers", options.workers ?? defaultWorkers(), 0, WORKERS_MAX),
    handler: options.handler ? resolveModule(options.handler) : null,
  };
}

function checkPortRange(range: PortRange): PortRange {
  const { first, last } = range;
  const isPort = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (!isPort(first) || !isPort(last) || first > last) {
    throw new RangeError(`portRange is ${first}-${last}, it needs two ports from 1 to 65535 in order`);
  }
  return { first, last };
}

function fillLimits(
  options: ServerOptions,
): Pick<ServerSettings, "transfersMax" | "transfersPerClientMax" | "queuedRequestsMax"> {
  const { maxTransfers, maxTransfersPerClient, maxQueuedRequests } = options;
  const transfersMax = maxTransfers ?? TRANSFERS_MAX_DEFAULT;
  return {
    transfersMax: checkWhole("maxTransfers", transfersMax, 1, TRANSFERS_MAX_LIMIT),
    transfersPerClientMax: checkWhole(
      "maxTransfersPerClient",
      maxTransfersPerClient ?? TRANSFERS_MAX_LIMIT,
      1,
      TRANSFERS_MAX_LIMIT,
    ),
    queuedRequestsMax: checkWhole(
      "maxQueuedRequests",
      maxQueuedRequests ?? QUEUED_REQUESTS_MAX_DEFAULT,
      0,
      TRANSFERS_MAX_LIMIT,
    ),
  };
}

function checkWhole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name} is ${value}, it can be a whole number from ${min} to ${max}`);
}

/** One for each core; none where the process may not start threads (Node's permission model). */
function defaultWorkers(): number {
  const wanted = process.env.NTFTP_WORKERS;
  if (wanted !== undefined && /^[0-9]{1,3}$/.test(wanted)) return Number(wanted);
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  return permission !== undefined && !permission.has("worker") ? 0 : availableParallelism();
}

function resolveModule(module: string | URL): string {
  if (module instanceof URL) return module.href;
  return module.startsWith("file:") ? module : resolve(module);
}
