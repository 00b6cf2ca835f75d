import { resolve } from "node:path";
import { createServer, type Monitor, type Server, startMonitor } from "../index.js";
import { formatEndpoint } from "../observe/escape.js";
import type { Invocation } from "./args.js";
import { ExitCode, UsageError } from "./exit-codes.js";
import { becomeUser, checkRoot, findIdentity, writePidFile } from "./privileges.js";
import { Reporter } from "./reporter.js";
import type { ServeInvocation } from "./serve-args.js";
import { type ServerLog, startServerLog } from "./server-log.js";

/** `ntftp -l ROOT`. Resolves with the exit code when the server has ended. */
export async function runServer(invocation: ServeInvocation, readAgain: () => Invocation): Promise<number> {
  const { root } = invocation;
  const { addresses } = invocation.server;
  const identity = readIdentity(invocation);
  const reporter = new Reporter(invocation.output);
  const server = createServer({ ...invocation.server, root });
  // It follows `transferStart` and `transferEnd`, not `request`: whoever listens to that sees the bytes pass by.
  const log = await startServerLog(server, reporter, invocation.output === "json", invocation.log);
  let monitor: Monitor;
  try {
    monitor = await startMonitor(server, { ...invocation.monitor, logLinesLeftOut: () => log.leftOutTotal });
  } catch (error) {
    reporter.error(new Error(`Nothing can be shown over HTTP: ${(error as Error).message}`));
    return ExitCode.failed;
  }
  const exitCode = await new Promise<number>((settle) => {
    server.on("error", (error: Error) => {
      reporter.error(new Error(explainStartError(error, addresses, server.port, root)));
      if (server.address() === null) settle(ExitCode.failed);
    });
    server.on("bound", () => {
      if (invocation.pidFile !== undefined) writePidFile(invocation.pidFile);
      if (identity === null) return;
      becomeUser(identity);
      checkRoot(root, identity.user);
    });
    server.on("listening", () => {
      const port = server.address()?.port ?? server.port;
      const where = addresses.map((address) => formatEndpoint(address, port)).join(", ");
      const fields = { host: addresses[0], addresses, port, root: resolve(root) };
      log.say("listening", `Listening on ${where} (root: '${fields.root}')`, fields);
      sayWhereToLook(log, monitor);
      endOnSignals(server, log, invocation.graceSeconds, settle);
      process.on("SIGHUP", () => void reload(server, reporter, log, readAgain));
    });
    server.listen();
  });
  monitor.close();
  log.close();
  return exitCode;
}

function sayWhereToLook(log: ServerLog, { metrics, dashboard }: Monitor): void {
  if (metrics !== null) {
    const url = `http://${formatEndpoint(metrics.address, metrics.port)}/metrics`;
    log.say("metrics", `Metrics on ${url}`, { url });
  }
  if (dashboard !== null) {
    const url = `http://${formatEndpoint(dashboard.address, dashboard.port)}/`;
    log.say("dashboard", `Live page on ${url}`, { url });
  }
}

/** Reads the command line with its files anew. What is wrong there is said, and the server goes on as it was. */
async function reload(
  server: Server,
  reporter: Reporter,
  log: ServerLog,
  readAgain: () => Invocation,
): Promise<void> {
  try {
    const invocation = readAgain();
    if (invocation.kind !== "serve") throw new Error("the configuration starts no server any more");
    await server.reload({ ...invocation.server, root: invocation.root });
    log.say("reloaded", `Reloaded (root: '${resolve(server.root)}')`, { root: resolve(server.root) });
  } catch (error) {
    reporter.error(new Error(`Not reloaded: ${(error as Error).message}`));
  }
}

function readIdentity({ user, group }: ServeInvocation): ReturnType<typeof findIdentity> {
  try {
    return findIdentity(user, group);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** A client that has said nothing for so long is not waited for when the server ends. */
const SILENT_MS_MAX = 1000;

/** How long a file system may take for what is left to do when everything else has ended. */
const STUCK_MS_MAX = 2000;

/** The first signal lets transfers end, within the grace time; a second one ends them. */
function endOnSignals(
  server: Server,
  log: ServerLog,
  graceSeconds: number,
  settle: (exitCode: number) => void,
): void {
  let signals = 0;
  let stuckTimer: NodeJS.Timeout | undefined;
  // A disk that does not come back would hold this process for good. What it holds of an upload has a temporary name,
  // and is swept at the next start.
  const exitWhenStuck = (exitCode: number): void => {
    clearTimeout(stuckTimer);
    stuckTimer = setTimeout(() => process.exit(exitCode), STUCK_MS_MAX).unref();
  };
  const end = (): void => {
    signals++;
    const count = server.transferCount;
    if (signals === 1 && count > 0 && graceSeconds > 0) {
      const text = `Waiting for ${count} transfer${count === 1 ? "" : "s"} to end (again to abort)`;
      log.say("draining", text, { transfers: count });
    }
    const isAbort = signals > 1 || graceSeconds === 0;
    const closed = server.close({ abort: isAbort, silentMs: SILENT_MS_MAX });
    if (isAbort) exitWhenStuck(ExitCode.failed);
    if (signals > 1) return;
    const abort = (): void => {
      void server.close({ abort: true });
      exitWhenStuck(ExitCode.failed);
    };
    const graceTimer = setTimeout(abort, graceSeconds * 1000).unref();
    closed.then(() => {
      clearTimeout(graceTimer);
      exitWhenStuck(ExitCode.done);
      process.off("SIGINT", end).off("SIGTERM", end);
      settle(ExitCode.done);
    });
  };
  process.on("SIGINT", end).on("SIGTERM", end);
}

/** One line that says what, where, and what to do. */
function explainStartError(error: Error, addresses: readonly string[], port: number, root: string): string {
  // The system's error says which of several addresses it is.
  const host = addresses.length === 1 ? addresses[0] : (error as { address?: string }).address;
  const where = formatEndpoint(host ?? "::", port);
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
