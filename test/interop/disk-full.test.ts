import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "../../src/index.js";
import { eventually } from "../helpers/eventually.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";

/** A file system of 256 KiB, which only root may make: the reason why these tests stand here. */
async function smallDisk(context: { after(cleanUp: () => Promise<void>): void }): Promise<string> {
  const root = join("/tmp", `ntftp-small-disk-${process.pid}-${readdirSync("/tmp").length}`);
  await mkdir(root);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", root]);
  context.after(() => {
    execFileSync("umount", ["-l", root]);
    return rmdir(root);
  });
  return root;
}

/** Waits for the removal of temporary files, which goes on in the background. */
async function left(root: string, wanted: string): Promise<void> {
  await eventually(`${wanted} is all there is`, () => readdirSync(root).join() === wanted);
}

test("a disk that fills up during an upload: ERROR 3, the old file stays, no litter", {
  timeout: 120_000,
}, async (context) => {
  const root = await smallDisk(context);
  await writeFile(join(root, "up"), "old");
  const { server, port } = await startServer(context, { root });
  server.on("request", (req) => req.on("error", () => undefined));
  const client = createSocket("udp4");
  context.after(() => client.close());
  // Without tsize the server can't know before.
  let answer = once(client, "message");
  client.send(Buffer.from("\0\x02up\0octet\0"), port, "127.0.0.1");
  let [bytes, from] = (await answer) as [Buffer, { port: number }];
  for (let block = 1; bytes[1] === 4 && block < 2000; block++) {
    answer = once(client, "message");
    const data = Buffer.concat([Buffer.from([0, 3, block >> 8, block & 255]), Buffer.alloc(512)]);
    client.send(data, from.port, "127.0.0.1");
    [bytes, from] = (await answer) as [Buffer, { port: number }];
  }
  assert.match(bytes.toString("latin1"), /^\0\x05\0\x03Disk full/);
  assert.equal(await readFile(join(root, "up"), "utf8"), "old");
  await left(root, "up");
});

test("a disk that fills up during a download: the error of the system, the old file stays", {
  timeout: 120_000,
}, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(1_000_000));
  const disk = await smallDisk(context);
  await writeFile(join(disk, "local"), "old");
  const { server, port } = await startServer(context, { root });
  server.on("request", (req) => req.on("error", () => undefined));
  await assert.rejects(createClient({ host: "127.0.0.1", port }).get("f", join(disk, "local")), {
    code: "ENOSPC",
  });
  assert.equal(await readFile(join(disk, "local"), "utf8"), "old");
  await left(disk, "local");
});
