import { basename, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Client, createClient } from "../index.js";
import type { TransferInvocation, TransferSettings } from "./args.js";
import { ExitCode } from "./exit-codes.js";
import { Reporter } from "./reporter.js";
import type { Output } from "./serve-args.js";
import type { Endpoint, Mode } from "./uri.js";

/** One transfer as the command line and the shell ask for it. */
export interface FileTransfer {
  readonly kind: "get" | "put";
  readonly remote: string;
  readonly local: string;
  readonly mode: Mode;
}

/** A client for a server of the command line. */
export function clientFor(endpoint: Endpoint, settings: TransferSettings): Client {
  return createClient({ host: endpoint.host, port: endpoint.port, dedicatedThread: true, ...settings });
}

/** `ntftp get` and `ntftp put`. @returns the exit code */
export async function runTransferCommand(invocation: TransferInvocation): Promise<number> {
  const { kind, uri, mode, settings, output } = invocation;
  const local = invocation.local ?? (kind === "get" ? posix.basename(uri.path) : uri.path);
  const remote = uri.path === "" ? basename(local) : uri.path;
  const controller = new AbortController();
  let interruption: number | null = null;
  const interrupt = (code: number) => () => {
    interruption ??= code;
    controller.abort();
  };
  const onInterrupt = interrupt(ExitCode.interrupted);
  const onTerminate = interrupt(ExitCode.terminated);
  process.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate);
  try {
    await transferFile(clientFor(uri, settings), { kind, remote, local, mode }, output, controller.signal);
    return ExitCode.done;
  } catch (error) {
    if (interruption !== null) return interruption;
    new Reporter(output).error(error as Error, { method: kind.toUpperCase(), file: remote });
    return ExitCode.failed;
  } finally {
    process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
  }
}

/** Moves one file and shows how it goes. Rejects with the library's error. */
export async function transferFile(
  client: Client,
  transfer: FileTransfer,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const { kind, remote, local, mode } = transfer;
  if (kind === "put" && local === "-") {
    throw new Error(
      "PUT from standard input is not possible: a TFTP request carries the size, save it to a file first",
    );
  }
  const toStdout = kind === "get" && local === "-";
  const report = new Reporter(output).follow(kind, kind === "get" ? remote : local, toStdout);
  const options = {
    mode,
    signal,
    onProgress: ({ transferredBytes, totalBytes }: { transferredBytes: number; totalBytes: number | null }) =>
      report.progress(transferredBytes, totalBytes),
  };
  try {
    if (toStdout)
      await pipeline(client.createGetStream(remote, { mode, signal }), process.stdout, { end: false });
    else if (kind === "get") await client.get(remote, local, options);
    else await client.put(local, remote, options);
  } catch (error) {
    report.failed();
    throw error;
  }
  report.done();
}
