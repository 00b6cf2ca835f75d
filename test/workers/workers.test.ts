import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { createClient, createServer, type TransferInfo, type TransferResult } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };

/** The threads that this process starts from now on, through whatever pool. */
function watchThreads(): Worker[] {
  const threads: Worker[] = [];
  process.on("worker", (worker: Worker) => threads.push(worker));
  return threads;
}

const threads = watchThreads();

test("threads start at listen() and end with the server", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const before = threads.length;
  const server = createServer({ host: "127.0.0.1", port: 0, root, workers: 3 });
  assert.equal(threads.length, before, "none for a server that does not listen");
  server.listen();
  await once(server, "listening");
  while (threads.length < before + 3) await once(process, "worker");
  const ends = threads.slice(before).map((thread) => once(thread, "exit"));
  await server.close();
  await Promise.all(ends);
});

test("a server says `listening` when a worker would answer at once", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const before = threads.length;
  const server = createServer({ host: "127.0.0.1", port: 0, root, workers: 2 });
  context.after(() => server.close({ abort: true }));
  let online = 0;
  const count = (worker: Worker): void => {
    worker.once("message", () => online++);
  };
  process.on("worker", count);
  context.after(() => process.off("worker", count));
  server.listen();
  await once(server, "listening");
  assert.ok(threads.length > before && online > 0, "the first word of a thread has come");
});

test("a server that is closed while its threads start never says `listening`", TIME_LIMIT, async () => {
  const server = createServer({ host: "127.0.0.1", port: 0, workers: 2 });
  server.on("listening", () => assert.fail("it was closed"));
  server.listen();
  await once(process, "worker");
  await server.close();
});

test("what a listener throws is not taken for a fault of the server", TIME_LIMIT, async () => {
  for (const workers of [0, 1]) {
    const child = spawn(process.execPath, [
      "-e",
      `const { createServer } = require(${JSON.stringify(join(__dirname, "../../src/index.js"))});
      const server = createServer({ host: "127.0.0.1", port: 0, workers: ${workers} }, (req) => {
        req.on("error", () => {});
        throw new Error("from the listener");
      });
      server.listen(() => console.log(server.address().port));`,
    ]);
    const [line] = await once(child.stdout, "data");
    let errors = "";
    child.stderr.on("data", (text: Buffer) => {
      errors += text;
    });
    const socket = createSocket("udp4");
    socket.send("\0\x01f\0octet\0", Number(line), "127.0.0.1");
    const [code] = await once(child, "close");
    socket.close();
    assert.equal(code, 1);
    assert.match(errors, /Error: from the listener/);
  }
});

test(
  "an upload that is handed to the default listener late is refused with the reason of the file system",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "mine"), sampleBytes(100_000));
    for (const workers of [0, 1]) {
      const { port } = await startServer(context, { root, workers }, function (req, res) {
        req.on("error", () => undefined);
        setImmediate(() => this.requestListener(req, res));
      });
      const client = createClient({ host: "127.0.0.1", port });
      await assert.rejects(client.put(join(root, "mine"), "none/such"), /\(Server\) File not found/);
    }
  },
);

test(
  "files answer by themselves: what happened is told by transferStart and transferEnd",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(100_000));
    const { server, port } = await startServer(context, { root, workers: 2 });
    const told: string[] = [];
    server.on("transferStart", (info: TransferInfo) => told.push(`start ${info.method} ${info.file}`));
    server.on("transferEnd", (info: TransferInfo, { outcome, error }: TransferResult) => {
      told.push(
        `end ${info.method} ${info.file} ${outcome} ${(error as NodeJS.ErrnoException | null)?.code}`,
      );
    });
    const client = createClient({ host: "127.0.0.1", port });
    await client.get("f", join(root, "copy"));
    await assert.rejects(client.get("none", join(root, "copy2")), /File not found/);
    await client.put(join(root, "copy"), "stored");
    while (server.transferCount > 0) await once(server, "transferEnd");
    // The next request may overtake the end of the last transfer: they come to different sockets in different threads.
    const toldOf = (file: string): string[] => told.filter((line) => line.split(" ")[2] === file);
    assert.deepEqual(toldOf("f"), ["start GET f", "end GET f done undefined"]);
    assert.deepEqual(toldOf("none"), ["start GET none", "end GET none not-found ENOENT"]);
    assert.deepEqual(toldOf("stored"), ["start PUT stored", "end PUT stored done undefined"]);
    assert.equal(told.length, 6);
  },
);

test("a client may ask for a file the moment its last ACK left", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const { port } = await startServer(context, { root, workers: 2 });
  const local = join(root, "local");
  const client = createClient({ host: "127.0.0.1", port });
  for (let round = 0; round < 50; round++) {
    const content = sampleBytes(2000 + round);
    await writeFile(local, content);
    await client.put(local, "same");
    await client.get("same", join(root, "back"));
    assert.ok((await readFile(join(root, "back"))).equals(content), `round ${round}`);
  }
});

