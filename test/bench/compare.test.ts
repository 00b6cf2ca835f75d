import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { compareSamples, formatRows } from "../../bench/base/ratios.js";
import { type CompareInvocation, parseCompareCommand } from "../../bench/compare/args.js";
import { drawChart } from "../../bench/compare/chart.js";
import { formatOverview, formatRemarks, short } from "../../bench/compare/markdown.js";
import { drawPlots } from "../../bench/compare/plots.js";
import { nativePathOf } from "../../bench/compare/programs.js";
import { replaceBetweenMarkers } from "../../bench/compare/results-page.js";
import { allSubjects } from "../../bench/compare/subjects.js";
import { summarize } from "../../bench/compare/summary.js";
import { CHECKOUT } from "../../bench/shared/checkout.js";
import { openCpuAccount } from "../../bench/shared/cpu-account.js";
import { linesNamed } from "../../bench/shared/lines.js";
import { measure, prepareFiles, type Sample } from "../../bench/shared/measure.js";
import { runRounds } from "../../bench/shared/rounds.js";
import type { Subject } from "../../bench/shared/server-process.js";
import { median, ratios, spreadOf } from "../../bench/shared/statistics.js";
import { BadUsage } from "../../bench/shared/words.js";

const compareCommand = join(__dirname, "../../bench/compare/main.js");
const baseCommand = join(__dirname, "../../bench/base/main.js");

function subject(id: string) {
  const found = allSubjects("/programs").find((one) => one.id === id);
  assert.ok(found);
  return found;
}

function sample(line: string, subjectId: string, round: number, more: Partial<Sample>): Sample {
  return {
    line,
    subject: subjectId,
    round,
    cpuSeconds: 1,
    cpuPerGiB: 1,
    cpuMsPerTransfer: 1,
    mibPerSecond: 100,
    transfersPerSecond: 100,
    transfers: 200,
    failures: 0,
    errors: [],
    idleMiB: 10,
    peakMiB: 11,
    granted: { blockSize: 1428, windowSize: 1 },
    generatorBusy: 0.5,
    ...more,
  };
}

test("medians and spreads are those of what is known", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
  assert.deepEqual(spreadOf([2, Number.NaN, 1, 5]), { median: 2, lowest: 1, highest: 5 });
});

test("ratios are taken round by round", () => {
  // A machine that was three times as slow in the second round says nothing about the ratio.
  assert.deepEqual(ratios([1, 3, 1], [2, 6, 2]), [0.5, 0.5, 0.5]);
});

test("each line is held against its best peer, by the line's own figure", () => {
  const lines = linesNamed(["1428x1", "loss-1428x1"]);
  const subjects = ["ts-1", "npm", "dnsmasq"].map(subject);
  const samples = [0, 1, 2].flatMap((round) => [
    sample("1428x1", "ts-1", round, { cpuPerGiB: 2 * (round + 1) }),
    sample("1428x1", "npm", round, { cpuPerGiB: 16 * (round + 1) }),
    sample("1428x1", "dnsmasq", round, { cpuPerGiB: 4 * (round + 1) }),
    sample("loss-1428x1", "ts-1", round, { mibPerSecond: 90 }),
    sample("loss-1428x1", "npm", round, { mibPerSecond: 9 }),
    sample("loss-1428x1", "dnsmasq", round, { mibPerSecond: 5 }),
  ]);
  const [lockStep, lossy] = summarize(lines, subjects, samples);
  assert.equal(lockStep?.reference?.id, "dnsmasq");
  assert.deepEqual(
    lockStep?.cells.map(({ ratio }) => ratio),
    [0.5, 4, 1].map((value) => ({ median: value, lowest: value, highest: value })),
  );
  assert.equal(lossy?.reference?.id, "npm");
  assert.equal(lossy?.cells[0]?.ratio.median, 10);
});

