import assert from "node:assert/strict";
import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Client, createClient } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 60_000 };

async function fetch(client: Client, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of client.createGetStream(name)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function fetchTwice(client: Client, name: string): Promise<string> {
  const first = await fetch(client, name);
  assert.deepEqual(await fetch(client, name), first);
  return first.toString();
}

test("a file that was served before is served as it is now", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const { port } = await startServer(context, { root, workers: 0 });
  const client = createClient({ host: "127.0.0.1", port });
  const path = join(root, "f");
  await writeFile(path, "one");
  assert.equal(await fetchTwice(client, "f"), "one");
  await writeFile(path, "two!");
  assert.equal(await fetchTwice(client, "f"), "two!");
  // Another file under the name, of the same size and time.
  const at = new Date(1_600_000_000_000);
  await writeFile(join(root, "g"), "2two");
  await utimes(path, at, at);
  await utimes(join(root, "g"), at, at);
  await fetchTwice(client, "f");
  await rename(join(root, "g"), path);
  assert.equal(await fetchTwice(client, "f"), "2two");
  await rm(path);
  await assert.rejects(fetch(client, "f"), { code: "ENOENT" });
  await mkdir(path);
  await assert.rejects(fetch(client, "f"), /File not found|Access violation/);
});

test(
  "a name that becomes a link out of the root is refused, however often it was served",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const outside = await temporaryFolder(context);
    const { port } = await startServer(context, { root, workers: 0 });
    const client = createClient({ host: "127.0.0.1", port });
    await writeFile(join(root, "f"), "inside");
    await writeFile(join(outside, "f"), "secret");
    await fetchTwice(client, "f");
    await rm(join(root, "f"));
    await symlink(join(outside, "f"), join(root, "f"));
    await assert.rejects(fetch(client, "f"), { code: "EACCESS" });
  },
);

test("a file that may not be read any more is refused", TIME_LIMIT, async (context) => {
  // Root may read everything: then there is nothing to see but that a changed mode is noticed and does no harm.
  const mayReadAll = process.getuid?.() === 0;
  const root = await temporaryFolder(context);
  const { port } = await startServer(context, { root, workers: 0 });
  const client = createClient({ host: "127.0.0.1", port });
  const content = sampleBytes(300_000);
  await writeFile(join(root, "f"), content);
  assert.deepEqual(await fetch(client, "f"), content);
  await chmod(join(root, "f"), 0);
  if (mayReadAll) assert.deepEqual(await fetch(client, "f"), content);
  else await assert.rejects(fetch(client, "f"), { code: "EACCESS" });
});
