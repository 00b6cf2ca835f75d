import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";
import { Random } from "../sim/random.js";

const DATAGRAMS = 1_000_000;
/** Sent between two turns of the loop, so that most of them reach the server's buffer and are read. */
const BURST = 100;

test(`${DATAGRAMS} datagrams of 0 to 2048 random bytes, from the peer and from strangers: nothing happens`, {
  timeout: 600_000,
}, async (context) => {
  const root = await temporaryFolder(context);
  const content = sampleBytes(20_000);
  await writeFile(join(root, "f"), content);
  const { server, port } = await startServer(context, { root, blockSize: 512, timeout: 60_000 });
  // Workers open descriptors of their own while they start: each serves something first.
  const client = createClient({ host: "127.0.0.1", port });
  await Promise.all(Array.from({ length: 8 }, (_, copy) => client.get("f", join(root, `warm-up-${copy}`))));
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const descriptorsBefore = descriptors();

  // A transfer that is under way all the time, led by hand.
  const peer = createSocket("udp4");
  const stranger = createSocket("udp4");
  context.after(() => {
    peer.close();
    stranger.close();
  });
  peer.bind(0, "127.0.0.1");
  await once(peer, "listening");
  peer.send(Buffer.from("\0\x01f\0octet\0blksize\x00512\0"), port, "127.0.0.1");
  const [oack, { port: tid }] = (await once(peer, "message")) as [Buffer, { port: number }];
  assert.equal(oack[1], 6);
  let heapBefore = 0;

  const random = new Random(2026n);
  const pool = Buffer.from(random.bytes(65_536));
  for (let sent = 0; sent < DATAGRAMS; sent += BURST) {
    for (let i = 0; i < BURST; i++) {
      const from = random.between(0, pool.length - 2048);
      const junk = Buffer.from(pool.subarray(from, from + random.between(0, 2048)));
      // Half of them look like packets. The peer's own word that it gives up would be one, and so would its ACKs.
      if (junk.length >= 2 && random.chance(0.5)) junk.writeUInt16BE(random.between(0, 7), 0);
      const isWord =
        junk.length >= 4 && junk[0] === 0 && (junk[1] === 5 || (junk[1] === 4 && junk.readUInt16BE(2) < 100));
      const target = random.chance(0.5) ? tid : port;
      const sender = isWord || random.chance(0.5) ? stranger : peer;
      sender.send(junk, target, "127.0.0.1");
    }
    await new Promise((resolve) => setImmediate(resolve));
    if (sent === DATAGRAMS / 10) {
      globalThis.gc?.();
      heapBefore = process.memoryUsage().heapUsed;
    }
  }

  // The transfer goes on as if nothing had been. What the junk crowds out of a buffer is sent again, on both sides.
  const got: Buffer[] = [];
  const blocks = Math.floor(content.length / 512) + 1;
  const acknowledge = (): void => peer.send(Buffer.from([0, 4, 0, got.length]), tid, "127.0.0.1");
  const arrived = new Promise<void>((resolve) => {
    peer.on("message", (bytes: Buffer, from: { port: number }) => {
      if (from.port !== tid || bytes[1] !== 3) return;
      if (bytes.readUInt16BE(2) === got.length + 1) got.push(bytes.subarray(4));
      acknowledge();
      if (got.length === blocks) resolve();
    });
  });
  const repeating = setInterval(() => got.length > 0 || acknowledge(), 100);
  acknowledge();
  await arrived;
  clearInterval(repeating);
  assert.ok(Buffer.concat(got).equals(content));
  await client.get("f", join(root, "got"));
  await server.close();
  assert.equal(server.transferCount, 0);
  assert.ok(descriptors() <= descriptorsBefore + 3, "descriptors came back");
  globalThis.gc?.();
  const grownMiB = (process.memoryUsage().heapUsed - heapBefore) / 1_048_576;
  assert.ok(grownMiB < 64, `the heap grew by ${grownMiB.toFixed(1)} MiB`);
});
