import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { HEADER_BYTES } from "../engine/index.js";
import type { SymlinkPolicy } from "../io/root-path.js";
import type { Peer, PortRange } from "../io/socket.js";
import { type CommonOptions, type CommonSettings, fillCommonOptions } from "../options.js";
import { checkSubnetRoot, type SubnetRoot } from "./client-roots.js";
import {
  checkListenAddress,
  checkOneOf,
  checkOptionNames,
  checkPortRange,
  checkWhole,
} from "./option-checks.js";
import { workersCanSharePort } from "./shared-port.js";

export type { SymlinkPolicy };

/** Options of `createServer`. Values of npm `tftp`'s options are coerced, never refused, `host` excepted. */
export interface ServerOptions extends CommonOptions {
  /**
   * IP literal, or "localhost" for 127.0.0.1; default "localhost". "0.0.0.0" serves every IPv4 address of the
   * machine, "::" every IPv6 and IPv4 address.
   */
  host?: string | undefined;
  /** The addresses to listen on, in the place of `host`; in each of its forms, all on one port. */
  addresses?: readonly string[] | undefined;
  /** `::` serves IPv6 addresses alone. */
  ipv6Only?: boolean | undefined;
  /** Directory from which and into which files are served; default ".". Read at every request. */
  root?: string | undefined;
  /** Refuses every GET with ERROR 2 before anything else happens. */
  denyGET?: boolean | undefined;
  /** Refuses every PUT with ERROR 2 before anything else happens. */
  denyPUT?: boolean | undefined;
  /** Largest upload in bytes, from 0 on; default: what fits on the disk. Beyond, a PUT gets ERROR 3. */
  maxUploadSize?: number | undefined;
  /**
   * Whether a PUT may replace a file; default true. With false it gets ERROR 6, also when the file appeared during
   * the upload.
   */
  allowOverwrite?: boolean | undefined;
  /** Whether a PUT may make a new file; default true. With false (in.tftpd's habit) it gets ERROR 1. */
  create?: boolean | undefined;
  /** Local UDP ports for transfers, both ends included; default: the kernel's choice. */
  portRange?: PortRange | undefined;
  /**
   * Bytes of the largest IP packet that passes to the clients unfragmented, 68 to 65535: no `blksize` is granted
   * whose DATA would need fragments. Default: 1500 while `blockSize` is not set, else no limit. A client that asks
   * for no `blksize` gets blocks of 512 bytes whatever this says.
   */
  mtu?: number | undefined;
  /** TFTP options (RFC 2347) that are treated as if no client had sent them, as in `["blksize"]`. */
  refuse?: readonly string[] | undefined;
  /** Names in requests are turned to lower case, before anything else happens to them. */
  lowercase?: boolean | undefined;
  /** A file that is not there under its name is looked for in any case; names that differ in case are one file. */
  ignoreCase?: boolean | undefined;
  /**
   * A directory below the root for each client, named after its IP address or its hardware address
   * (`01-02-03-04-aa-bb`). A GET of what is not there falls through to the root; a PUT goes there if it exists.
   */
  uniqueRoot?: "ip" | "mac" | undefined;
  /** Roots for the clients of networks, the narrowest first; a GET of what is not there falls through to `root`. */
  subnetRoots?: readonly SubnetRoot[] | undefined;
  /**
   * A file of rules that rewrite requested names, in the form of in.tftpd's `--map-file` (docs/reference.md). Read by
   * `listen()` and `reload()`.
   */
  map?: string | undefined;
  /**
   * Transfers use the request port instead of ports of their own, for firewalls, address translation and containers.
   * Workers share the port through the native addon; without it, and on sockets of systemd, such transfers run in the
   * calling thread, whatever `workers` says.
   */
  singlePort?: boolean | undefined;
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

/** What uploads may do. */
export interface UploadPolicy {
  readonly bytesMax: number;
  readonly mayReplace: boolean;
  readonly mayCreate: boolean;
}

/** {@link ServerOptions} without gaps. */
export interface ServerSettings extends CommonSettings {
  /** What `host` or `addresses` stand for: IP literals. At least one. */
  readonly addresses: readonly string[];
  readonly ipv6Only: boolean;
  readonly root: string;
  readonly denyGET: boolean;
  readonly denyPUT: boolean;
  readonly uploads: UploadPolicy;
  readonly portRange: PortRange | null;
  readonly singlePort: boolean;
  /** Bytes of an IP packet; Infinity for no limit. */
  readonly mtuBytes: number;
  /** Lower case. */
  readonly refusedOptions: ReadonlySet<string>;
  readonly lowercase: boolean;
  readonly ignoreCase: boolean;
  readonly uniqueRoot: "ip" | "mac" | null;
  /** With absolute paths. */
  readonly subnetRoots: readonly SubnetRoot[];
  /** Absolute path. */
  readonly map: string | null;
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

/** Ethernet. */
const MTU_BYTES_DEFAULT = 1500;
/** What every IPv4 link carries (RFC 791). */
const MTU_BYTES_MIN = 68;
/** The largest IP packet. */
const MTU_BYTES_MAX = 65_535;

const UNIQUE_ROOTS: readonly ("ip" | "mac")[] = ["ip", "mac"];

const SYMLINK_POLICIES: readonly SymlinkPolicy[] = ["inside", "follow", "deny"];

/**
 * Fills the gaps.
 *
 * @throws Error 'Invalid IP address (server)' when `host` is neither an IP literal nor "localhost"
 * @throws RangeError for a port range, a link policy, a limit or a number of workers that makes no sense
 * @throws TypeError for `create` and `allowOverwrite` that leave nothing to upload
 */
export function fillServerOptions(options: ServerOptions): ServerSettings {
  const common = fillCommonOptions(options);
  const hosts = options.addresses?.length ? options.addresses : [common.host];
  return {
    ...common,
    // Node's way, unlike npm `tftp`, which made 69 of it.
    port: options.port === 0 || options.port === "0" ? 0 : common.port,
    addresses: hosts.map(checkListenAddress),
    ipv6Only: Boolean(options.ipv6Only),
    root: options.root || ".",
    denyGET: Boolean(options.denyGET),
    denyPUT: Boolean(options.denyPUT),
    uploads: fillUploadPolicy(options),
    portRange: options.portRange === undefined ? null : checkPortRange(options.portRange),
    singlePort: Boolean(options.singlePort),
    mtuBytes: fillMtu(options),
    refusedOptions: checkOptionNames("refuse", options.refuse ?? []),
    lowercase: Boolean(options.lowercase),
    ignoreCase: Boolean(options.ignoreCase),
    uniqueRoot:
      options.uniqueRoot === undefined ? null : checkOneOf("uniqueRoot", options.uniqueRoot, UNIQUE_ROOTS),
    subnetRoots: (options.subnetRoots ?? []).map(checkSubnetRoot),
    map: options.map ? resolve(options.map) : null,
    symlinks: checkOneOf("symlinks", options.symlinks ?? "inside", SYMLINK_POLICIES),
    ...fillLimits(options),
    workers: fillWorkers(options),
    handler: options.handler ? resolveModule(options.handler) : null,
  };
}

/** A block size that was asked for is given, fragments or not, unless the MTU was named too. */
function fillMtu({ mtu, blockSize }: ServerOptions): number {
  if (mtu !== undefined) return checkWhole("mtu", mtu, MTU_BYTES_MIN, MTU_BYTES_MAX);
  return blockSize ? Number.POSITIVE_INFINITY : MTU_BYTES_DEFAULT;
}

function fillUploadPolicy({ maxUploadSize, allowOverwrite, create }: ServerOptions): UploadPolicy {
  const mayReplace = allowOverwrite ?? true;
  const mayCreate = create ?? true;
  for (const [name, value] of Object.entries({ allowOverwrite: mayReplace, create: mayCreate })) {
    if (typeof value !== "boolean") throw new TypeError(`${name} is ${value}, it can be true or false`);
  }
  if (!mayReplace && !mayCreate) {
    throw new TypeError("create and allowOverwrite are both false: no upload is possible; set denyPUT");
  }
  if (maxUploadSize !== undefined) checkWhole("maxUploadSize", maxUploadSize, 0, Number.MAX_SAFE_INTEGER);
  return { bytesMax: maxUploadSize ?? Number.MAX_SAFE_INTEGER, mayReplace, mayCreate };
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

/** On a single port, none where threads can't share one. */
function fillWorkers({ workers, singlePort }: ServerOptions): number {
  const wanted = checkWhole("workers", workers ?? defaultWorkers(), 0, WORKERS_MAX);
  return singlePort && !workersCanSharePort() ? 0 : wanted;
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

/** The largest block for a client: its DATA, with all headers, fits into a packet of the MTU. */
export function blockSizeFor({ blockSize, mtuBytes }: ServerSettings, { address }: Peer): number {
  const headers = address.includes(":") ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
  return Math.min(blockSize, mtuBytes - headers - UDP_HEADER_BYTES - HEADER_BYTES);
}

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const UDP_HEADER_BYTES = 8;
