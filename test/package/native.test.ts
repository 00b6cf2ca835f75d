import assert from "node:assert/strict";
import { mkdir, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { emptyConsumer, installTarball, PROGRAM, ROOT, run, STEP_MS } from "./consumer.js";

const PREBUILDS = "node_modules/ntftp/prebuilds";

let folder = "";
/** A machine without a compiler: nothing can be run by its name but node and a shell. */
let environment: NodeJS.ProcessEnv = {};

before(
  async () => {
    folder = await emptyConsumer();
    const programs = join(folder, "bin");
    await mkdir(programs);
    await symlink(process.execPath, join(programs, "node"));
    await symlink("/bin/sh", join(programs, "sh"));
    environment = { ...process.env, PATH: programs };
    for (const name of ["NTFTP_NATIVE", "CC", "CXX"]) delete environment[name];
    for (const compiler of ["cc", "c++", "gcc", "g++", "make"])
      await assert.rejects(run(compiler, ["--version"], { env: environment }), { code: "ENOENT" });
    await installTarball(folder, [process.execPath, await npmProgram()], environment);
    await writeFile(join(folder, "program.cjs"), PROGRAM);
  },
  { timeout: 3 * STEP_MS },
);

after(() => rm(folder, { recursive: true, force: true }));

/** npm's own file: a name to run it by would be looked for in the empty PATH. */
async function npmProgram(): Promise<string> {
  const found = (process.env["PATH"] ?? "").split(":").map((part) => realpath(join(part, "npm")));
  const [npm] = (await Promise.allSettled(found)).filter((one) => one.status === "fulfilled");
  assert.ok(npm, "npm is installed");
  return npm.value;
}

async function serve(workers: number, variables: NodeJS.ProcessEnv = {}) {
  const env = { ...environment, ...variables };
  const output = await run(process.execPath, ["program.cjs", String(workers)], { cwd: folder, env });
  const { name, ...path } = JSON.parse(output) as {
    name: string;
    isNative: boolean;
    reason: string;
    addons: string[];
  };
  assert.equal(name, "consumer");
  return path;
}

for (const workers of [0, 1]) {
  test(`without a compiler the prebuilt addon serves, ${workers} workers`, { timeout: STEP_MS }, async () => {
    const { isNative, reason, addons } = await serve(workers);
    assert.match(reason, /^(sendmmsg|sendmsg)(, GSO)?$/);
    const prebuild = join(await realpath(folder), PREBUILDS, `linux-${process.arch}`, "ntftp.glibc.node");
    assert.deepEqual([isNative, addons], [true, [prebuild]]);
  });
}

test("NTFTP_NATIVE=0 turns it off", { timeout: STEP_MS }, async () => {
  const reason = "turned off by NTFTP_NATIVE=0";
  for (const workers of [0, 1])
    assert.deepEqual(await serve(workers, { NTFTP_NATIVE: "0" }), { isNative: false, reason, addons: [] });
});

test("an addon that does not load is a reason to go on without it", { timeout: STEP_MS }, async () => {
  for (const platform of await readdir(join(folder, PREBUILDS)))
    await writeFile(join(folder, PREBUILDS, platform, "ntftp.glibc.node"), "no addon");
  const { isNative, reason, addons } = await serve(1);
  assert.deepEqual([isNative, addons], [false, []]);
  assert.match(reason, /ntftp\.glibc\.node: /);
});

test("without prebuilds node:dgram serves, and says why", { timeout: STEP_MS }, async () => {
  await rm(join(folder, PREBUILDS), { recursive: true });
  for (const workers of [0, 1]) {
    const { isNative, reason, addons } = await serve(workers);
    assert.deepEqual([isNative, addons], [false, []]);
    assert.match(reason, /^No native build was found for platform=linux/);
  }
  const { isNative } = await serve(1, { NTFTP_PREBUILD: ROOT });
  assert.ok(isNative, "a build elsewhere can be named");
});
