import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startLossyProxy } from "../helpers/lossy-proxy.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };
const STORM = { loss: 0.05, duplicate: 0.05, reorder: 0.05 };

for (const windowSize of [1, 4, 16, 64]) {
  test(
    `5 % loss each way, doubles and reordering: both ways in windows of ${windowSize}`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      const content = sampleBytes(400_000);
      await writeFile(join(root, "f"), content);
      const { port } = await startServer(context, { root, windowSize });
      const proxy = await startLossyProxy(context, port, STORM, BigInt(windowSize));
      const client = createClient({ host: "127.0.0.1", port: proxy, windowSize });
      await client.get("f", join(root, "got"));
      assert.ok((await readFile(join(root, "got"))).equals(content));
      await client.put(join(root, "got"), "stored");
      assert.ok((await readFile(join(root, "stored"))).equals(content));
    },
  );
}

test(
  "lock-step under 1 % loss is at least ten times as fast as fixed pauses of 1 s would be",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const content = sampleBytes(1468 * 1000);
    await writeFile(join(root, "f"), content);
    const { port } = await startServer(context, { root, windowSize: 1, timeout: 1000 });
    const fetch = async (loss: number): Promise<number> => {
      const proxy = await startLossyProxy(context, port, { loss, duplicate: 0, reorder: 0 }, 7n);
      const client = createClient({
        host: "127.0.0.1",
        port: proxy,
        windowSize: 1,
        timeout: 1000,
        retries: 5,
      });
      const startedMs = performance.now();
      await client.get("f", join(root, "got"));
      assert.ok((await readFile(join(root, "got"))).equals(content));
      return performance.now() - startedMs;
    };
    // What the machine needs for the work itself is no matter of lost packets.
    const workMs = await fetch(0);
    const pausesMs = (await fetch(0.01)) - workMs;
    // 1,000 blocks, 1 % of DATA and 1 % of ACKs lost: about 20 pauses of a fixed second each.
    const fixedMs = 1000 * 2 * 0.01 * 1000;
    context.diagnostic(`${workMs.toFixed(0)} ms of work, ${pausesMs.toFixed(0)} ms of pauses`);
    assert.ok(pausesMs * 10 <= fixedMs, `pauses of ${pausesMs} ms, fixed ones would be ${fixedMs} ms`);
  },
);
