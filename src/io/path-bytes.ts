import type { Stats } from "node:fs";
import { lstat, realpath } from "node:fs/promises";

/*
 * Paths as the bytes that they are. Names in requests are text in which lone surrogates U+DC80..U+DCFF stand for
 * bytes that are no UTF-8 (see engine/text.ts).
 */

const SLASH = Buffer.from("/");

/** A name back into its bytes. */
export function toPathBytes(text: string): Buffer {
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text);
  const pieces: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    pieces.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character));
  }
  return Buffer.concat(pieces);
}

/** `path` below `directory`; "" is the directory itself. */
export function joinPathBytes(directory: Buffer, path: string): Buffer {
  if (path === "") return directory;
  return directory.length === 1 && directory.equals(SLASH)
    ? Buffer.concat([SLASH, toPathBytes(path)])
    : Buffer.concat([directory, SLASH, toPathBytes(path)]);
}

/** True for `directory` itself and all that is below it; both are real paths. */
export function isBelow(directory: Buffer, path: Buffer): boolean {
  const prefix = directory.length === 1 ? directory : Buffer.concat([directory, SLASH]);
  return path.equals(directory) || path.subarray(0, prefix.length).equals(prefix);
}

/** @throws the file system's error */
export function realPathBytes(path: Buffer): Promise<Buffer> {
  return realpath(path, { encoding: "buffer" });
}

/** Null where nothing is. @throws the file system's error */
export async function lstatOrNull(path: Buffer): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