test("tables name lines and servers, mark the best peer, and leave gaps where nothing was measured", () => {
  const lines = linesNamed(["1428x1", "small", "loss-1428x16"]);
  const subjects = ["native-1", "atftpd"].map(subject);
  const samples = [
    sample("1428x1", "native-1", 0, { cpuPerGiB: 1.234 }),
    sample("1428x1", "atftpd", 0, { cpuPerGiB: 6.17 }),
    sample("small", "native-1", 0, { cpuMsPerTransfer: 0.05 }),
    sample("loss-1428x16", "atftpd", 0, { failures: 3, errors: ["3 x timeout: silence"] }),
  ];
  const summaries = summarize(lines, subjects, samples);
  const text = formatOverview(summaries);
  assert.match(text, /\| 1428, 1 \| 1\.23 \(0\.20\) \| \*\*6\.17\*\* \|/);
  assert.match(text, /\| 1 KiB files, 512 clients \| 0\.0500 \|\n/);
  const remarks = formatRemarks(summaries, [{ subject: "atftpd", line: "small", why: "it exits" }]);
  assert.match(remarks, /atftpd: 3 transfers failed \(3 x timeout: silence\)/);
  assert.match(remarks, /atftpd granted blksize 1428, windowsize 1\./);
  assert.match(remarks, /small: atftpd is missing: it exits/);
});

test("numbers have three digits", () => {
  assert.deepEqual([0.01234, 1.234, 12.34, 123.4, 0, Number.NaN].map(short), [
    "0.0123",
    "1.23",
    "12.3",
    "123",
    "0",
    "-",
  ]);
});

test("there is a plot against windows and one against clients, and only of what was measured", () => {
  const lines = linesNamed(["1428x1", "1428x4", "1428x16", "clients-128"]);
  const subjects = ["native-1", "dnsmasq"].map(subject);
  const samples = lines.flatMap((line, index) => [
    sample(line.name, "native-1", 0, { cpuPerGiB: 3 / (index + 1) }),
    sample(line.name, "dnsmasq", 0, { cpuPerGiB: 3 }),
  ]);
  const plots = drawPlots(summarize(lines, subjects, samples));
  assert.deepEqual(
    plots.map(({ file }) => file),
    ["cost-by-window.svg", "cost-by-clients.svg"],
  );
  const [byWindow = "", byClients = ""] = plots.map(({ svg }) => svg);
  assert.equal(byWindow.match(/<circle/g)?.length, 6);
  assert.equal(byClients.match(/<circle/g)?.length, 4);
  assert.equal(drawPlots(summarize(linesNamed(["small"]), subjects, samples)).length, 0);
});

test("a chart is well-formed, escapes its texts, and keeps every point inside", () => {
  const svg = drawChart({
    title: "a < b & c",
    xTitle: "x",
    yTitle: "y",
    series: [
      {
        title: '"quoted"',
        isEmphasized: true,
        points: [
          [1, 0.07],
          [512, 31],
        ],
      },
      {
        title: "flat",
        isEmphasized: false,
        points: [
          [1, 31],
          [512, 31],
        ],
      },
    ],
  });
  assert.ok(svg.includes("a &lt; b &amp; c") && svg.includes("&quot;quoted&quot;"));
  const open = svg.replaceAll(/"[^"]*"/g, "").match(/<[a-z]+[^/>]*>/g)?.length;
  assert.equal(svg.match(/<\/[a-z]+>/g)?.length, open);
  const places = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
    Number(x),
    Number(y),
  ]);
  assert.equal(places.length, 4);
  for (const [x = 0, y = 0] of places) assert.ok(x >= 0 && x <= 760 && y >= 40 && y <= 400, `${x}, ${y}`);
  const labels = [...svg.matchAll(/y="([\d.]+)"[^>]*>(?:&quot;quoted|flat)/g)].map(([, y]) => Number(y));
  assert.ok(Math.abs((labels[0] as number) - (labels[1] as number)) >= 15, "names lie on each other");
});

test("a page is rewritten between its markers and nowhere else", () => {
  const page = "a\n<!-- tables: written by npm run bench:compare -->\nold\n<!-- end of tables -->\nb\n";
  const once = replaceBetweenMarkers(page, "tables", "new\n");
  assert.equal(
    once,
    "a\n<!-- tables: written by npm run bench:compare -->\n\nnew\n\n<!-- end of tables -->\nb\n",
  );
  assert.equal(replaceBetweenMarkers(once, "tables", "new"), once);
  assert.throws(() => replaceBetweenMarkers("nothing", "tables", "new"), /the page has no/);
});

