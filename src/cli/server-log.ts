import type { Server } from "../index.js";
import {
  classicForm,
  fieldsOf,
  figuresOf,
  jsonForm,
  type LineWriter,
  textForm,
} from "../observe/log-forms.js";
import type { LogLevel } from "../observe/log-levels.js";
import { isSuccess, type TransferInfo, type TransferResult } from "../observe/records.js";
import { type LogForm, TransferLog } from "../observe/transfer-log.js";
import type { Reporter } from "./reporter.js";

/** `--log-format`: `classic` has the lines of npm `tftp`. */
export type LogFormat = "classic" | "text" | "json";

/** How a server's log looks. */
export interface LogSettings {
  readonly format: LogFormat;
  readonly level: LogLevel;
  readonly linesPerSecond: number;
}

/** Lines per second that a log may have for long; ten times as many at once. */
export const LOG_RATE_DEFAULT = 100;

/** Bytes that may wait for a reader of the log; what exceeds them is lost. */
const BUFFERED_BYTES_MAX = 4 * 1024 * 1024;

/** The log of a server, while it runs. */
export interface ServerLog {
  readonly leftOutTotal: number;
  /** A line about the server itself. */
  say(event: string, text: string, fields?: Record<string, unknown>): void;
  /** Writes what is left. */
  close(): void;
}

/** Has a server's transfers written to the output; `isEvents`: as the objects of `--json`. */
export async function startServerLog(
  server: Server,
  reporter: Reporter,
  isEvents: boolean,
  { format, level, linesPerSecond }: LogSettings,
): Promise<ServerLog> {
  if (isEvents) return new TransferLog(server, eventForm(reporter), { level, linesPerSecond });
  if (format !== "json") {
    const form = format === "classic" ? classicForm(standardLines, level) : textForm(standardLines);
    return new TransferLog(server, form, { level, linesPerSecond });
  }
  // Only a server that writes JSON pays for loading it.
  const { pino } = await import("pino");
  const destination = pino.destination({ dest: 1, sync: false, maxLength: BUFFERED_BYTES_MAX });
  let lost = 0;
  destination.on("drop", () => lost++);
  // A reader that went away is no reason for a stack trace, and none to stop serving.
  destination.on("error", () => lost++);
  const formatters = { level: (label: string) => ({ level: label }) };
  const settings = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters };
  const log = new TransferLog(server, jsonForm(pino(settings, destination)), { level, linesPerSecond });
  return {
    get leftOutTotal() {
      return log.leftOutTotal + lost;
    },
    say: (event, text, fields) => log.say(event, text, fields),
    close: () => {
      log.close();
      destination.flushSync();
    },
  };
}

const standardLines: LineWriter = {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
};

/** The objects of `--json`: `connection`, `close`, and `error` where a client did not get what it wanted. */
function eventForm(reporter: Reporter): LogForm {
  const classic = classicForm({ ...standardLines, out: () => undefined }, "error");
  return {
    ...classic,
    started: (info: TransferInfo) => reporter.event({ event: "connection", ...fieldsOf(info) }),
    ended: (level: LogLevel, info: TransferInfo, result: TransferResult) => {
      const { outcome, error } = result;
      reporter.event({ event: "close", ...fieldsOf(info), outcome, ...figuresOf(result) });
      classic.ended(level, info, result);
      if (error !== null && !isSuccess(outcome))
        reporter.event({ event: "error", ...fieldsOf(info), message: error.message });
    },
    refused: (_, refusal) => {
      const { reason, method, file, remoteAddress: client, remotePort: port, message } = refusal;
      reporter.event({ event: "refused", reason, client, port, method, file, message });
    },
    workerFailed: (error) => reporter.error(new Error(`In a worker: ${error.message}`)),
    said: (event, _, fields) => reporter.event({ event, ...fields }),
    leftOut: (total, counts) =>
      reporter.event({ event: "left-out", total, counts: Object.fromEntries(counts) }),
  };
}
