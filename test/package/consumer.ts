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

/** Installs the tarball there, with the npm of these words. */
export async function installTarball(
  folder: string,
  [npm = "npm", ...before]: readonly string[] = ["npm"],
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const tarball = `./ntftp-${await packedVersion()}.tgz`;
  const words = ["install", "--no-audit", "--no-fund", "--prefer-offline", tarball];
  await run(npm, [...before, ...words], { cwd: folder, env });
}

/** Serves itself a file, and says which path that took and which addons are in its memory. */
export const PROGRAM = `
  const { readFileSync } = require("node:fs");
  const { createClient, createServer } = require("ntftp");
  const workers = Number(process.argv[2]);
  const server = createServer({ host: "127.0.0.1", port: 0, root: __dirname, workers });
  server.on("listening", async () => {
    const client = createClient({ host: "127.0.0.1", port: server.address().port, windowSize: 16 });
    let text = "";
    for await (const chunk of client.createGetStream("package.json")) text += chunk;
    await server.close();
    const addons = new Set(readFileSync("/proc/self/maps", "utf8").match(/[^ ]+ntftp[^ ]*[.]node$/gm));
    const { isNative, reason } = server.native;
    console.log(JSON.stringify({ name: JSON.parse(text).name, isNative, reason, addons: [...addons] }));
  });
  server.listen();
`;