test("the command line chooses lines, servers and how thoroughly", () => {
  const parse = (words: string): CompareInvocation => {
    const invocation = parseCompareCommand(words.split(" ").filter(Boolean), "/programs");
    assert.ok(invocation.kind === "run");
    return invocation;
  };
  const chosen = parse("-l small,1428x4 -s npm,ts-0 -n 2 --seconds 0.5 -o x");
  assert.deepEqual(
    [chosen.lines.map(({ name }) => name), chosen.subjects.map(({ id }) => id)],
    [
      ["small", "1428x4"],
      ["npm", "ts-0"],
    ],
  );
  assert.deepEqual([chosen.rounds, chosen.seconds, chosen.out], [2, 0.5, "x"]);
  assert.ok(parse("").lines.length > 8 && parse("--quick").lines.length === 3);
  assert.ok(parse("-s all -l all").subjects.length >= 10);
  for (const words of [["-l", "nonsense"], ["-s", "nonsense"], ["-n", "0"], ["extra"]]) {
    assert.throws(() => parseCompareCommand(words, "/programs"), BadUsage, words.join(" "));
  }
  const help = parseCompareCommand(["--help"], "/programs");
  assert.ok(help.kind === "help" && help.text.includes("clients-512") && help.text.includes("in.tftpd"));
});

test("an account counts a process with the children that it waited for", async () => {
  const account = openCpuAccount();
  const burn = "const end = process.cpuUsage().user + 150000; while (process.cpuUsage().user < end);";
  const outer = `require("child_process").execFileSync(process.execPath, ["-e", ${JSON.stringify(burn)}]); ${burn}
    process.stdin.resume(); console.log("burnt");`;
  const [file = "", ...words] = account.wrap([process.execPath, "-e", outer]);
  const child = execFile(file, words);
  account.adopt(child.pid as number);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  const seconds = account.cpuSeconds();
  assert.ok(seconds >= 0.28 && seconds < 20, `${seconds} s, from ${account.kind}`);
  assert.equal(account.pids().length, 1);
  child.stdin?.end();
  await new Promise((resolve) => child.once("exit", resolve));
  account.close();
});

test("a measurement brings CPU, bytes and memory of ours and of npm tftp", async (context) => {
  const root = await mkdtemp(join(tmpdir(), "ntftp-test-"));
  context.after(() => rm(root, { recursive: true }));
  const [line] = linesNamed(["1428x4"]);
  assert.ok(line);
  await prepareFiles(root, [{ ...line, fileBytes: 4096 }]);
  for (const id of ["ts-1", "npm"]) {
    const settings = { seconds: 1, warmUpSecondsMax: 0.2, root };
    const result = await measure(subject(id), { ...line, fileBytes: 4096, clients: 2 }, 0, settings);
    assert.deepEqual(result.errors, []);
    assert.deepEqual(result.granted, { blockSize: 1428, windowSize: 4 });
    assert.ok(result.cpuSeconds > 0 && result.mibPerSecond > 0, JSON.stringify(result));
    assert.ok(result.peakMiB > 10 && result.peakMiB < 2000, `${result.peakMiB} MiB`);
  }
  const missing = { ...line, isMissing: true, clients: 2 };
  const settings = { seconds: 0.3, warmUpSecondsMax: 0.2, root };
  const { transfers, failures, errors, cpuMsPerTransfer } = await measure(
    subject("ts-1"),
    missing,
    0,
    settings,
  );
  assert.match(errors.join(), /File not found/);
  assert.ok(transfers > 0 && failures === 0 && Number.isFinite(cpuMsPerTransfer));
});

test("the command measures, prints tables and leaves its results in a folder", async (context) => {
  const out = await mkdtemp(join(tmpdir(), "ntftp-test-"));
  context.after(() => rm(out, { recursive: true }));
  const words = `-s npm -l small -n 1 --seconds 0.3 -o ${out}`.split(" ");
  const { stdout } = await promisify(execFile)(process.execPath, [compareCommand, ...words], {
    timeout: 120_000,
  });
  assert.match(stdout, /Server CPU ms\/transfer/);
  const { samples, machine } = JSON.parse(await readFile(join(out, "results.json"), "utf8"));
  assert.equal(samples.length, 1);
  assert.ok(machine.cores >= 1);
});

