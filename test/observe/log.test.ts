import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { pino } from "pino";
import { classicForm, jsonForm, textForm } from "../../src/observe/log-forms.js";
import { levelOfOutcome } from "../../src/observe/log-levels.js";
import {
  isSuccess,
  type RefusalInfo,
  type TransferInfo,
  type TransferOutcome,
  type TransferResult,
  transferOutcomes,
} from "../../src/observe/records.js";
import { type LogForm, TransferLog } from "../../src/observe/transfer-log.js";

const INFO: TransferInfo = {
  id: 7,
  method: "GET",
  file: "pxelinux.0",
  requestedFile: "pxelinux.0",
  mode: "octet",
  remoteAddress: "192.0.2.7",
  remotePort: 50_312,
  localAddress: "192.0.2.1",
  blockSize: 1468,
  windowSize: 4,
  declaredBytes: null,
  waitedMs: 0.25,
  startedAtMs: 0,
};

const RESULT: TransferResult = {
  outcome: "done",
  error: null,
  durationMs: 1320,
  firstAnswerMs: 1.5,
  sizeBytes: 44_249_088,
  transferredBytes: 44_249_088,
  bytesPerSecond: 33_522_036,
  blocksSent: 30_145,
  retransmissions: 3,
  duplicates: 0,
  timeouts: 1,
  junk: 0,
};

const REFUSAL: RefusalInfo = {
  reason: "bad-name",
  method: "GET",
  file: "../\u001b[2Jx",
  remoteAddress: "fe80::1",
  remotePort: 9,
  localAddress: "fe80::2",
  message: "Invalid filename",
};

/** A failure, its ERROR text and name made by an enemy. */
function failed(outcome: TransferOutcome): TransferResult {
  return { ...RESULT, outcome, error: new Error("no\nCLOSE [forged]"), transferredBytes: 0 };
}

function collect(make: (lines: { out(line: string): void; error(line: string): void }) => LogForm) {
  const subject = new EventEmitter();
  const out: string[] = [];
  const errors: string[] = [];
  const form = make({ out: (line) => out.push(line), error: (line) => errors.push(line) });
  return { subject, out, errors, form };
}

test("classic lines are those of npm tftp; a probe is no failure", () => {
  const { subject, out, errors, form } = collect((lines) => classicForm(lines, "info"));
  new TransferLog(subject, form, { level: "info", linesPerSecond: 0 });
  subject.emit("transferStart", INFO);
  subject.emit("transferEnd", INFO, RESULT);
  subject.emit("transferEnd", INFO, failed("probe"));
  subject.emit("transferEnd", { ...INFO, file: "a\nb" }, failed("peer-gone"));
  assert.deepEqual(out, [
    "CONNECTION [192.0.2.7:50312] GET pxelinux.0",
    "CLOSE [192.0.2.7:50312] GET pxelinux.0",
    "CLOSE [192.0.2.7:50312] GET pxelinux.0",
    "CLOSE [192.0.2.7:50312] GET a\\x0ab",
  ]);
  assert.deepEqual(errors, ["ERROR [192.0.2.7:50312] GET a\\x0ab - no\\x0aCLOSE [forged]"]);
});

test("classic lines with --quiet: what failed, and nothing else", () => {
  const { subject, out, errors, form } = collect((lines) => classicForm(lines, "error"));
  const log = new TransferLog(subject, form, { level: "error", linesPerSecond: 0 });
  log.say("listening", "Listening");
  subject.emit("transferStart", INFO);
  subject.emit("transferEnd", INFO, RESULT);
  subject.emit("transferEnd", INFO, failed("not-found"));
  assert.deepEqual([out, errors.length], [[], 1]);
});

