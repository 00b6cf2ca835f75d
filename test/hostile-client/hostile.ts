import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createClient } from "../../src/index.js";
import { temporaryFolder } from "../helpers/files.js";
import { HostileServer } from "./hostile-server.js";

const COMMAND = join(__dirname, "../../src/cli/main.js");

/** Nothing that a server does may hold a client longer: patience of three seconds, and a machine that is busy. */
const CASE_LIMIT_MS = 60_000;

const OLD_CONTENT = Buffer.from("what was there before");

/** How the client is called. */
export interface Settings {
  readonly blockSize?: number;
  readonly windowSize?: number;
  readonly timeout?: number;
  readonly retries?: number;
  readonly mode?: "octet" | "netascii";
  readonly maxDownloadSize?: number;
}

export interface HostileCase {
  readonly settings?: Settings;
  /** PUT: the bytes to send. Without them the case is a GET of "remote" into the file "local". */
  readonly upload?: Buffer;
  /** The address the server sits on, and the client asks. */
  readonly address?: string;
  /** What the server does. */
  readonly server: (server: HostileServer) => Promise<void>;
  /** The bytes that have to arrive (for a PUT: anything truthy means success), or the error there has to be. */
  readonly outcome: Buffer | "sent" | RegExp;
  /** Runs when client and script have ended. */
  readonly afterwards?: (server: HostileServer) => Promise<void> | void;
}

interface Run {
  /** Null when it went well. */
  readonly error: string | null;
}

/**
 * One case, twice: through the library, over a file that is there already, and through the command, into an empty
 * folder. In both the folder must hold exactly what it should afterwards: the whole new file, or the old state.
 */
function hostile(name: string, hostileCase: HostileCase): void {
  const limit = { timeout: CASE_LIMIT_MS };
  test(`library: ${name}`, limit, (context) => runCase(context, hostileCase, runLibrary, true));
  test(`command: ${name}`, limit, (context) => runCase(context, hostileCase, runCommand, false));
}

/** Cases mostly wait, so several run at a time. */
export function hostileCases(subject: string, cases: Readonly<Record<string, HostileCase>>): void {
  describe(subject, { concurrency: 8 }, () => {
    for (const [name, hostileCase] of Object.entries(cases)) hostile(name, hostileCase);
  });
}

type Subject = (port: number, folder: string, hostileCase: HostileCase) => Promise<Run>;

async function runCase(
  context: { after(cleanUp: () => Promise<void>): void },
  hostileCase: HostileCase,
  subject: Subject,
  withOldFile: boolean,
): Promise<void> {
  const folder = await temporaryFolder(context);
  const { upload, outcome, afterwards } = hostileCase;
  const before = upload ?? (withOldFile ? OLD_CONTENT : null);
  if (before !== null) await writeFile(join(folder, "local"), before);
  const server = await HostileServer.open(hostileCase.address);
  try {
    const script = hostileCase.server(server).catch((error: Error) => error);
    const run = await subject(server.port, folder, hostileCase);
    const scriptError = await script;
    if (scriptError instanceof Error) {
      throw new Error(`${scriptError.message}; the client ended with ${run.error ?? "success"}`);
    }
    await checkOutcome(folder, run, outcome, before);
    await afterwards?.(server);
  } finally {
    server.close();
  }
}

async function checkOutcome(
  folder: string,
  { error }: Run,
  outcome: HostileCase["outcome"],
  before: Buffer | null,
): Promise<void> {
  const names = await readdir(folder);
  if (outcome instanceof RegExp) {
    assert.match(error ?? "success was reported", outcome);
    assert.deepEqual(names, before === null ? [] : ["local"], "a failure leaves nothing");
    if (before !== null) assert.deepEqual(await readFile(join(folder, "local")), before);
    return;
  }
  assert.equal(error, null);
  assert.deepEqual(names, ["local"]);
  const content = await readFile(join(folder, "local"));
  assert.ok(
    content.equals(outcome === "sent" ? (before as Buffer) : outcome),
    `${content.length} bytes came`,
  );
}

async function runLibrary(port: number, folder: string, hostileCase: HostileCase): Promise<Run> {
  const { settings = {}, upload, address = "127.0.0.1" } = hostileCase;
  const { mode = "octet", ...rest } = settings;
  const client = createClient({ host: address, port, timeout: 1000, retries: 2, ...rest });
  const local = join(folder, "local");
  try {
    await (upload === undefined
      ? client.get("remote", local, { mode })
      : client.put(local, "remote", { mode }));
    return { error: null };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

async function runCommand(port: number, folder: string, hostileCase: HostileCase): Promise<Run> {
  const { settings = {}, upload, address = "127.0.0.1" } = hostileCase;
  const host = address.includes(":") ? `[${address}]` : address;
  const uri = `tftp://${host}:${port}/remote`;
  const files = upload === undefined ? ["get", uri, "local"] : ["put", "local", uri];
  const options = ["-q", "-t", String(settings.timeout ?? 1000), "-r", String(settings.retries ?? 2)];
  if (settings.blockSize !== undefined) options.push("-b", String(settings.blockSize));
  if (settings.windowSize !== undefined) options.push("-w", String(settings.windowSize));
  if (settings.maxDownloadSize !== undefined) {
    options.push("--max-download", String(settings.maxDownloadSize));
  }
  if (settings.mode !== undefined) options.push("-m", settings.mode);
  const child = spawn(process.execPath, [COMMAND, ...files, ...options], { cwd: folder });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) {
    assert.equal(stderr, "", "success says nothing on stderr");
    return { error: null };
  }
  assert.equal(code, 1, `a failed transfer is exit status 1: ${stderr}`);
  assert.match(stderr, /^Error: [^\n]*\n$/, "one line says why");
  return { error: stderr.slice("Error: ".length, -1) };
}
