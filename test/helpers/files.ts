import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that goes away with the test. */
export async function temporaryFolder(context: {
  after(cleanUp: () => Promise<void>): void;
}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ntftp-test-"));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  return folder;
}

/** Bytes that look random, the same for the same length; no two blocks of a file are alike. */
export function sampleBytes(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = (length ^ 0x9e3779b9) >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Text with line ends of every sort at every distance. */
export function sampleText(length: number): Buffer {
  const bytes = sampleBytes(length);
  for (let at = 0; at < length; at++) {
    const value = (bytes[at] as number) % 16;
    bytes[at] = value === 0 ? 10 : value === 1 ? 13 : 97 + value;
  }
  return bytes;
}

/** What netascii makes of UNIX text, written down as plainly as possible. */
export function toNetascii(text: Buffer): Buffer {
  const out: number[] = [];
  for (const byte of text) {
    if (byte === 10) out.push(13, 10);
    else if (byte === 13) out.push(13, 0);
    else out.push(byte);
  }
  return Buffer.from(out);
}

export async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** A sparse file of this size with marks at known places, so that order and offsets show in its hash. */
export async function writeSparse(path: string, size: number): Promise<void> {
  const file = await open(path, "w");
  await file.truncate(size);
  for (let at = 0; at < size; at += 509 * 1024 * 1024)
    await file.write(Buffer.from(`mark at ${at}`), 0, null, at);
  await file.write(Buffer.from("the end"), 0, 7, size - 7);
  await file.close();
}

/** A large file with content that differs from block to block. */
export async function writeLarge(path: string, size: number): Promise<void> {
  const piece = sampleBytes(1 << 20);
  await writeFile(path, "");
  const file = await open(path, "r+");
  for (let at = 0; at < size; at += piece.length) {
    piece.writeDoubleBE(at, 0);
    piece.writeDoubleBE(at, 524_287);
    await file.write(piece, 0, Math.min(piece.length, size - at), at);
  }
  await file.close();
}
