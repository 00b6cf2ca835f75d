import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { program } from "../interop/programs.js";
import { type Link, SERVER_ADDRESS } from "./link.js";

const COMMAND = join(__dirname, "../../src/cli/main.js");
const PORT = 6969;

/** How a transfer is asked for. */
export interface Parameters {
  readonly blockSize: number;
  readonly windowSize: number;
}

export type ServerName = "ntftp" | "in.tftpd" | "atftpd" | "dnsmasq";
export type ClientName = "ntftp" | "curl" | "tftp-hpa" | "atftp" | "busybox";

/** Starts a server on the link and waits until it is bound. @returns how to stop it, and its port */
export async function startServer(
  link: Link,
  name: ServerName,
  root: string,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const address = `${SERVER_ADDRESS}:${PORT}`;
  const [command, ...words] = {
    ntftp: [process.execPath, COMMAND, address, "-w", "64", "-l", root],
    "in.tftpd": [program("usr/sbin/in.tftpd"), "-L", "-a", address, "-s", "-c", "-p", "-u", "root", root],
    atftpd: [
      program("usr/sbin/atftpd"),
      ...["--daemon", "--no-fork", "--logfile", "-", "--bind-address", SERVER_ADDRESS],
      ...["--port", String(PORT), "--user", "root.root", root],
    ],
    dnsmasq: [
      program("usr/sbin/dnsmasq"),
      ...["--no-daemon", "--conf-file=/dev/null", "--port=0", "--enable-tftp", `--tftp-root=${root}`],
      ...[`--listen-address=${SERVER_ADDRESS}`, "--bind-interfaces", "--user=root"],
    ],
  }[name] as [string, ...string[]];
  const child: ChildProcess = link.onServer(command, words, root);
  // What ours says when it listens; the others are small programs, and their clients ask again.
  if (name === "ntftp") await once(child.stdout as NodeJS.ReadableStream, "data");
  child.stdout?.resume();
  child.stderr?.resume();
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await once(child, "close");
  };
  return { port: name === "dnsmasq" ? 69 : PORT, stop };
}

/** The words that make a client fetch or store a file; null where it can't do that. */
export function clientWords(
  name: ClientName,
  kind: "get" | "put",
  file: string,
  port: number,
  { blockSize, windowSize }: Parameters,
): readonly [string, ...string[]] | null {
  const uri = `tftp://${SERVER_ADDRESS}:${port}/${file}`;
  switch (name) {
    case "ntftp": {
      const files = kind === "get" ? [uri, file] : [file, uri];
      return [process.execPath, COMMAND, kind, "-q", "-b", `${blockSize}`, "-w", `${windowSize}`, ...files];
    }
    case "curl": {
      if (windowSize > 1) return null;
      const files = kind === "get" ? ["-o", file, uri] : ["-T", file, uri];
      return [program("usr/bin/curl"), "-sS", "--tftp-blksize", `${blockSize}`, ...files];
    }
    case "tftp-hpa": {
      if (windowSize > 1 || blockSize !== 512) return null;
      return [program("usr/bin/tftp"), "-m", "binary", SERVER_ADDRESS, `${port}`, "-c", kind, file, file];
    }
    case "atftp": {
      const window = windowSize > 1 ? ["--option", `windowsize ${windowSize}`] : [];
      const files = kind === "get" ? ["--get", "-r", file, "-l", file] : ["--put", "-l", file, "-r", file];
      const words = ["--option", `blksize ${blockSize}`, ...window, ...files, SERVER_ADDRESS, `${port}`];
      return [program("usr/bin/atftp"), ...words];
    }
    case "busybox": {
      if (windowSize > 1) return null;
      const words = ["tftp", kind === "get" ? "-g" : "-p", "-b", `${blockSize}`, "-r", file, "-l", file];
      return [program("bin/busybox"), ...words, SERVER_ADDRESS, `${port}`];
    }
  }
}
