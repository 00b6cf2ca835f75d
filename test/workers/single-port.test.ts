import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { createClient, createServer, type GetStream, type Server } from "../../src/index.js";
import { nativeBinding } from "../../src/io/native-binding.js";
import { eventually } from "../helpers/eventually.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { assertPortIsFree } from "../helpers/ports.js";
import { ACK, ERROR, type RawPeer, RRQ, rawPeer } from "../helpers/raw-peer.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };

const { binding, reason } = nativeBinding();

/** The threads that this process starts, through whatever pool. */
const threads: Worker[] = [];
process.on("worker", (worker: Worker) => threads.push(worker));

const namesOf = (server: Server): string[] => server.status().threads.map(({ name }) => name);

test("on a single port, workers serve where they can share it, else the calling thread", async (context) => {
  if (process.env["NTFTP_NATIVE"] === "1") assert.ok(binding !== null, reason);
  const root = await temporaryFolder(context);
  const { server } = await startServer(context, { root, singlePort: true, workers: 2 });
  assert.deepEqual(namesOf(server), binding === null ? ["main"] : ["main", "0", "1"]);
});

test("a second server on a single port is refused", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const { port } = await startServer(context, { root, singlePort: true, workers: 2 });
  for (const options of [{ singlePort: true, workers: 2 }, { singlePort: true, workers: 0 }, {}]) {
    const second = createServer({ host: "127.0.0.1", port, root, ...options });
    const failed = once(second, "error");
    second.listen();
    assert.equal((await failed)[0].code, "EADDRINUSE");
  }
});

test("200 clients at once get and put on a single port", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const content = sampleBytes(150_000);
  await writeFile(join(root, "f"), content);
  const { port, server } = await startServer(context, { root, singlePort: true, workers: 2 });
  const threadsUsed = new Set<string>();
  server.on("transferStart", () => {
    // One turn later it has its thread.
    setImmediate(() => {
      for (const { name, transfers } of server.status().threads) if (transfers > 0) threadsUsed.add(name);
    });
  });
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const windowSize = (index % 4) * 5 + 1;
      const client = createClient({ host: "127.0.0.1", port, windowSize, timeout: 20_000 });
      const copy = join(root, `copy${index}`);
      await client.get("f", copy);
      assert.ok((await readFile(copy)).equals(content), `copy ${index}`);
      await client.put(copy, `up${index}`);
      assert.ok((await readFile(join(root, `up${index}`))).equals(content), `upload ${index}`);
    }),
  );
  await eventually("all transfers have ended", () => server.transferCount === 0);
  assert.deepEqual([...threadsUsed].sort(), binding === null ? ["main"] : ["0", "1"]);
});

test("a listener and a handler module answer on a single port", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const handler = join(root, "handler.cjs");
  await writeFile(
    handler,
    `module.exports = (req, res) => { res.setSize(4); res.end(req.stats.localPort === 0 ? "none" : "made"); };`,
  );
  const byModule = await startServer(context, { root, singlePort: true, workers: 2, handler });
  const uploads: Buffer[] = [];
  const byListener = await startServer(context, { root, singlePort: true, workers: 2 }, async (req, res) => {
    if (req.method === "GET") {
      res.setSize(4);
      res.end("made");
      return;
    }
    for await (const chunk of req) uploads.push(chunk as Buffer);
  });
  for (const { port } of [byModule, byListener]) {
    await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const client = createClient({ host: "127.0.0.1", port, timeout: 20_000 });
        await client.get("any", join(root, `out${index}`));
        assert.equal(await readFile(join(root, `out${index}`), "utf8"), "made");
      }),
    );
  }
  const client = createClient({ host: "127.0.0.1", port: byListener.port, timeout: 20_000 });
  await writeFile(join(root, "local"), sampleBytes(200_000));
  await client.put(join(root, "local"), "up");
  await eventually("the upload is complete", () => Buffer.concat(uploads).length === 200_000);
  assert.ok(Buffer.concat(uploads).equals(await readFile(join(root, "local"))));
});

test("limits, denials and new settings hold on a single port", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(3000));
  const options = { host: "127.0.0.1", port: 0, root, singlePort: true, workers: 2, maxQueuedRequests: 0 };
  const { port, server } = await startServer(context, { ...options, maxTransfersPerClient: 2 });
  const peers = await Promise.all(Array.from({ length: 3 }, () => rawPeer(context, port)));
  const [one, two, three] = peers as [RawPeer, RawPeer, RawPeer];
  for (const peer of [one, two]) {
    peer.ask(RRQ("f"));
    await peer.until("\0\x03");
    peer.ask(ACK(1));
    await peer.until("\0\x03\0\x02");
  }
  three.ask(RRQ("f"));
  assert.equal(await three.next(), ERROR(0, "Server busy, try again later"));
  one.ask(ERROR(0, "enough"));
  await once(server, "transferEnd");
  await server.reload({ ...options, maxTransfersPerClient: 2, denyGET: true });
  three.ask(RRQ("f"));
  assert.equal(await three.next(), ERROR(2, "Cannot GET files"));
});

