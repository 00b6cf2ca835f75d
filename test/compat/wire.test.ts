import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type ClientOptions, createClient } from "../../src/index.js";
import { hashOf, sampleBytes, temporaryFolder } from "../helpers/files.js";
import { freePort } from "../helpers/ports.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 60_000 };

/** Around a block of the default size, around nothing, and so many that windows follow windows. */
const SIZES = [0, 1, 1467, 1468, 1469, 4 * 1468, 102_400, 1_048_576];

/** The default, the plain protocol's, and a window that no power of two divides. */
const OPTION_SETS: readonly ClientOptions[] = [
  {},
  { blockSize: 512, windowSize: 1 },
  { blockSize: 8192, windowSize: 3 },
];

/** Blocks beyond the 65,535 that a block number counts. */
const ROLLOVER: ClientOptions = { blockSize: 8, windowSize: 4 };
const ROLLOVER_SIZE = 70_000 * 8;

interface Folders {
  /** What the server serves: the samples, and what was uploaded. */
  readonly root: string;
  /** What the client has: the samples, and what was fetched. */
  readonly local: string;
}

/** Two folders, each with a sample of every size. */
async function sampleFolders(context: TestContext, sizes: readonly number[]): Promise<Folders> {
  const folder = await temporaryFolder(context);
  const folders = { root: join(folder, "root"), local: join(folder, "local") };
  for (const path of Object.values(folders)) {
    await mkdir(path);
    for (const size of sizes) await writeFile(join(path, `sample-${size}`), sampleBytes(size));
  }
  return folders;
}

/** The original in another process, ready. */
async function startOriginal(context: TestContext, ...args: string[]): Promise<ChildProcess> {
  const child = fork(join(__dirname, "wire-peer.js"), args, { execArgv: ["--no-deprecation"] });
  context.after(() => {
    child.kill("SIGKILL");
  });
  assert.equal((await once(child, "message"))[0], "ready");
  return child;
}

/** Has the original's client carry out an order; resolves to "done" or the text of an error. */
async function order(child: ChildProcess, method: string, local: string, remote: string): Promise<unknown> {
  child.send([method, local, remote]);
  const [answer] = await once(child, "message");
  return answer;
}

/** The original acknowledges the last block before it is on the disk: waits until the file has its size. */
async function hasSize(path: string, size: number): Promise<void> {
  const deadlineMs = performance.now() + 5000;
  const isWhole = () =>
    stat(path)
      .then((stats) => stats.size >= size)
      .catch(() => false);
  while (!(await isWhole()) && performance.now() < deadlineMs) await setTimeout(5);
}

for (const options of [...OPTION_SETS, ROLLOVER]) {
  const label = JSON.stringify(options);
  const sizes = options === ROLLOVER ? [ROLLOVER_SIZE] : SIZES;

  test(`the original's client gets and puts files at our server ${label}`, TIME_LIMIT, async (context) => {
    const { root, local } = await sampleFolders(context, sizes);
    const { port } = await startServer(context, { root });
    const client = await startOriginal(context, "client", String(port), label);
    for (const size of sizes) {
      const sample = join(root, `sample-${size}`);
      const wanted = await hashOf(sample);
      assert.equal(await order(client, "get", join(local, `got-${size}`), `sample-${size}`), "done");
      assert.equal(await hashOf(join(local, `got-${size}`)), wanted, `GET of ${size} bytes`);
      assert.equal(await order(client, "put", sample, `put-${size}`), "done");
      assert.equal(await hashOf(join(root, `put-${size}`)), wanted, `PUT of ${size} bytes`);
    }
    assert.equal(await order(client, "get", join(local, "x"), "none"), "(Server) File not found");
  });

  test(`our client gets and puts files at the original's server ${label}`, TIME_LIMIT, async (context) => {
    const { root, local } = await sampleFolders(context, sizes);
    const port = await freePort();
    await startOriginal(context, "server", root, String(port));
    const client = createClient({ host: "127.0.0.1", port, timeout: 2000, ...options });
    for (const size of sizes) {
      const sample = join(local, `sample-${size}`);
      const wanted = await hashOf(sample);
      await client.get(`sample-${size}`, join(local, `got-${size}`));
      assert.equal(await hashOf(join(local, `got-${size}`)), wanted, `GET of ${size} bytes`);
      await client.put(sample, `put-${size}`);
      await hasSize(join(root, `put-${size}`), size);
      assert.equal(await hashOf(join(root, `put-${size}`)), wanted, `PUT of ${size} bytes`);
    }
    await assert.rejects(client.get("none", join(local, "x")), { message: "(Server) File not found" });
  });
}
