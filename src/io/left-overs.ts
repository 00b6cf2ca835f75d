import { createHash, randomBytes } from "node:crypto";
import { opendir, readFile, readlink, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";

/**
 * Temporary names of uploads, and what becomes of them when the process that wrote them was killed.
 *
 * `.NAME.<tag>.part`: the tag is 8 hex digits of the origin (this boot of this machine, and its process-id
 * namespace), 8 of the process id, 16 of chance. So whoever finds one later can tell whether it may still be written
 * to: a process of the same origin can be looked for, of any other nothing but age is known.
 */
const TAG_PATTERN = /^\..*\.([0-9a-f]{8})([0-9a-f]{8})[0-9a-f]{16}\.part$/s;

/** A transfer writes now and then, or fails: what nobody wrote to for so long is nobody's. */
const FORSAKEN_MS = 3_600_000;

/** True for names that {@link uploadTag} makes; nobody else may use them, as they are swept. */
export function isTemporaryName(name: string): boolean {
  return TAG_PATTERN.test(name);
}

/** The tag of one upload. @param origin - of {@link findOrigin} */
export function uploadTag(origin: string): string {
  const pid = (process.pid >>> 0).toString(16).padStart(8, "0");
  return `${origin}${pid}${randomBytes(8).toString("hex")}`;
}

/** What process ids of this process mean something to: 8 hex digits. */
export async function findOrigin(): Promise<string> {
  const hash = createHash("sha256");
  // Not everywhere (only Linux has them): the name of the host has to do there.
  hash.update(await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => hostname()));
  hash.update(await readlink("/proc/self/ns/pid").catch(() => ""));
  return hash.digest("hex").slice(0, 8);
}

/**
 * Removes what killed processes left below `root`: uploads whose process is gone, or that nobody wrote to for an
 * hour. Follows no links, and skips what it may not read or remove. Resolves with the number of files removed.
 *
 * @param isOver - asked between files; true ends the sweep
 */
export async function sweepLeftOvers(root: string, origin: string, isOver: () => boolean): Promise<number> {
  const directories = [Buffer.from(root)];
  let removed = 0;
  for (let path = directories.pop(); path !== undefined; path = directories.pop()) {
    // `encoding` is missing in the types of this version; names are bytes.
    const listing = await opendir(path as unknown as string, { encoding: "buffer" as BufferEncoding }).catch(
      () => null,
    );
    if (listing === null) continue;
    for await (const entry of listing) {
      if (isOver()) return removed;
      const name = entry.name as unknown as Buffer;
      const entryPath = Buffer.concat([path, SLASH, name]);
      if (entry.isDirectory()) directories.push(entryPath);
      else if (entry.isFile() && (await isLeftOver(entryPath, name.toString("latin1"), origin))) {
        removed += await unlink(entryPath).then(
          () => 1,
          () => 0,
        );
      }
    }
  }
  return removed;
}

async function isLeftOver(path: Buffer, name: string, origin: string): Promise<boolean> {
  const [, writtenAt, pid = ""] = TAG_PATTERN.exec(name) ?? [];
  if (writtenAt === undefined) return false;
  const stats = await stat(path).catch(() => null);
  if (stats === null) return false;
  if (Date.now() - stats.mtimeMs > FORSAKEN_MS) return true;
  if (writtenAt !== origin) return false;
  const processId = Number.parseInt(pid, 16);
  // In a container every server has the same process id: what is older than this process is its predecessor's.
  if (processId === process.pid) return stats.mtimeMs < Date.now() - process.uptime() * 1000 - CLOCK_SLACK_MS;
  return !isAlive(processId);
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** File times are taken from a clock that ticks every few milliseconds. */
const CLOCK_SLACK_MS = 100;

const SLASH = Buffer.from("/");