test("each of several addresses answers for itself on a single port", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(3000));
  const addresses = ["127.0.0.1", "127.0.0.2", "::1"];
  const { port } = await startServer(context, { root, addresses, singlePort: true, workers: 2 });
  const { port: anywhere } = await startServer(context, {
    root,
    addresses: ["::"],
    singlePort: true,
    workers: 2,
  });
  for (const [at, hosts] of [
    [port, addresses],
    [anywhere, ["127.0.0.1", "::1"]],
  ] as const) {
    for (const host of hosts) {
      await Promise.all(
        Array.from({ length: 8 }, async (_, index) => {
          const stream = createClient({ host, port: at, timeout: 20_000 }).createGetStream("f");
          const [stats] = await once(stream, "stats");
          assert.deepEqual([stats.remoteAddress, stats.remotePort], [host, at], `client ${index}`);
          let bytes = 0;
          for await (const chunk of stream) bytes += (chunk as Buffer).length;
          assert.equal(bytes, 3000);
        }),
      );
    }
  }
});

test(
  "what is aborted on a single port is told to clients, and the port is free",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(2_000_000));
    const { port, server } = await startServer(context, { root, singlePort: true, workers: 2 });
    const client = createClient({ host: "127.0.0.1", port, timeout: 20_000 });
    const streams = Array.from({ length: 8 }, () => client.createGetStream("f"));
    await Promise.all(streams.map((stream) => once(stream, "readable")));
    const endings = streams.map((stream) =>
      assert.rejects(drain(stream), /\(Server\) The server is shutting down/),
    );
    await server.close({ abort: true });
    await assertPortIsFree(port);
    await Promise.all(endings);
  },
);

async function drain(stream: GetStream): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  return bytes;
}

if (binding !== null) {
  test(
    "a worker that dies on a single port takes no more than its own transfers along",
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      await writeFile(join(root, "f"), sampleBytes(4_000_000));
      const { server, port } = await startServer(context, { root, singlePort: true, workers: 2 });
      server.on("workerError", () => undefined);
      const client = createClient({ host: "127.0.0.1", port, timeout: 20_000 });
      // Twice: whoever takes the place of a dead one hears for the same clients.
      for (let round = 0; round < 2; round++) {
        const streams = Array.from({ length: 60 }, () => client.createGetStream("f"));
        await Promise.all(streams.map((stream) => once(stream, "readable")));
        const workers = server.status().threads.filter(({ name }) => name !== "main");
        const counts = workers.map(({ transfers }) => transfers);
        assert.ok(
          counts.every((count) => count > 5),
          `transfers by thread: ${counts.join(", ")}`,
        );
        await threads.findLast((thread) => thread.threadId > 0)?.terminate();
        const outcomes = await Promise.all(
          streams.map((stream) => drain(stream).catch((error: Error) => error.message)),
        );
        const failed = outcomes.filter((outcome) => outcome === "(Server) Internal error").length;
        const whole = outcomes.filter((outcome) => outcome === 4_000_000).length;
        assert.equal(failed + whole, 60, [...new Set(outcomes)].join(", "));
        assert.ok(failed > 5 && whole > 5, `${failed} failed, ${whole} are whole`);
        await eventually("all is over", () => server.transferCount === 0);
        assert.deepEqual(namesOf(server), ["main", "0", "1"]);
      }
    },
  );

  test(
    "clients that the kernel moves to another worker keep their transfers",
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      await writeFile(join(root, "f"), sampleBytes(900));
      const { server, port } = await startServer(context, { root, singlePort: true, workers: 2 });
      const endings: string[] = [];
      server.on("transferEnd", (_, { outcome }) => endings.push(outcome));
      const peers = await Promise.all(Array.from({ length: 96 }, () => rawPeer(context, port)));
      for (const peer of peers) peer.ask(RRQ("f"));
      await Promise.all(peers.map((peer) => peer.until("\0\x03\0\x01")));

      // Somebody else of this user joins: a third of the clients is his, and of the others some change places.
      const heard = new Set<number>();
      const { Reactor, recordWords, commandWords } = binding;
      const [inbox, records] = [new Uint8Array(1 << 20), new Uint32Array(1024 * recordWords)];
      const onBatch = (count: number): void => {
        // Word 5 of a row is the port of a stranger.
        for (let row = 0; row < count; row++) heard.add(records[row * recordWords + 5] ?? 0);
      };
      const intruder = new Reactor(
        inbox,
        records,
        new Uint32Array(16 * commandWords),
        new Uint8Array(4096),
        onBatch,
        { segmentation: true, batches: true },
      );
      intruder.open("127.0.0.1", port, 1, 0, 0, 512, 4);
      let answered = 0;
      for (const peer of peers) {
        void peer.until("\0\x03\0\x02").then(() => answered++);
        peer.ask(ACK(1));
      }
      await eventually("all were heard by somebody", () => answered + heard.size === peers.length);
      assert.ok(heard.size > 5 && answered > 40, `${heard.size} are the intruder's, ${answered} go on`);
      intruder.stop();
      for (const peer of peers) peer.ask(heard.has(peer.port) ? ACK(1) : ACK(2));
      for (const peer of peers) if (heard.has(peer.port)) peer.ask(ACK(2));
      await eventually("all are done", () => endings.length === peers.length);
      assert.deepEqual([...new Set(endings)], ["done"]);
    },
  );
}
