import type { Logger } from "pino";
import { escapeControls, formatEndpoint } from "./escape.js";
import { includesLevel, type LogLevel, levelOfOutcome } from "./log-levels.js";
import { isSuccess, type RefusalInfo, type TransferInfo, type TransferResult } from "./records.js";
import type { LogForm } from "./transfer-log.js";

/** Where lines go; each call is one line without its end. */
export interface LineWriter {
  out(line: string): void;
  error(line: string): void;
}

/**
 * npm `tftp`'s lines: CONNECTION and CLOSE on the output, ERROR where a client did not get what it wanted.
 * @param level - "error" leaves nothing but the ERROR lines
 */
export function classicForm(lines: LineWriter, level: LogLevel): LogForm {
  return {
    startLevel: "info",
    endLevel: (outcome) => (isSuccess(outcome) ? "info" : "error"),
    started: (info) => lines.out(`CONNECTION ${subjectOf(info)}`),
    ended: (_, info, { outcome, error }) => {
      if (includesLevel(level, "info")) lines.out(`CLOSE ${subjectOf(info)}`);
      if (error !== null && !isSuccess(outcome))
        lines.error(`ERROR ${subjectOf(info)} - ${escapeControls(error.message)}`);
    },
    refused: (_, refusal) => lines.error(`REFUSED ${refusedSubjectOf(refusal)} - ${refusal.message}`),
    workerFailed: (error) => lines.error(`Error: In a worker: ${escapeControls(error.message)}`),
    said: (_, text) => lines.out(text),
    leftOut: (total, counts) => lines.error(`LEFT OUT ${total} (${inWords(counts)})`),
  };
}

/** One line for each transfer, for people: time, level, outcome, what, how much, how fast, to whom. */
export function textForm(lines: LineWriter, now: () => Date = () => new Date()): LogForm {
  const write = (level: LogLevel, text: string): void =>
    lines.out(`${now().toISOString()} ${level.padEnd(5)} ${text}`);
  return {
    startLevel: "debug",
    endLevel: (outcome) => levelOfOutcome[outcome],
    started: (info) => write("debug", `start ${nameOf(info)} ${partnerOf(info)}`),
    ended: (level, info, result) => write(level, describe(info, result)),
    refused: (level, refusal) =>
      write(level, `refused (${refusal.reason}) ${refusedSubjectOf(refusal)}: ${refusal.message}`),
    workerFailed: (error) => write("error", `worker: ${escapeControls(error.message)}`),
    said: (_, text) => write("info", text),
    leftOut: (total, counts) => write("warn", `${total} lines left out: ${inWords(counts)}`),
  };
}

/** One JSON object for each transfer, written by pino. The names of the fields are documented: keep them. */
export function jsonForm(logger: Logger): LogForm {
  return {
    startLevel: "debug",
    endLevel: (outcome) => levelOfOutcome[outcome],
    started: (info) => logger.debug({ event: "start", ...fieldsOf(info) }, "transfer began"),
    ended: (level, info, result) =>
      logger[level](
        { event: "transfer", outcome: result.outcome, ...fieldsOf(info), ...figuresOf(result) },
        describe(info, result),
      ),
    refused: (level, { reason, method, file, remoteAddress, remotePort, localAddress, message }) =>
      logger[level](
        {
          event: "refused",
          reason,
          method,
          file,
          client: remoteAddress,
          port: remotePort,
          local: localAddress,
        },
        message,
      ),
    workerFailed: (error) => logger.error({ event: "worker-error", error: error.message }, "worker error"),
    said: (event, text, fields) => logger.info({ event, ...fields }, text),
    leftOut: (total, counts) =>
      logger.warn({ event: "left-out", total, counts: Object.fromEntries(counts) }, "lines left out"),
  };
}

/** Who asked for what, as fields of an object for programs. */
export function fieldsOf(info: TransferInfo): Record<string, unknown> {
  const { id, method, file, mode, remoteAddress, remotePort, localAddress, blockSize, windowSize } = info;
  const where = { client: remoteAddress, port: remotePort, local: localAddress };
  return {
    transfer: id,
    method,
    file,
    mode,
    ...where,
    blockSize,
    windowSize,
    waitedMs: round(info.waitedMs),
  };
}

/** How it went, as fields of an object for programs. */
export function figuresOf(result: TransferResult): Record<string, unknown> {
  const { sizeBytes, transferredBytes, durationMs, bytesPerSecond, firstAnswerMs, error } = result;
  const { blocksSent, retransmissions, duplicates, timeouts, junk } = result;
  return {
    sizeBytes,
    transferredBytes,
    durationMs: round(durationMs),
    bytesPerSecond: Math.round(bytesPerSecond),
    firstAnswerMs: firstAnswerMs === null ? null : round(firstAnswerMs),
    blocksSent,
    retransmissions,
    duplicates,
    timeouts,
    junk,
    error: error?.message ?? null,
  };
}

function describe(info: TransferInfo, result: TransferResult): string {
  const { outcome, durationMs, transferredBytes, sizeBytes, bytesPerSecond, error } = result;
  const parts = [`${outcome} ${nameOf(info)}`];
  if (transferredBytes > 0 || outcome === "done") {
    const whole = sizeBytes !== null && sizeBytes !== transferredBytes ? ` of ${formatSize(sizeBytes)}` : "";
    const rate = `${formatSize(bytesPerSecond)}/s`;
    parts.push(`${formatSize(transferredBytes)}${whole} in ${formatDuration(durationMs)} (${rate})`);
  } else if (outcome === "probe" && sizeBytes !== null) {
    parts.push(formatSize(sizeBytes));
  }
  parts.push(partnerOf(info));
  const repeated = result.retransmissions > 0 ? `, ${result.retransmissions} repeated` : "";
  const duplicates = result.duplicates > 0 ? `, ${result.duplicates} duplicates` : "";
  const reason = error === null || isSuccess(outcome) ? "" : `: ${escapeControls(error.message)}`;
  const options = `blksize ${info.blockSize}, windowsize ${info.windowSize}`;
  return `${parts.join(" ")}, ${options}${repeated}${duplicates}${reason}`;
}

function subjectOf({ method, file, remoteAddress, remotePort }: TransferInfo): string {
  return `[${formatEndpoint(remoteAddress, remotePort)}] ${method} ${escapeControls(file)}`;
}

function refusedSubjectOf({ method, file, remoteAddress, remotePort }: RefusalInfo): string {
  const what = method === null ? "no request" : `${method} ${quote(file ?? "")}`;
  return `[${formatEndpoint(remoteAddress, remotePort)}] ${what}`;
}

function nameOf({ method, file }: TransferInfo): string {
  return `${method} ${quote(file)}`;
}

function partnerOf({ method, remoteAddress, remotePort }: TransferInfo): string {
  return `${method === "GET" ? "to" : "from"} ${formatEndpoint(remoteAddress, remotePort)}`;
}

/** No name can end its quotes, or look like the rest of the line. */
function quote(name: string): string {
  return `"${escapeControls(name.replace(/["\\]/g, "\\$&"))}"`;
}

function inWords(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, count]) => `${count} ${what}`).join(", ");
}

function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function formatDuration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
