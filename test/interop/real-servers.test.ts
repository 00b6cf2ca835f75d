import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "../../src/index.js";
import {
  hashOf,
  sampleBytes,
  sampleText,
  temporaryFolder,
  writeLarge,
  writeSparse,
} from "../helpers/files.js";
import { startServer } from "../helpers/server.js";
import { type RealServerName, startRealServer } from "./programs.js";

const MIB = 1024 * 1024;
const TIME_LIMIT = { timeout: 240_000 };

/** dnsmasq is read-only. */
const SERVERS: readonly { name: RealServerName; writes: boolean }[] = [
  { name: "tftpd-hpa", writes: true },
  { name: "atftpd", writes: true },
  { name: "dnsmasq", writes: false },
];

const SETTINGS = [
  { blockSize: 512, windowSize: 1 },
  { blockSize: 1468, windowSize: 4 },
  { blockSize: 8192, windowSize: 16 },
];

/** Some servers acknowledge the last block before they have written it: their file is looked at for a while. */
async function holds(path: string, content: Buffer, label: string): Promise<void> {
  const untilMs = performance.now() + 5000;
  let stored = await readFile(path);
  while (!stored.equals(content) && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    stored = await readFile(path);
  }
  assert.ok(stored.equals(content), label);
}

async function servedFolder(context: { after(cleanUp: () => Promise<void>): void }): Promise<string> {
  const folder = await temporaryFolder(context);
  await chmod(folder, 0o777);
  return folder;
}

for (const { name, writes } of SERVERS) {
  test(`our client and ${name}: files of every size both ways`, TIME_LIMIT, async (context) => {
    const root = await servedFolder(context);
    const local = await temporaryFolder(context);
    const server = await startRealServer(name, root);
    context.after(() => server.stop());
    for (const settings of SETTINGS) {
      const client = createClient({ host: server.host, port: server.port, ...settings });
      const { blockSize } = settings;
      for (const size of [0, 1, blockSize - 1, blockSize, blockSize + 1, MIB]) {
        const content = sampleBytes(size);
        const label = `${size} bytes, blocks of ${blockSize}, windows of ${settings.windowSize}`;
        await writeFile(join(root, "file"), content, { mode: 0o666 });
        await client.get("file", join(local, "got"));
        assert.ok((await readFile(join(local, "got"))).equals(content), `GET ${label}`);
        if (!writes) continue;
        await writeFile(join(local, "mine"), content);
        await client.put(join(local, "mine"), `stored-${blockSize}-${size}`);
        await holds(join(root, `stored-${blockSize}-${size}`), content, `PUT ${label}`);
      }
    }
  });

  test(`our client and ${name}: 200 MiB, wire numbers roll over`, TIME_LIMIT, async (context) => {
    const root = await servedFolder(context);
    const local = await temporaryFolder(context);
    const server = await startRealServer(name, root);
    context.after(() => server.stop());
    await writeLarge(join(root, "large"), 200 * MIB);
    await chmod(join(root, "large"), 0o666);
    const client = createClient({
      host: server.host,
      port: server.port,
      blockSize: name === "atftpd" ? 1428 : 512,
    });
    await client.get("large", join(local, "got"));
    assert.equal(await hashOf(join(local, "got")), await hashOf(join(root, "large")));
  });

  test(`our client and ${name}: a missing file is ENOENT`, TIME_LIMIT, async (context) => {
    const root = await servedFolder(context);
    const server = await startRealServer(name, root);
    context.after(() => server.stop());
    const client = createClient({ host: server.host, port: server.port });
    await assert.rejects(client.get("nothing", join(root, "got")), { code: "ENOENT" });
  });

  test(`our client and ${name}: netascii`, TIME_LIMIT, async (context) => {
    const root = await servedFolder(context);
    const local = await temporaryFolder(context);
    const server = await startRealServer(name, root);
    context.after(() => server.stop());
    const client = createClient({ host: server.host, port: server.port });
    for (const size of [0, 1, 511, 512, 513, 50_000]) {
      const text = sampleText(size);
      await writeFile(join(root, "text"), text, { mode: 0o666 });
      await client.get("text", join(local, "got"), { mode: "netascii" });
      assert.ok((await readFile(join(local, "got"))).equals(text), `GET of ${size} bytes`);
      if (!writes) continue;
      await client.put(join(local, "got"), `stored-${size}`, { mode: "netascii" });
      await holds(join(root, `stored-${size}`), text, `PUT of ${size} bytes`);
    }
  });
}

test("our client and our server: 200 MiB in blocks of 512 bytes both ways", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const local = await temporaryFolder(context);
  const { port } = await startServer(context, { root });
  await writeLarge(join(root, "large"), 200 * MIB);
  const wanted = await hashOf(join(root, "large"));
  const client = createClient({ host: "127.0.0.1", port, blockSize: 512, windowSize: 4 });
  await client.get("large", join(local, "got"));
  assert.equal(await hashOf(join(local, "got")), wanted);
  await client.put(join(local, "got"), "stored");
  assert.equal(await hashOf(join(root, "stored")), wanted);
});

test(
  "our client and our server: a sparse file of 5 GiB, exact size, right hash",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const size = 5 * 1024 * MIB + 4321;
    await writeSparse(join(root, "huge"), size);
    const { port } = await startServer(context, { root, blockSize: 65_464, windowSize: 16 });
    const client = createClient({ host: "127.0.0.1", port, blockSize: 65_464, windowSize: 16 });
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256");
    let told: number | null = null;
    const stream = client.createGetStream("huge").on("stats", (stats) => {
      told = stats.size;
    });
    for await (const chunk of stream) hash.update(chunk as Buffer);
    assert.equal(told, size);
    assert.equal(hash.digest("hex"), await hashOf(join(root, "huge")));
  },
);
