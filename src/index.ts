import { Client, type ClientOptions } from "./client/client.js";
import { errorTexts } from "./errors.js";
import type { ServerOptions } from "./server/options.js";
import { type RequestListener, Server } from "./server/server.js";

export type { Client, ClientOptions, GetOptions, PutOptions, TransferOptions } from "./client/client.js";
export type { Callback, FileOptions, Progress } from "./client/files.js";
export type { ExpectedDigests, GetStream } from "./client/get-stream.js";
export type { PutStream } from "./client/put-stream.js";
export { type ErrorName, TftpError } from "./errors.js";
export type { PortRange } from "./io/socket.js";
export type { MapContext, MapStep } from "./names/name-map.js";
export type { ChannelMessages } from "./observe/channels.js";
export { type Monitor, type MonitorOptions, startMonitor } from "./observe/monitor.js";
export type { ObservedServer } from "./observe/observed-server.js";
export type {
  RefusalInfo,
  RefusalReason,
  ServerStatus,
  ThreadStatus,
  TransferInfo,
  TransferOutcome,
  TransferProgress,
  TransferResult,
} from "./observe/records.js";
export type { CommonOptions } from "./options.js";
export type { SubnetRoot } from "./server/client-roots.js";
export type { HandlerContext, RequestHandler } from "./server/handler.js";
export type { NameTest } from "./server/name-rules.js";
export type { ServerOptions, SymlinkPolicy } from "./server/options.js";
export type { ServerRequest } from "./server/request.js";
export type { ServerResponse } from "./server/response.js";
export type { CloseOptions, RequestListener, Server } from "./server/server.js";
export type { TransferReadable } from "./streams/get-stream.js";
export type { TransferWritable } from "./streams/put-stream.js";
export type { Stats } from "./streams/stats.js";

/**
 * Makes a client. Opens nothing; each transfer has a socket of its own.
 * @param options - all have defaults; bad values of those that npm `tftp` has are coerced
 * @throws RangeError or TypeError for a bad value of any other option
 */
export function createClient(options?: ClientOptions | null): Client {
  return new Client(options || {});
}

/**
 * Makes a server; `listen()` starts it.
 * @param requestListener - takes the place of the default listener, which serves files below `root`
 * @throws Error 'Invalid IP address (server)'; TypeError (`ERR_INVALID_ARG_TYPE`) for a listener that is no function;
 *   RangeError or TypeError for a bad value of an option that npm `tftp` does not have
 */
export function createServer(requestListener?: RequestListener | null): Server;
export function createServer(
  options?: ServerOptions | null,
  requestListener?: RequestListener | null,
): Server;
export function createServer(
  first?: ServerOptions | RequestListener | null,
  second?: RequestListener | null,
): Server {
  if (typeof first === "function") return new Server({}, first);
  return new Server(first || {}, second ?? undefined);
}

/** Texts of the errors, under npm `tftp`'s names. Given to `abort()`, each travels with its TFTP number. */
export const ENOENT = errorTexts.ENOENT;
export const EACCESS = errorTexts.EACCESS;
export const ENOSPC = errorTexts.ENOSPC;
export const EBADOP = errorTexts.EBADOP;
export const ETID = errorTexts.ETID;
export const EEXIST = errorTexts.EEXIST;
export const ENOUSER = errorTexts.ENOUSER;
export const EDENY = errorTexts.EDENY;
export const ESOCKET = errorTexts.ESOCKET;
export const EBADMSG = errorTexts.EBADMSG;
export const EABORT = errorTexts.EABORT;
export const EFBIG = errorTexts.EFBIG;
export const ETIME = errorTexts.ETIME;
export const EBADMODE = errorTexts.EBADMODE;
export const EBADNAME = errorTexts.EBADNAME;
export const EIO = errorTexts.EIO;
export const ENOGET = errorTexts.ENOGET;
export const ENOPUT = errorTexts.ENOPUT;
export const ERBIG = errorTexts.ERBIG;
export const ECONPUT = errorTexts.ECONPUT;
export const ECURPUT = errorTexts.ECURPUT;
export const ECURGET = errorTexts.ECURGET;
