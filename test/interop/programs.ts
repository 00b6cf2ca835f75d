import { execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../helpers/ports.js";

const FOLDER = process.env["NTFTP_INTEROP"] ?? join(__dirname, "../../../.cache/interop");

/** Time one program gets for one file of a few MiB. */
const RUN_MS = 30_000;

/** The path of a program from the packages; a missing one fails the test that needs it. */
export function program(path: string): string {
  const full = join(FOLDER, "root", path);
  if (!existsSync(full)) throw new Error(`${full} is missing: run .ci/packages.sh`);
  return full;
}

/** Runs a program to its end, with that on its standard input; rejects when it fails or takes too long. */
export async function run(
  path: string,
  words: readonly string[],
  cwd: string,
  timeoutMs = RUN_MS,
  input: Uint8Array | null = null,
): Promise<string> {
  const options = { cwd, timeout: timeoutMs, killSignal: "SIGKILL" } as const;
  const running = promisify(execFile)(program(path), words, options);
  if (input !== null) running.child.stdin?.end(input);
  const { stdout, stderr } = await running;
  return stdout + stderr;
}

/** One way to fetch or store a file with a real client. */
export interface RealClient {
  readonly name: string;
  get(port: number, remote: string, local: string, cwd: string, timeoutMs?: number): Promise<string>;
  put(port: number, local: string, remote: string, cwd: string): Promise<string>;
  /** Netascii, where the client knows it; `translates`: it converts on its side, both ways. */
  readonly ascii?: {
    readonly translates: boolean;
    get(port: number, remote: string, local: string, cwd: string): Promise<string>;
    put(port: number, local: string, remote: string, cwd: string): Promise<string>;
  };
}

const HOST = "127.0.0.1";

function curl(name: string, options: readonly string[]): RealClient {
  const go = (words: readonly string[], cwd: string, timeoutMs?: number) =>
    run("usr/bin/curl", ["--silent", "--show-error", "--fail", ...options, ...words], cwd, timeoutMs);
  return {
    name,
    get: (port, remote, local, cwd, timeoutMs) =>
      go(["-o", local, `tftp://${HOST}:${port}/${remote}`], cwd, timeoutMs),
    put: (port, local, remote, cwd) => go(["-T", local, `tftp://${HOST}:${port}/${remote}`], cwd),
    ascii: {
      translates: false,
      get: (port, remote, local, cwd) => go(["-B", "-o", local, `tftp://${HOST}:${port}/${remote}`], cwd),
      put: (port, local, remote, cwd) => go(["-B", "-T", local, `tftp://${HOST}:${port}/${remote}`], cwd),
    },
  };
}

function tftpHpa(): RealClient {
  const go = (mode: string, port: number, words: readonly string[], cwd: string, timeoutMs?: number) =>
    run("usr/bin/tftp", ["-m", mode, HOST, String(port), "-c", ...words], cwd, timeoutMs);
  return {
    name: "tftp-hpa",
    get: (port, remote, local, cwd, timeoutMs) => go("binary", port, ["get", remote, local], cwd, timeoutMs),
    put: (port, local, remote, cwd) => go("binary", port, ["put", local, remote], cwd),
    ascii: {
      translates: true,
      get: (port, remote, local, cwd) => go("ascii", port, ["get", remote, local], cwd),
      put: (port, local, remote, cwd) => go("ascii", port, ["put", local, remote], cwd),
    },
  };
}

function atftp(name: string, options: readonly string[]): RealClient {
  const words = options.flatMap((option) => ["--option", option]);
  return {
    name,
    get: (port, remote, local, cwd, timeoutMs) =>
      run(
        "usr/bin/atftp",
        [...words, "--get", "-r", remote, "-l", local, HOST, String(port)],
        cwd,
        timeoutMs,
      ),
    put: (port, local, remote, cwd) =>
      run("usr/bin/atftp", [...words, "--put", "-l", local, "-r", remote, HOST, String(port)], cwd),
  };
}

function busybox(name: string, options: readonly string[]): RealClient {
  return {
    name,
    get: (port, remote, local, cwd, timeoutMs) =>
      run(
        "bin/busybox",
        ["tftp", "-g", ...options, "-r", remote, "-l", local, HOST, String(port)],
        cwd,
        timeoutMs,
      ),
    put: (port, local, remote, cwd) =>
      run("bin/busybox", ["tftp", "-p", ...options, "-l", local, "-r", remote, HOST, String(port)], cwd),
  };
}

/** Every client from Debian's packages, with and without options. `blockSize` is what each ends up with. */
export const realClients: readonly { readonly client: RealClient; readonly blockSize: number }[] = [
  { client: curl("curl", []), blockSize: 512 },
  { client: curl("curl without options", ["--tftp-no-options"]), blockSize: 512 },
  { client: curl("curl with blksize 1428", ["--tftp-blksize", "1428"]), blockSize: 1428 },
  { client: tftpHpa(), blockSize: 512 },
  { client: atftp("atftp", []), blockSize: 512 },
  { client: atftp("atftp with tsize, blksize 1428", ["tsize enable", "blksize 1428"]), blockSize: 1428 },
  {
    client: atftp("atftp with blksize 1024, windowsize 8", ["blksize 1024", "windowsize 8"]),
    blockSize: 1024,
  },
  { client: busybox("busybox", []), blockSize: 512 },
  { client: busybox("busybox with blksize 1428", ["-b", "1428"]), blockSize: 1428 },
];

/** A running server of somebody else. */
export interface RealServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts `in.tftpd`, `atftpd` or `dnsmasq` for a root, with more words, and waits until it answers requests. */
export async function startRealServer(
  name: RealServerName,
  root: string,
  more: readonly string[] = [],
): Promise<RealServer> {
  const host = name === "dnsmasq" ? "127.0.0.69" : HOST;
  const port = name === "dnsmasq" ? 69 : await freePort();
  const { path, words } = COMMANDS[name](root, port, host);
  const child = spawn(program(path), [...more, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await Promise.race([
      answers(host, port),
      exited.then(() => Promise.reject(new Error(`${name} ended at once: ${output}`))),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, port, stop };
}

export type RealServerName = "tftpd-hpa" | "atftpd" | "dnsmasq";

const COMMANDS: Record<
  RealServerName,
  (root: string, port: number, host: string) => { path: string; words: string[] }
> = {
  "tftpd-hpa": (root, port, host) => ({
    path: "usr/sbin/in.tftpd",
    words: [
      "--foreground",
      "--address",
      `${host}:${port}`,
      "--secure",
      "--create",
      "--permissive",
      "--user",
      user(),
      root,
    ],
  }),
  atftpd: (root, port, host) => ({
    path: "usr/sbin/atftpd",
    words: [
      "--daemon",
      "--no-fork",
      "--logfile",
      "-",
      "--bind-address",
      host,
      "--port",
      String(port),
      "--user",
      `${user()}.${user()}`,
      root,
    ],
  }),
  dnsmasq: (root, _port, host) => ({
    path: "usr/sbin/dnsmasq",
    words: [
      "--no-daemon",
      "--conf-file=/dev/null",
      "--port=0",
      "--enable-tftp",
      `--tftp-root=${root}`,
      `--listen-address=${host}`,
      "--bind-interfaces",
      `--user=${user()}`,
    ],
  }),
};

function user(): string {
  return process.getuid?.() === 0 ? "root" : (process.env["USER"] ?? "nobody");
}

/** Asks for a file that is not there until an ERROR comes back. */
async function answers(host: string, port: number): Promise<void> {
  const socket = createSocket("udp4");
  const probe = Buffer.from("\0\x01is-anybody-there\0octet\0", "latin1");
  try {
    await new Promise<void>((resolve, reject) => {
      let asked = 0;
      const timer = setInterval(() => {
        if (++asked > 100) reject(new Error(`no answer from ${host}:${port} within 10 s`));
        else socket.send(probe, port, host);
      }, 100);
      socket.on("message", () => {
        clearInterval(timer);
        resolve();
      });
      socket.on("error", reject);
    });
  } finally {
    socket.close();
  }
}
