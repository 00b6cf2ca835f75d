import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { createClient, TftpError } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };
const CONTENT = sampleBytes(100_000);

async function setUp(context: { after(cleanUp: () => Promise<void>): void }) {
  const root = await temporaryFolder(context);
  const local = await temporaryFolder(context);
  await writeFile(join(root, "f"), CONTENT);
  const { server, port } = await startServer(context, { root });
  return { root, local, server, client: createClient({ host: "127.0.0.1", port }) };
}

test(
  "get and put return promises, take callbacks, and find their default names",
  TIME_LIMIT,
  async (context) => {
    const { root, local, client } = await setUp(context);
    await client.get("f", join(local, "a"));
    await client.put(join(local, "a"), "b");
    await client.put(join(local, "a"));
    await new Promise<void>((resolve, reject) => {
      client.put(join(local, "a"), "c", {}, (error) => (error ? reject(error) : resolve()));
    });
    for (const name of ["a", "b", "c"]) assert.ok((await readFile(join(root, name))).equals(CONTENT), name);
  },
);

test("a client in a thread of its own gets and puts", TIME_LIMIT, async (context) => {
  const { root, local } = await setUp(context);
  // Far more blocks than make a conversation a long one.
  const content = sampleBytes(400_000);
  await writeFile(join(root, "long"), content);
  for (const workers of [0, 1]) {
    const { port } = await startServer(context, { root, workers });
    for (const windowSize of [1, 4]) {
      const place = { host: "127.0.0.1", port, blockSize: 512, windowSize };
      const client = createClient({ ...place, dedicatedThread: true });
      await client.get("long", join(local, "copy"));
      await client.put(join(local, "copy"), "back");
      const back = await readFile(join(root, "back"));
      assert.ok(back.equals(content), `windows of ${windowSize}, ${workers} workers`);
    }
  }
});

test("a promise is rejected with a TftpError that has its code", TIME_LIMIT, async (context) => {
  const { local, client } = await setUp(context);
  await assert.rejects(client.get("none", join(local, "x")), (error: TftpError) => {
    assert.ok(error instanceof TftpError && error instanceof Error);
    assert.equal(error.code, "ENOENT");
    assert.equal(error.tftpCode, 1);
    assert.equal(error.message, "(Server) File not found");
    return true;
  });
  await assert.rejects(client.get("../up", join(local, "x")), /upper levels/);
  assert.deepEqual(readdirSync(local), []);
});

test("sums are checked before the file takes its name", TIME_LIMIT, async (context) => {
  const { local, client } = await setUp(context);
  await writeFile(join(local, "x"), "old");
  await assert.rejects(client.get("f", join(local, "x"), { md5: "00" }), /Invalid MD5 sum/);
  assert.equal(await readFile(join(local, "x"), "utf8"), "old");
  const { createHash } = await import("node:crypto");
  const sha1 = createHash("sha1").update(CONTENT).digest("hex").toUpperCase();
  await client.get("f", join(local, "x"), { sha1 });
  assert.ok((await readFile(join(local, "x"))).equals(CONTENT));
  assert.deepEqual(readdirSync(local), ["x"]);
});

test("progress and stats are told", TIME_LIMIT, async (context) => {
  const { local, client } = await setUp(context);
  const seen: number[] = [];
  let size: number | null = null;
  await client.get("f", join(local, "x"), {
    onStats: (stats) => {
      size = stats.size;
    },
    onProgress: ({ transferredBytes, totalBytes }) => {
      assert.equal(totalBytes === null || totalBytes === CONTENT.length, true);
      seen.push(transferredBytes);
    },
  });
  assert.equal(size, CONTENT.length);
  assert.equal(seen.at(-1), CONTENT.length);
});

