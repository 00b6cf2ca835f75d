import { isIP } from "node:net";
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
  /** Transfers at a time; default 4096. Beyond, the oldest whose client never answered gives way. */
  maxTransfers?: number | undefined;
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
}

/** One socket and some 20 KiB each: what a default limit of descriptors and a small machine carry. */
const TRANSFERS_MAX_DEFAULT = 4096;

const SYMLINK_POLICIES: readonly SymlinkPolicy[] = ["inside", "follow", "deny"];

/**
 * Fills the gaps.
 *
 * @throws Error 'Invalid IP address (server)' when `host` is neither an IP literal nor "localhost"
 * @throws RangeError for a port range or a link policy that makes no sense
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
    transfersMax: options.maxTransfers ?? TRANSFERS_MAX_DEFAULT,
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
