import { type BigIntStats, close, constants, fstat, open } from "node:fs";
import { readlink, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { fsError } from "./fs-failure.js";
import { spellingOnDisk } from "./ignore-case.js";
import { isTemporaryName } from "./left-overs.js";
import { isBelow, joinPathBytes, lstatOrNull, realPathBytes, toPathBytes } from "./path-bytes.js";

/** Which symbolic links below the root are followed. */
export type SymlinkPolicy = "inside" | "follow" | "deny";

/** A requested name made safe, or why it can't be. */
export type NormalizedName =
  | {
      readonly ok: true;
      /** Below the root, without leading slash, `.` or `..`; "" is the root itself. */
      readonly path: string;
      /** The same for all spellings of one file: what same-file rules compare. */
      readonly key: string;
    }
  | { readonly ok: false; readonly reason: string };

/**
 * The rule for names, without looking at a disk: `\` separates like `/` (Windows boot clients), an absolute name
 * starts at the root and can't climb out of it, a relative one that would is refused, and so are control
 * characters and the names of uploads under way. Names that merely begin with dots (`..data`) are fine.
 */
export function normalizeName(name: string): NormalizedName {
  if (/[\0-\x1f\x7f]/.test(name)) return { ok: false, reason: "control characters" };
  const separated = name.replaceAll("\\", "/");
  const isAbsolute = separated.startsWith("/");
  const parts: string[] = [];
  for (const part of separated.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined && !isAbsolute) return { ok: false, reason: "leaves the root" };
  }
  if (isTemporaryName(parts.at(-1) ?? "")) return { ok: false, reason: "name of an upload under way" };
  const path = parts.join("/");
  return { ok: true, path, key: path };
}

/** The names that a file to read may have, in this order: old PXE ROMs leave bytes of 0xFF behind it. */
export function namesToTry(path: string): Iterable<string> {
  return new Set([path, path.replace(/\udcff+$/, "")]);
}

/** A regular file, open for reading. Whoever gets it closes `fd`. */
export interface OpenedFile {
  readonly fd: number;
  readonly sizeBytes: number;
  /** Changes when the file is replaced or written to. */
  readonly identity: string;
  /** Changes with the identity, and with permissions, owner and links. */
  readonly state: string;
}

/**
 * Opens the regular file that a normalised name means, below `root`.
 *
 * Never opens what the client named as it stands: the path is resolved first and must still be below the root,
 * and the open neither follows a link put there meanwhile nor waits for a FIFO (which would take a thread of
 * libuv's pool for good).
 *
 * @throws the file system's error; EISDIR for a directory, EACCES for a link out of the root or a special file
 */
export async function openForRead(
  root: string,
  path: string,
  symlinks: SymlinkPolicy,
  ignoreCase = false,
): Promise<OpenedFile> {
  let missing: unknown = null;
  for (const name of namesToTry(path)) {
    try {
      return await openExact(root, name, symlinks);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      missing ??= error;
    }
    if (!ignoreCase) continue;
    const spelling = await spellingOnDisk(await realPathBytes(toPathBytes(root)), name);
    if (spelling !== name) return openExact(root, spelling, symlinks);
  }
  throw missing;
}

/**
 * The path to write to for a normalised name below `root`: its directory exists and is inside, what stands there
 * is nothing, a regular file, or a link to one that the policy allows (then the path is the link's target).
 *
 * @throws the file system's error; EACCES for links out of the root and special files, EISDIR for a directory
 */
export async function resolveForWrite(
  root: string,
  name: string,
  symlinks: SymlinkPolicy,
  ignoreCase = false,
): Promise<Buffer> {
  const realRoot = await realPathBytes(toPathBytes(root));
  const path = ignoreCase ? await spellingOnDisk(realRoot, name) : name;
  const slash = path.lastIndexOf("/");
  const lexical = joinPathBytes(realRoot, path);
  if (path === "") throw fsError("EISDIR", "illegal operation on a directory", path);
  const directory = await realPathBytes(joinPathBytes(realRoot, path.slice(0, Math.max(slash, 0))));
  checkInside(
    realRoot,
    directory,
    joinPathBytes(realRoot, path.slice(0, Math.max(slash, 0))),
    symlinks,
    path,
  );
  const target = joinPathBytes(directory, path.slice(slash + 1));
  const found = await lstatOrNull(target);
  if (found === null) return target;
  if (found.isSymbolicLink()) {
    const real = await realPathBytes(target);
    checkInside(realRoot, real, lexical, symlinks, path);
    const pointed = await lstatOrNull(real);
    if (pointed !== null) checkRegular(pointed, path);
    return real;
  }
  checkRegular(found, path);
  return target;
}