test(
  "a signal ends a get: the server is told, no piece stays, the promise has the reason",
  TIME_LIMIT,
  async (context) => {
    const local = await temporaryFolder(context);
    const silent = createSocket("udp4");
    context.after(() => silent.close());
    silent.bind(0, "127.0.0.1");
    await once(silent, "listening");
    const controller = new AbortController();
    const client = createClient({ host: "127.0.0.1", port: silent.address().port });
    const outcome = assert.rejects(client.get("f", join(local, "x"), { signal: controller.signal }), {
      name: "AbortError",
    });
    await once(silent, "message");
    controller.abort();
    const [told] = (await once(silent, "message")) as [Buffer];
    assert.equal(told.toString("latin1"), "\0\x05\0\0Aborted\0");
    await outcome;
    await assert.rejects(client.get("f", join(local, "y"), { signal: AbortSignal.abort() }), {
      name: "AbortError",
    });
    const stream = client.createGetStream("f", { signal: AbortSignal.abort() });
    const [error] = (await once(stream, "error")) as [Error];
    assert.equal(error.name, "AbortError");
    assert.deepEqual(
      readdirSync(local).filter((name) => !name.endsWith(".part")),
      [],
    );
  },
);

test("a slow reader slows the server down, and memory stays bounded", TIME_LIMIT, async (context) => {
  const { client, server } = await setUp(context);
  let sentWhilePaused = 0;
  const stream = client.createGetStream("f");
  server.on("request", (req) => req.on("error", () => undefined));
  await once(stream, "stats");
  // Nobody reads. Wait until the buffer stands still.
  for (let before = -1; before !== sentWhilePaused || before === 0; ) {
    before = sentWhilePaused;
    await new Promise((resolve) => setTimeout(resolve, 100));
    sentWhilePaused = stream.readableLength;
  }
  assert.ok(sentWhilePaused > 0 && sentWhilePaused < 80_000, `${sentWhilePaused} bytes were buffered`);
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  assert.equal(bytes, CONTENT.length);
});

test("breaking out of a loop, and destroy, abort the transfer at the server", TIME_LIMIT, async (context) => {
  const { client, server } = await setUp(context);
  for (const leave of ["break", "destroy"]) {
    const failed = new Promise<Error>((resolve) =>
      server.once("request", (req) => req.once("error", resolve)),
    );
    const stream = client.createGetStream("f");
    if (leave === "break") {
      for await (const _ of stream) break;
    } else {
      await once(stream, "stats");
      stream.destroy();
    }
    assert.equal((await failed).message, "Aborted");
  }
});

test(
  "a failing destination of a pipeline aborts the transfer, and its error comes through",
  TIME_LIMIT,
  async (context) => {
    const { client } = await setUp(context);
    const bad = new Writable({
      write: (_chunk, _encoding, callback) => callback(new Error("no more room")),
    });
    await assert.rejects(pipeline(client.createGetStream("f"), bad), /no more room/);
  },
);

test("a lost server shows in a pipeline as what it is", TIME_LIMIT, async (context) => {
  const silent = createSocket("udp4");
  context.after(() => silent.close());
  silent.bind(0, "127.0.0.1");
  await once(silent, "listening");
  const client = createClient({ host: "127.0.0.1", port: silent.address().port, timeout: 50, retries: 1 });
  const sink = new Writable({ write: (_c, _e, callback) => callback() });
  await assert.rejects(pipeline(client.createGetStream("f"), sink), { code: "ETIME" });
  const put = client.createPutStream("f", { size: 3 });
  await assert.rejects(
    pipeline(async function* () {
      yield "abc";
    }, put),
    { code: "ETIME" },
  );
});

test(
  "more bytes than announced: ESIZE, the server is told, and nothing appears there",
  TIME_LIMIT,
  async (context) => {
    const { root, client } = await setUp(context);
    const stream = client.createPutStream("up", { size: 3 });
    stream.write("abcd");
    const [error] = (await once(stream, "error")) as [TftpError];
    assert.equal(error.code, "ESIZE");
    assert.equal(existsSync(join(root, "up")), false);
    assert.throws(() => client.createPutStream("up", { size: -1 }), /whole number/);
  },
);

test("require and import give the same classes", async () => {
  const esm = await import("../../src/index.mjs" as string);
  const cjs = require("../../src/index.js");
  assert.equal(esm.TftpError, cjs.TftpError);
  assert.equal(esm.default.createClient, cjs.createClient);
  const names = Object.keys(cjs).filter((name) => name !== "__esModule");
  assert.equal(names.filter((name) => name.startsWith("E")).length, 22);
  assert.deepEqual(names.filter((name) => !name.startsWith("E")).sort(), [
    "TftpError",
    "createClient",
    "createServer",
    "startMonitor",
  ]);
});
