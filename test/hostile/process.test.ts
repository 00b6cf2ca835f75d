import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { openPeer } from "./support/peer.js";
import { launch, type SubjectOptions, startSubject } from "./support/subject.js";

/* Starting, giving up privileges, stopping, and what the log says. */

const TIME_LIMIT = { timeout: 120_000 };

/** 2 s is the promise for a machine with nothing else to do. */
const STOP_MS_MAX = 15_000;

const isRoot = process.getuid?.() === 0;

/** Starts what must not start. */
async function refused(options: SubjectOptions): Promise<{ code: number | null; text: string }> {
  const child = launch(options);
  let text = "";
  child.stderr?.on("data", (chunk) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, text };
}

test(
  "SIGTERM: a silent client gets ERROR 0, one that goes on is served to its end, nothing is left",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(5000));
    const server = await startSubject(context, { root });
    const [silent, uploading, active] = [
      await openPeer(context, server),
      await openPeer(context, server),
      await openPeer(context, server),
    ];
    silent.send("RRQ f octet");
    await silent.expect("DATA 1 512");
    silent.send("ACK 1");
    await silent.expectNext("DATA 2 512");
    uploading.send("WRQ up octet");
    await uploading.expect("ACK 0");
    uploading.send("DATA 1 512");
    await uploading.expectNext("ACK 1");
    active.send("RRQ f octet timeout 20");
    await active.expect("OACK timeout=20");
    active.send("ACK 0");
    await active.expect("DATA 1 512");
    const startMs = performance.now();
    server.signal("SIGTERM");
    for (let block = 1; block <= 10; block++) {
      active.send(`ACK ${block}`);
      if (block < 10) await active.expectNext(`DATA ${block + 1} ${block < 9 ? 512 : 392}`);
    }
    await silent.expectLater(/^ERROR 0 ./, /^DATA 2 512$/);
    await uploading.expectLater(/^ERROR 0 ./, /^ACK 1$/);
    assert.deepEqual(await server.ended(), { exitCode: 0, signal: null });
    const tookMs = performance.now() - startMs;
    context.diagnostic(`ended after ${tookMs.toFixed(0)} ms`);
    assert.ok(tookMs < STOP_MS_MAX, `${tookMs} ms`);
    assert.deepEqual(readdirSync(root), ["f"]);
  },
);

test("SIGTERM with --grace 0: every client gets ERROR 0 at once", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(5000));
  const server = await startSubject(context, { root, options: ["--grace", "0"] });
  const [reader, writer] = [await openPeer(context, server), await openPeer(context, server)];
  reader.send("RRQ f octet");
  await reader.expect("DATA 1 512");
  writer.send("WRQ up octet");
  await writer.expect("ACK 0");
  const startMs = performance.now();
  server.signal("SIGTERM");
  await reader.expectLater(/^ERROR 0 ./, /^DATA 1 512$/);
  await writer.expectLater(/^ERROR 0 ./, /^ACK 0$/);
  assert.deepEqual(await server.ended(), { exitCode: 0, signal: null });
  assert.ok(performance.now() - startMs < STOP_MS_MAX);
  assert.deepEqual(readdirSync(root), ["f"]);
});

test("SIGTERM without transfers, and while one dallies, ends at once", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const server = await startSubject(context, { root });
  const peer = await openPeer(context, server);
  peer.send("WRQ up octet");
  await peer.expect("ACK 0");
  peer.send("DATA 1 1");
  await peer.expectNext("ACK 1");
  const startMs = performance.now();
  server.signal("SIGTERM");
  assert.deepEqual(await server.ended(), { exitCode: 0, signal: null });
  assert.ok(performance.now() - startMs < STOP_MS_MAX);
  assert.equal(statSync(join(root, "up")).size, 1);
});