async function openExact(root: string, path: string, symlinks: SymlinkPolicy): Promise<OpenedFile> {
  const realRoot = await realPathBytes(toPathBytes(root));
  const lexical = joinPathBytes(realRoot, path);
  const real = await realPathBytes(lexical);
  checkInside(realRoot, real, lexical, symlinks, path);
  const fd = await openFile(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stats = await fstatFile(fd, { bigint: true });
    checkRegular(stats, path);
    if (symlinks !== "follow") await checkStillThere(fd, real, path);
    return { fd, sizeBytes: Number(stats.size), identity: identityOf(stats), state: stateOf(stats) };
  } catch (error) {
    close(fd, () => undefined);
    throw error;
  }
}

/** True where something is that the name can mean; whether it may be opened is another question. */
export async function isThere(root: string, path: string, ignoreCase: boolean): Promise<boolean> {
  const directory = toPathBytes(root);
  for (const name of namesToTry(path)) {
    const spelling = ignoreCase ? await spellingOnDisk(directory, name) : name;
    const found = await lstatOrNull(joinPathBytes(directory, spelling)).catch(() => null);
    if (found !== null) return true;
  }
  return false;
}

/** True for a directory, or a link to one. */
export async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(toPathBytes(path))).isDirectory();
  } catch {
    return false;
  }
}

/** Opens a regular file that the local user named, links and all. @throws the file system's error */
export async function openLocalFile(path: string): Promise<OpenedFile> {
  const fd = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await fstatFile(fd, { bigint: true });
    checkRegular(stats, path);
    return { fd, sizeBytes: Number(stats.size), identity: identityOf(stats), state: stateOf(stats) };
  } catch (error) {
    close(fd, () => undefined);
    throw error;
  }
}

/** What tells one state of one file from any other. */
export function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

function stateOf(stats: BigIntStats): string {
  return `${identityOf(stats)}:${stats.ctimeNs}`;
}

/**
 * What {@link OpenedFile.state} would be if the name were opened now; null for what can't be looked at. One call where
 * opening takes six: whoever has the file of a name still at hand may go on using it while this is the same.
 */
export async function stateOfName(root: string, path: string): Promise<string | null> {
  try {
    return stateOf(await stat(joinPathBytes(toPathBytes(root), path), { bigint: true }));
  } catch {
    return null;
  }
}

function checkInside(
  realRoot: Buffer,
  real: Buffer,
  lexical: Buffer,
  symlinks: SymlinkPolicy,
  path: string,
): void {
  if (symlinks === "follow") return;
  if (!isBelow(realRoot, real)) throw fsError("EACCES", "a symbolic link leaves the root", path);
  if (symlinks === "deny" && !real.equals(lexical))
    throw fsError("EACCES", "symbolic links are denied", path);
}

function checkRegular(stats: { isFile(): boolean; isDirectory(): boolean }, path: string): void {
  if (stats.isFile()) return;
  if (stats.isDirectory()) throw fsError("EISDIR", "illegal operation on a directory", path);
  throw fsError("EACCES", "not a regular file", path);
}

/** A directory on the way may have become a link between resolving and opening; Linux tells what was opened. */
async function checkStillThere(fd: number, real: Buffer, path: string): Promise<void> {
  if (process.platform !== "linux") return;
  let opened: Buffer;
  try {
    opened = await readlink(`/proc/self/fd/${fd}`, { encoding: "buffer" });
  } catch {
    // No /proc here (a bare chroot): the check before opening has to do.
    return;
  }
  if (!opened.equals(real)) throw fsError("EACCES", "the path changed while it was opened", path);
}

const openFile = promisify(open);
const fstatFile = promisify(fstat);
