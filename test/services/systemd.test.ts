import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "../../src/index.js";
import { temporaryFolder } from "../helpers/files.js";

const ROOT = join(__dirname, "../../..");
const UNIT = join(ROOT, "packaging/systemd/ntftp.service");
const STEP_MS = 180_000;
const run = promisify(execFile);

/** CAP_NET_BIND_SERVICE, as a bit in /proc. */
const BIND_SERVICE = "0000000000000400";

test("the units have no mistakes, and the service exposes little", { timeout: STEP_MS }, async (context) => {
  const folder = await temporaryFolder(context);
  const copy = join(folder, "ntftp.service");
  const text = await readFile(UNIT, "utf8");
  // What it starts has to be there.
  await run("sh", ["-c", 'sed "s,/usr/bin/ntftp,$1," "$2" > "$3"', "sh", process.execPath, UNIT, copy]);
  const socket = join(folder, "ntftp.socket");
  await copyFile(join(ROOT, "packaging/systemd/ntftp.socket"), socket);
  const { stdout, stderr } = await run("systemd-analyze", ["verify", "--man=no", copy, socket]);
  assert.equal(stdout + stderr, "");
  const security = await run("systemd-analyze", ["security", "--offline=true", copy]);
  const exposure = Number(/Overall exposure level for ntftp\.service: ([\d.]+)/.exec(security.stdout)?.[1]);
  assert.ok(exposure <= 2, `exposure is ${exposure}`);
  assert.match(text, /^ExecStart=\/usr\/bin\/ntftp /m);
});

/** Runs a unit under a systemd of its own. Resolves with a reader of what the visitor has found. */
async function runUnit(context: TestContext, unit: string): Promise<(name: string) => Promise<string>> {
  const results = await temporaryFolder(context);
  const namespaces = ["--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup"];
  const lab = join(ROOT, "test/services/systemd-lab.sh");
  const words = [...namespaces, "--mount-proc", "bash", lab, ROOT, results, unit];
  await run("unshare", words, { timeout: STEP_MS - 10_000, killSignal: "SIGKILL" }).catch((error) => {
    throw new Error(`systemd ended with ${error.code ?? error.signal}: ${error.stderr}`);
  });
  return (name) => readFile(join(results, name), "utf8");
}

const CASES = [
  {
    unit: "ntftp.service",
    title: "systemd runs the service: port 69, no privilege but that",
    capabilities: BIND_SERVICE,
    listening: /Listening on \[::\]:69 \(root: '\/srv\/tftp'\)/,
  },
  {
    unit: "ntftp.socket",
    title: "the first request starts the service behind the socket, which has no privilege at all",
    capabilities: "0000000000000000",
    listening: /Listening on 127\.0\.0\.1:69/,
  },
];

for (const { unit, title, capabilities, listening } of CASES) {
  test(title, { timeout: STEP_MS }, async (context) => {
    const read = await runUnit(context, unit);
    const status = await read("status");
    for (const set of ["CapEff", "CapPrm", "CapBnd", "CapAmb"])
      assert.match(status, new RegExp(`^${set}:\\s${capabilities}$`, "m"));
    assert.match(status, /^NoNewPrivs:\s1$/m);
    assert.match(status, /^Seccomp:\s2$/m);
    assert.match(status, /^ntftp\s*$/m, "a user of its own");
    const client = await read("client.log");
    assert.match(client, /^get: hello 0$/m);
    assert.match(client, /Cannot PUT files/);
    assert.match(client, /^put: 1$/m);
    assert.match(await read("server.log"), listening);
  });
}

test("a server takes the socket of systemd that is bound to its address and port, and no other", {
  timeout: STEP_MS,
}, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "hello"), "hello");
  for (const [bound, port, other] of [
    ["[::1]", 16970, "127.0.0.1"],
    ["127.0.0.1", 16971, "[::1]"],
  ] as const) {
    const command = [process.execPath, join(ROOT, "dist/src/cli/main.js")];
    const words = [
      `${bound}:${port}`,
      "--workers",
      "0",
      "--listen-address",
      other.replaceAll(/[[\]]/g, ""),
      "-l",
      folder,
    ];
    const child = spawn("systemd-socket-activate", ["-d", "-l", `${bound}:${port}`, ...command, ...words]);
    context.after(() => void child.kill("SIGKILL"));
    await once(child.stderr, "data");
    for (const host of [bound, other]) {
      const address = host.replaceAll(/[[\]]/g, "");
      const client = createClient({ host: address, port, timeout: 10_000 });
      let text = "";
      for await (const chunk of client.createGetStream("hello")) text += chunk;
      assert.equal(text, "hello", `at ${host}`);
    }
  }
});
