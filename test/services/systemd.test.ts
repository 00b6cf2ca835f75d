import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { temporaryFolder } from "../helpers/files.js";

const ROOT = join(__dirname, "../../..");
const UNIT = join(ROOT, "packaging/systemd/ntftp.service");
const STEP_MS = 180_000;
const run = promisify(execFile);

/** CAP_NET_BIND_SERVICE, as a bit in /proc. */
const BIND_SERVICE = "0000000000000400";

test("the unit has no mistakes, and exposes little", { timeout: STEP_MS }, async (context) => {
  const copy = join(await temporaryFolder(context), "ntftp.service");
  const text = await readFile(UNIT, "utf8");
  // What it starts has to be there.
  await run("sh", ["-c", 'sed "s,/usr/bin/ntftp,$1," "$2" > "$3"', "sh", process.execPath, UNIT, copy]);
  const { stdout, stderr } = await run("systemd-analyze", ["verify", "--man=no", copy]);
  assert.equal(stdout + stderr, "");
  const security = await run("systemd-analyze", ["security", "--offline=true", copy]);
  const exposure = Number(/Overall exposure level for ntftp\.service: ([\d.]+)/.exec(security.stdout)?.[1]);
  assert.ok(exposure <= 2, `exposure is ${exposure}`);
  assert.match(text, /^ExecStart=\/usr\/bin\/ntftp /m);
});

test("systemd runs the unit: port 69, no privilege but that, files go out", {
  timeout: STEP_MS,
}, async (context) => {
  const results = await temporaryFolder(context);
  const namespaces = ["--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup"];
  const lab = join(ROOT, "test/services/systemd-lab.sh");
  const words = [...namespaces, "--mount-proc", "bash", lab, ROOT, results];
  await run("unshare", words, { timeout: STEP_MS - 10_000, killSignal: "SIGKILL" }).catch((error) => {
    throw new Error(`systemd ended with ${error.code ?? error.signal}: ${error.stderr}`);
  });
  const read = (name: string): Promise<string> => readFile(join(results, name), "utf8");
  const status = await read("status");
  for (const set of ["CapEff", "CapPrm", "CapBnd", "CapAmb"])
    assert.match(status, new RegExp(`^${set}:\\s${BIND_SERVICE}$`, "m"));
  assert.match(status, /^NoNewPrivs:\s1$/m);
  assert.match(status, /^Seccomp:\s2$/m);
  assert.match(status, /^ntftp\s*$/m, "a user of its own");
  const client = await read("client.log");
  assert.match(client, /^get: hello 0$/m);
  assert.match(client, /Cannot PUT files/);
  assert.match(client, /^put: 1$/m);
  assert.match(await read("server.log"), /Listening on \[::\]:69 \(root: '\/srv\/tftp'\)/);
});
