import { isIP } from "node:net";
import { resolve } from "node:path";
import { createServer, type Server, type TransferInfo, type TransferResult } from "../index.js";
import type { ServeInvocation } from "./args.js";
import { ExitCode, UsageError } from "./exit-codes.js";
import { escapeControls } from "./progress.js";
import { Reporter } from "./reporter.js";

/** `ntftp -l ROOT`. Resolves with the exit code when the server has ended. */
export async function runServer(invocation: ServeInvocation): Promise<number> {
  const { endpoint, root } = invocation;
  const host = endpoint?.host ?? "::";
  if (host !== "localhost" && isIP(host.split("%")[0] ?? "") === 0) {
    throw new UsageError(
      `a server listens on an address, '${host}' is a name; give an IP address or localhost`,
    );
  }
  const reporter = new Reporter(invocation.output);
  const server = createServer({ ...invocation.server, host, port: endpoint?.port, root });
  reportTransfers(server, reporter);
  return new Promise((settle) => {
    server.on("error", (error: Error) => {
      reporter.error(new Error(explainStartError(error, host, server.port, root)));
      if (server.address() === null) settle(ExitCode.failed);
    });
    server.on("listening", () => {
      const port = server.address()?.port ?? server.port;
      reporter.say(`Listening on ${formatEndpoint(server.host, port)} (root: '${resolve(root)}')`);
      reporter.event({ event: "listening", host: server.host, port, root: resolve(root) });
      endOnSignals(server, reporter, invocation.graceSeconds, settle);
    });
    server.listen();
  });
}

/** The first signal lets transfers end, within the grace time; a second one ends them. */
function endOnSignals(
  server: Server,
  reporter: Reporter,
  graceSeconds: number,
  settle: (exitCode: number) => void,
): void {
  let signals = 0;
  const end = (): void => {
    signals++;
    const count = server.transferCount;
    if (signals === 1 && count > 0 && graceSeconds > 0) {
      reporter.say(`Waiting for ${count} transfer${count === 1 ? "" : "s"} to end (again to abort)`);
    }
    const closed = server.close({ abort: signals > 1 || graceSeconds === 0 });
    if (signals > 1) return;
    setTimeout(() => server.close({ abort: true }), graceSeconds * 1000).unref();
    closed.then(() => {
      process.off("SIGINT", end).off("SIGTERM", end);
      settle(ExitCode.done);
    });
  };
  process.on("SIGINT", end).on("SIGTERM", end);
}

/** `transferStart` and `transferEnd`, not `request`: whoever listens to that sees the bytes pass by. */
function reportTransfers(server: Server, reporter: Reporter): void {
  server.on("transferStart", (info: TransferInfo) => {
    reporter.say(`CONNECTION ${subjectOf(info)}`);
    reporter.event({ event: "connection", ...detailsOf(info) });
  });
  server.on("transferEnd", (info: TransferInfo, { outcome, error }: TransferResult) => {
    reporter.say(`CLOSE ${subjectOf(info)}`);
    reporter.event({ event: "close", ...detailsOf(info), outcome });
    // A boot ROM that asks for the size and refuses the rest has had what it wanted.
    if (error === null || outcome === "probe") return;
    process.stderr.write(`ERROR ${subjectOf(info)} - ${escapeControls(error.message)}\n`);
    reporter.event({ event: "error", ...detailsOf(info), message: error.message });
  });
  server.on("workerError", (error: Error) => {
    reporter.error(new Error(`In a worker: ${error.message}`));
  });
}

function subjectOf({ method, file, remoteAddress, remotePort }: TransferInfo): string {
  return `[${formatEndpoint(remoteAddress, remotePort)}] ${method} ${escapeControls(file)}`;
}

function detailsOf({ method, file, remoteAddress, remotePort }: TransferInfo) {
  return { client: remoteAddress, port: remotePort, method, file };
}

/** One line that says what, where, and what to do. */
function explainStartError(error: Error, host: string, port: number, root: string): string {
  const where = formatEndpoint(host, port);
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return `The root '${root}' does not exist`;
    case "EADDRINUSE":
      return `${where} is in use by another program; stop it or choose another port, as in localhost:6969`;
    case "EACCES":
      return port < 1024
        ? `No permission to listen on ${where}; use a port from 1024 on, or give node CAP_NET_BIND_SERVICE`
        : `${error.message} (root '${root}')`;
    case "EADDRNOTAVAIL":
      return `${host} is no address of this machine`;
    default:
      return error.message;
  }
}

function formatEndpoint(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