test("ratios of a candidate to its base are told with their range", () => {
  const samples = [0, 1, 2].flatMap((round) => [
    sample("small", "base", round, { cpuMsPerTransfer: 1, mibPerSecond: 50 }),
    sample("small", "candidate", round, { cpuMsPerTransfer: 0.5 + round / 10, mibPerSecond: 100 }),
  ]);
  const row = compareSamples(samples, "small");
  assert.deepEqual(row.cpuPerTransfer, { median: 0.6, lowest: 0.5, highest: 0.7 });
  assert.equal(row.goodput.median, 2);
  assert.match(formatRows([{ line: "small", ...row }]), /\| small \|.*\| 0\.600 \(0\.500 to 0\.700\) \|/);
});

test("two checkouts are compared, and one that was not built is refused", async () => {
  const words = ["-l", "1428x4", "-n", "1", "--seconds", "0.3", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, [baseCommand, CHECKOUT, ...words], {
    timeout: 120_000,
  });
  const { rows, samples } = JSON.parse(stdout);
  assert.equal(samples.length, 2);
  assert.deepEqual([rows.length, rows[0].line], [1, "1428, 4"]);
  await assert.rejects(promisify(execFile)(process.execPath, [baseCommand, tmpdir()]), (error: Error) => {
    const { code, stderr } = error as Error & { code: number; stderr: string };
    return code === 2 && /no checkout that was built/.test(stderr);
  });
});

test("a comparison that is interrupted ends its servers, and says so", { timeout: 120_000 }, async () => {
  const scratch = await mkdtemp(join(tmpdir(), "ntftp-test-"));
  const words = [baseCommand, CHECKOUT, "-l", "1428x4", "-n", "1000", "--seconds", "0.2"];
  const child = spawn(process.execPath, words, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, TMPDIR: scratch },
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    const isFirst = said === "";
    said += chunk.toString();
    // The second server is about to run.
    if (isFirst) child.kill("SIGTERM");
  });
  const [status] = await once(child, "exit");
  assert.equal(status, 128 + 15, said);
  assert.match(said, /^bench:base: ended by SIGTERM$/m);
  assert.deepEqual(await readdir(scratch), [], "its folder is gone");
  const running = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(scratch));
  assert.deepEqual(running, [], "and so are its servers");
  await rm(scratch, { recursive: true });
});

/** A process's command line; empty when it has just ended. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

test("a server that can't be started is named with its reason, and the others are measured", async () => {
  const broken: Subject = {
    id: "broken",
    title: "broken",
    kind: "peer",
    command: () => [process.execPath, "-e", "console.error('no such thing'); process.exit(3)"],
  };
  const [line] = linesNamed(["clients-1"]);
  assert.ok(line);
  const comparison = {
    subjects: [broken, subject("ts-0")],
    lines: [{ ...line, fileBytes: 4096 }],
    rounds: 2,
    seconds: 0.2,
    warmUpSecondsMax: 0.1,
  };
  const { samples, missing } = await runRounds(comparison, () => undefined);
  assert.deepEqual(
    samples.map((one) => one.subject),
    ["ts-0", "ts-0"],
  );
  assert.equal(missing.length, 1);
  assert.match(missing[0]?.why ?? "", /broken does not answer at .*: no such thing/);
});

test("the floor is left out where datagrams get lost: it repeats nothing", async () => {
  const comparison = {
    subjects: [{ ...subject("ts-0"), kind: "floor" as const }],
    lines: linesNamed(["loss-1428x1"]),
    rounds: 1,
    seconds: 0.2,
    warmUpSecondsMax: 0.1,
  };
  assert.deepEqual(await runRounds(comparison, () => assert.fail()), { samples: [], missing: [] });
});

test("without peers, servers are held against the first one", () => {
  const lines = linesNamed(["1428x1"]);
  const samples = [
    sample("1428x1", "ts-0", 0, { cpuPerGiB: 4 }),
    sample("1428x1", "ts-2", 0, { cpuPerGiB: 5 }),
  ];
  const [summary] = summarize(lines, ["ts-0", "ts-2"].map(subject), samples);
  assert.deepEqual([summary?.reference?.id, summary?.cells[1]?.ratio.median], ["ts-0", 1.25]);
});

test("whether a checkout has the native path is asked of it, and answered with a reason", () => {
  const ours = nativePathOf(join(__dirname, "../../.."));
  assert.equal(typeof ours.isNative, "boolean");
  assert.ok(ours.reason.length > 0);
  const nowhere = nativePathOf(tmpdir());
  assert.equal(nowhere.isNative, false);
  assert.match(nowhere.reason, /Cannot find module/);
});