test("names can't forge lines of the log", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), "x");
  for (const options of [[], ["--log-format", "text"], ["--log-format", "json"], ["--json"]]) {
    const server = await startSubject(context, { root, options });
    const before = server.stdout.length + server.stderr.length;
    for (const name of [
      "x%0aCLOSE%20[1.2.3.4:5]%20GET%20f",
      "x%0d%0aERROR",
      "%1b[2J",
      "x%e2%80%a8y",
      "x%c2%9by",
      "x%e2%80%aey",
      'x","event":"y',
    ]) {
      const peer = await openPeer(context, server);
      peer.send(`RRQ ${name} octet`);
      await peer.expect(/^ERROR [12] ./);
    }
    server.signal("SIGTERM");
    await server.ended();
    const lines = [...server.stdout, ...server.stderr];
    assert.ok(lines.length - before <= 7 * 3 + 2, `${options}: ${lines.join("\n")}`);
    for (const line of lines) {
      // JSON may hold any character but those that it escapes.
      if (line.startsWith("{")) {
        assert.doesNotThrow(() => JSON.parse(line), line);
        continue;
      }
      assert.doesNotMatch(
        line,
        /^CLOSE \[1\.2\.3\.4|^ERROR$|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]/,
        `${options}: ${line}`,
      );
    }
  }
});

test(
  "--user and --group: every thread is somebody else before anything is served",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await chmod(root, 0o755);
    await writeFile(join(root, "f"), "hello");
    await writeFile(join(root, "private"), "root's", { mode: 0o600 });
    if (!isRoot) {
      // Only root may become somebody else: others are told so, and nothing is served.
      const { code, text } = await refused({ root, options: ["--user", "nobody"] });
      assert.equal(code, 1);
      assert.match(text, /only root can become/);
      return;
    }
    const pidFile = join(await temporaryFolder(context), "pid");
    const server = await startSubject(context, {
      root,
      options: ["--user", "nobody", "--pid-file", pidFile],
    });
    assert.equal(readFileSync(pidFile, "utf8"), `${server.pid}\n`);
    const idOf = (name: string) => statIds(server.pid, name);
    const threads = readdirSync(`/proc/${server.pid}/task`);
    assert.ok(threads.length > 4);
    for (const thread of threads) {
      const { uid, gid, groups, capabilities } = idOf(`task/${thread}/status`);
      assert.deepEqual(new Set(uid), new Set(["65534"]), "real, effective, saved and file system user");
      assert.deepEqual(new Set(gid), new Set(["65534"]));
      assert.deepEqual(groups, ["65534"]);
      assert.equal(Number(capabilities), 0);
    }
    const peer = await openPeer(context, server);
    peer.send("RRQ f octet");
    await peer.expect("DATA 1 5");
    peer.send("ACK 1");
    const denied = await openPeer(context, server);
    denied.send("RRQ private octet");
    await denied.expect(/^ERROR 2 ./);
    const writer = await openPeer(context, server);
    writer.send("WRQ new octet");
    await writer.expect(/^ERROR 2 ./);
    assert.equal(existsSync(join(root, "new")), false);
  },
);

test("identities that can't be had end the start with one line", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const tried: [string[], number, RegExp][] = [
    [["--user", "no-such-user-here"], 2, /there is no user 'no-such-user-here' here/],
    [["--user", "nobody", "--group", "no-such-group"], 2, /there is no group 'no-such-group' here/],
    [["--group", "nogroup"], 2, /--group needs --user/],
    [["--user", "root"], 2, /gives up nothing/],
    [["--user", "-x"], 2, /no name|argument/],
  ];
  // The root belongs to root and is closed to others.
  if (isRoot) tried.push([["--user", "nobody"], 1, /can't read the root/]);
  for (const [options, wantedCode, wantedText] of tried) {
    const { code, text } = await refused({ root, options });
    assert.match(text, wantedText);
    assert.equal(code, wantedCode, text);
    assert.ok(!text.includes(".js:"), text);
  }
});

function statIds(pid: number, file: string) {
  const status = readFileSync(`/proc/${pid}/${file}`, "utf8");
  const words = (name: string) =>
    (new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "").trim().split(/\s+/);
  return {
    uid: words("Uid"),
    gid: words("Gid"),
    groups: words("Groups"),
    capabilities: `0x${words("CapEff")[0]}`,
  };
}
