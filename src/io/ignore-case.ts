import { readdir } from "node:fs/promises";
import { joinPathBytes, lstatOrNull } from "./path-bytes.js";

/**
 * The spelling of a path that the disk has, where case does not matter (Windows boot programs ask for `\BOOT\BCD`
 * and mean `Boot/BCD`). A part that is there as it was asked for is taken so; else the first in the order of the
 * alphabet that differs in case alone; else it stays, and so does all behind it.
 *
 * @param root - a real path
 * @param path - normalised, below the root
 */
export async function spellingOnDisk(root: Buffer, path: string): Promise<string> {
  const parts = path.split("/");
  const found: string[] = [];
  for (const part of parts) {
    const spelling = await spellingIn(joinPathBytes(root, found.join("/")), part);
    if (spelling === null) break;
    found.push(spelling);
  }
  return [...found, ...parts.slice(found.length)].join("/");
}

async function spellingIn(directory: Buffer, part: string): Promise<string | null> {
  if ((await lstatOrNull(joinPathBytes(directory, part)).catch(() => null)) !== null) return part;
  let names: string[];
  try {
    names = await readdir(directory);
  } catch {
    // No directory, or one that can't be read: whoever opens the path says so.
    return null;
  }
  const wanted = part.toLowerCase();
  return names.sort().find((name) => name.toLowerCase() === wanted) ?? null;
}
