import { type ExecFileOptions, execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** The checkout. */
export const ROOT = join(__dirname, "../../..");

/** Longest time for one program: npm may have to fetch dependencies, and the compiler to build the addon. */
export const STEP_MS = 600_000;

/** Runs a program to its end. @returns what it printed */
export async function run(
  program: string,
  words: readonly string[],
  options: ExecFileOptions,
): Promise<string> {
  const limits = { timeout: STEP_MS, ...options, encoding: "utf8" } as const;
  return (await promisify(execFile)(program, words, limits)).stdout;
}

/** The version that is packed. */
export async function packedVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  return version;
}

/**
 * A program of somebody else's: a new folder with nothing but a manifest and the tarball as it would be published, with
 * its prebuilt addon.
 */
export async function emptyConsumer(): Promise<string> {
  await run(process.execPath, [join(ROOT, "native/prebuild.mjs")], { cwd: ROOT });
  const folder = await mkdtemp(join(tmpdir(), "ntftp-package-"));
  // dist is what the other tests ran: no script may build it anew.
  await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT });
  await writeFile(join(folder, "package.json"), '{ "name": "consumer", "private": true }');
  return folder;
}