test("a text line has the outcome and every figure, and nothing in it can be forged", () => {
  const { subject, out, form } = collect((lines) => textForm(lines, () => new Date(0)));
  new TransferLog(subject, form, { level: "info", linesPerSecond: 0 });
  subject.emit("transferStart", INFO);
  subject.emit("transferEnd", INFO, RESULT);
  subject.emit("transferEnd", { ...INFO, file: 'x" to 9.9.9.9, \u2028\n' }, failed("peer-gone"));
  subject.emit("transferEnd", INFO, { ...failed("probe"), sizeBytes: 2048 });
  subject.emit("requestRefused", REFUSAL);
  assert.deepEqual(out, [
    '1970-01-01T00:00:00.000Z info  done GET "pxelinux.0" 42.2 MiB in 1.32 s (32.0 MiB/s) to 192.0.2.7:50312, blksize 1468, windowsize 4, 3 repeated',
    '1970-01-01T00:00:00.000Z warn  peer-gone GET "x\\" to 9.9.9.9, \\u2028\\x0a" to 192.0.2.7:50312, blksize 1468, windowsize 4, 3 repeated: no\\x0aCLOSE [forged]',
    '1970-01-01T00:00:00.000Z info  probe GET "pxelinux.0" 2.0 KiB to 192.0.2.7:50312, blksize 1468, windowsize 4, 3 repeated',
    '1970-01-01T00:00:00.000Z warn  refused (bad-name) [[fe80::1]:9] GET "../\\x1b[2Jx": Invalid filename',
  ]);
});

test("a JSON line has every field, whatever the name holds", () => {
  const written: string[] = [];
  const logger = pino({ level: "debug", base: null }, { write: (line: string) => void written.push(line) });
  const subject = new EventEmitter();
  new TransferLog(subject, jsonForm(logger), { level: "debug", linesPerSecond: 0 });
  const file = 'a"\n{"level":"error"}\u2028';
  subject.emit("transferStart", { ...INFO, file });
  subject.emit("transferEnd", { ...INFO, file }, failed("disk-error"));
  subject.emit("requestRefused", REFUSAL);
  assert.ok(written.every((line) => line.indexOf("\n") === line.length - 1));
  const [start, end, refused] = written.map((line) => JSON.parse(line));
  assert.deepEqual([start.event, start.file, start.level], ["start", file, 20]);
  const { time, msg, ...fields } = end;
  assert.equal(typeof time, "number");
  assert.match(msg, /^disk-error GET /);
  assert.deepEqual(fields, {
    level: 50,
    event: "transfer",
    outcome: "disk-error",
    transfer: 7,
    method: "GET",
    file,
    mode: "octet",
    client: "192.0.2.7",
    port: 50_312,
    local: "192.0.2.1",
    blockSize: 1468,
    windowSize: 4,
    waitedMs: 0.25,
    sizeBytes: 44_249_088,
    transferredBytes: 0,
    durationMs: 1320,
    bytesPerSecond: 33_522_036,
    firstAnswerMs: 1.5,
    blocksSent: 30_145,
    retransmissions: 3,
    duplicates: 0,
    timeouts: 1,
    junk: 0,
    error: "no\nCLOSE [forged]",
  });
  assert.deepEqual([refused.reason, refused.file], ["bad-name", REFUSAL.file]);
});

test("a flood is cut to its budget, what was left out is told in one line, and troubles still come through", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const { subject, out, form } = collect((lines) => textForm(lines, () => new Date(0)));
  let nowMs = 0;
  const log = new TransferLog(subject, form, { level: "info", linesPerSecond: 10, now: () => nowMs });
  for (let request = 0; request < 10_000; request++) {
    subject.emit("transferEnd", INFO, failed(request % 4 === 0 ? "timed-out" : "not-found"));
  }
  assert.equal(out.length, 100, "ten seconds' worth at once");
  assert.equal(log.leftOutTotal, 9900);
  subject.emit("transferEnd", INFO, failed("disk-full"));
  assert.match(out[100] ?? "", /error disk-full/);
  context.mock.timers.tick(5000);
  assert.equal(out.length, 102);
  assert.match(out[101] ?? "", /warn {2}9900 lines left out: 2475 timed-out, 7425 not-found$/);
  nowMs = 1000;
  for (let request = 0; request < 50; request++) subject.emit("transferEnd", INFO, RESULT);
  assert.equal(out.length, 112, "a second later there is room for a second's worth");
  log.close();
  assert.match(out[112] ?? "", /40 lines left out: 40 done$/);
  context.mock.timers.tick(60_000);
  assert.equal(out.length, 113);
});

test("every outcome has a level; what is normal for boot ROMs wakes nobody", () => {
  for (const outcome of transferOutcomes) assert.ok(levelOfOutcome[outcome], outcome);
  for (const outcome of ["done", "probe", "not-found", "last-ack-missing", "superseded"] as const)
    assert.equal(levelOfOutcome[outcome], "info");
  assert.deepEqual(transferOutcomes.filter(isSuccess), ["done", "last-ack-missing", "probe"]);
});