test("a worker that dies fails its own transfers only, and is replaced", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(4_000_000));
  const before = threads.length;
  const { server, port } = await startServer(context, { root, workers: 2 });
  const reports: Error[] = [];
  server.on("workerError", (error: Error) => reports.push(error));
  const client = createClient({ host: "127.0.0.1", port, timeout: 20_000 });

  // Every client stops in the middle, so that all transfers are under way when the thread dies.
  const streams = Array.from({ length: 100 }, () => client.createGetStream("f"));
  const halves = streams.map(async (stream) => once(stream, "readable"));
  const upload = client.createPutStream("up", { size: 3_000_000 });
  upload.on("error", () => undefined);
  upload.write(sampleBytes(500_000));
  // Behind so many others of its address, it is the last to be answered.
  await Promise.all([...halves, once(upload, "stats")]);
  assert.equal(server.transferCount, 101);
  await threads[before]?.terminate();
  const outcomes = await Promise.all(
    streams.map(async (stream) => {
      let bytes = 0;
      try {
        for await (const chunk of stream) bytes += (chunk as Buffer).length;
        return bytes;
      } catch (error) {
        return (error as Error).message;
      }
    }),
  );
  // Native sockets of a client may hear from the kernel that the port is gone before the server takes it over.
  const gone = /^\(Server\) Internal error$|ECONNREFUSED/;
  const failed = outcomes.filter((outcome) => gone.test(String(outcome)));
  const whole = outcomes.filter((outcome) => outcome === 4_000_000);
  assert.equal(failed.length + whole.length, 100, `${new Set(outcomes).size} kinds of end`);
  assert.ok(failed.length >= 45 && whole.length >= 45, `${failed.length} failed, ${whole.length} are whole`);
  assert.equal(reports.length, 1, "one report for one dead worker");
  assert.equal(threads.length, before + 3, "another thread took its place");

  upload.destroy();
  while (server.transferCount > 0) await once(server, "transferEnd");
  await client.get("f", join(root, "again"));
  assert.deepEqual(
    readdirSync(root).filter((name) => name.endsWith(".part")),
    [],
    "nothing is left of the upload",
  );
});

test(
  "a handler module answers beside the engine, in ESM and CommonJS; what it throws is an ERROR",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "plain"), "from a file");
    const body = `function (req, res) {
    if (req.file === "throws") throw new Error("a bug");
    if (req.file !== "made") return this.requestListener(req, res);
    const text = Buffer.from("for " + req.stats.remoteAddress);
    res.setSize(text.length);
    res.end(text);
  }`;
    const esm = join(root, "handler.mjs");
    const commonJs = join(root, "handler.cjs");
    await writeFile(esm, `export default ${body}`);
    await writeFile(commonJs, `module.exports = ${body}`);
    for (const handler of [esm, commonJs]) {
      for (const workers of [0, 2]) {
        const { server, port } = await startServer(context, { root, handler, workers });
        const errors: string[] = [];
        server.on("workerError", (error: Error) => errors.push(error.message));
        const client = createClient({ host: "127.0.0.1", port });
        const fetch = async (name: string): Promise<string> => {
          await client.get(name, join(root, "out"));
          return readFile(join(root, "out"), "utf8");
        };
        assert.equal(await fetch("made"), "for 127.0.0.1");
        assert.equal(await fetch("plain"), "from a file");
        const reported = errors.length > 0 ? null : once(server, "workerError");
        await assert.rejects(fetch("throws"), /\(Server\) Internal error/);
        await reported;
        assert.deepEqual(errors, ["a bug"]);
        assert.equal(await fetch("made"), "for 127.0.0.1", "it goes on");
      }
    }
    assert.throws(() => createServer({ root, handler: esm }, () => undefined), {
      code: "ERR_INVALID_ARG_VALUE",
    });
  },
);

test(
  "a handler module that can't be loaded is said, and its clients get an ERROR",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "none.mjs"), "export const nothing = 1;");
    const { server, port } = await startServer(context, {
      root,
      handler: join(root, "none.mjs"),
      workers: 1,
    });
    const reported = once(server, "workerError");
    const client = createClient({ host: "127.0.0.1", port });
    await assert.rejects(client.get("f", join(root, "out")), /\(Server\) I\/O error/);
    assert.match((await reported)[0].message, /has no function as its default export/);
    // Without workers it is an error of listen().
    const alone = createServer({
      host: "127.0.0.1",
      port: 0,
      root,
      handler: join(root, "none.mjs"),
      workers: 0,
    });
    const failed = once(alone, "error");
    alone.listen();
    assert.equal((await failed)[0].code, "ERR_INVALID_ARG_TYPE");
  },
);

test("a slow listener and a slow client keep memory bounded", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  let writes = 0;
  let taken = 0;
  const { port } = await startServer(context, { root, workers: 1 }, (req, res) => {
    if (req.method === "PUT") {
      // Nobody reads.
      req.on("error", () => undefined);
      req.once("readable", () => {
        taken++;
      });
      return;
    }
    req.on("error", () => undefined);
    res.setSize(50_000_000);
    const chunk = Buffer.alloc(50_000);
    const write = (): void => {
      while (writes < 1000) {
        writes++;
        if (!res.write(chunk)) break;
      }
    };
    res.on("drain", write);
    write();
  });
  const client = createClient({ host: "127.0.0.1", port, windowSize: 16, timeout: 500, retries: 1 });
  const stream = client.createGetStream("made");
  await once(stream, "readable");
  // The client does not read on: the server's listener is held back by the credit of the worker.
  await assert.rejects(
    (async () => {
      const upload = client.createPutStream("unread", { size: 5_000_000 });
      for (let sent = 0; sent < 5_000_000; sent += 50_000) {
        if (!upload.write(Buffer.alloc(50_000))) await once(upload, "drain");
      }
      upload.end();
      await once(upload, "finish");
    })(),
    /Timed out/,
  );
  assert.equal(taken, 1);
  assert.ok(writes * 50_000 < 2_000_000, `${writes} writes of 50 kB went ahead of the client`);
  stream.destroy();
});

test("options of the pool that make no sense are refused", () => {
  for (const options of [
    { workers: -1 },
    { workers: 1.5 },
    { workers: 1000 },
    { maxTransfers: 0 },
    { maxTransfersPerClient: 0 },
    { maxQueuedRequests: -1 },
  ]) {
    assert.throws(() => createServer(options), /it can be a whole number from/);
  }
});
