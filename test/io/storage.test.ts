import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { open, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { BlockCache } from "../../src/io/block-cache.js";
import { type FileSink, openFileSink } from "../../src/io/file-sink.js";
import { FileSource } from "../../src/io/file-source.js";
import { openForRead } from "../../src/io/root-path.js";
import { type StorageFailure, viewOf } from "../../src/io/storage.js";
import { eventually } from "../helpers/eventually.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { Random } from "../sim/random.js";

const TIME_LIMIT = { timeout: 120_000 };

/** Reads a source to its end, in pieces of odd lengths. */
async function readAll(source: FileSource): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let at = 0;
  let wake: () => void = () => undefined;
  let failed: StorageFailure | null = null;
  source.attach({
    onAvailable: () => wake(),
    onFailure: (failure) => {
      failed = failure;
      wake();
    },
  });
  while (!(source.ended && at === source.availableBytes)) {
    if (failed !== null) throw (failed as StorageFailure).cause;
    if (at === source.availableBytes) {
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      source.want(at + 1000);
      if (at === source.availableBytes) await more;
      continue;
    }
    const piece = viewOf(source.locate(at, 777));
    assert.ok(piece.length > 0);
    pieces.push(Buffer.from(piece));
    at += piece.length;
    source.release(at);
  }
  return Buffer.concat(pieces);
}

const descriptors = () => readdirSync("/proc/self/fd").length;

test(
  "many sources of one file share one descriptor and each read; all come back",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const content = sampleBytes(1_000_000);
    await writeFile(join(root, "f"), content);
    const before = descriptors();
    const cache = new BlockCache({ chunkBytes: 65_536, bytesMax: 300_000 });
    const sources = [];
    for (let i = 0; i < 50; i++)
      sources.push(new FileSource(cache, cache.open(await openForRead(root, "f", "inside"))));
    assert.equal(cache.openFiles, 1);
    for (const got of await Promise.all(sources.map(readAll))) assert.ok(got.equals(content));
    assert.ok(cache.loadedBytes <= 300_000, `${cache.loadedBytes} bytes are kept`);
    for (const source of sources) {
      source.close();
      source.close();
    }
    assert.equal(cache.openFiles, 0);
    // Descriptors are closed in the background.
    await eventually("the descriptors come back", () => descriptors() === before);
    const again = new FileSource(cache, cache.open(await openForRead(root, "f", "inside")));
    assert.ok((await readAll(again)).equals(content), "what is kept still serves");
    again.close();
  },
);

test("a source finds any byte that it still has, wherever it looked before", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const content = sampleBytes(300_000);
  await writeFile(join(root, "f"), content);
  const cache = new BlockCache({ chunkBytes: 65_536 });
  const source = new FileSource(cache, cache.open(await openForRead(root, "f", "inside")));
  context.after(() => source.close());
  await new Promise<void>((resolve, reject) => {
    const onAvailable = () => source.ended && resolve();
    source.attach({ onAvailable, onFailure: ({ cause }) => reject(cause) });
    source.want(content.length);
  });
  const random = new Random(7n);
  for (let released = 0; released < content.length; released += random.between(1, 40_000)) {
    source.release(released);
    for (let i = 0; i < 20; i++) {
      const offset = random.between(released, content.length - 1);
      const piece = source.locate(offset, random.between(1, 100_000));
      const chunkEnd = Math.min((Math.floor(offset / 65_536) + 1) * 65_536, content.length);
      assert.ok(piece.length > 0 && piece.length <= chunkEnd - offset);
      assert.ok(content.subarray(offset, offset + piece.length).equals(viewOf(piece)));
    }
    if (released < 65_536) continue;
    assert.equal(source.locate(0, 1).length, 0, "a chunk that was released is let go of");
  }
});

test(
  "a file is empty, or ends beyond 4 GiB: its bytes are where they belong",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "empty"), "");
    const file = await open(join(root, "huge"), "w");
    await file.write(Buffer.from("the end"), 0, 7, 5 * 2 ** 30);
    await file.close();
    const cache = new BlockCache();
    const empty = new FileSource(cache, cache.open(await openForRead(root, "empty", "inside")));
    assert.deepEqual([empty.sizeBytes, empty.availableBytes, empty.ended], [0, 0, true]);
    empty.close();
    const opened = await openForRead(root, "huge", "inside");
    assert.equal(opened.sizeBytes, 5 * 2 ** 30 + 7);
    const huge = cache.open(opened);
    const index = Math.floor((5 * 2 ** 30) / cache.chunkBytes);
    await new Promise<void>((resolve) => {
      const chunk = cache.acquire(huge, index, () => {
        assert.equal(
          Buffer.from(chunk.bytes ?? [])
            .subarray(-7)
            .toString(),
          "the end",
        );
        resolve();
      });
    });
    cache.close(huge);
  },
);

test(
  "a file that became shorter fails with 'changed', and closing while a read is under way is fine",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(500_000));
    const cache = new BlockCache({ chunkBytes: 65_536 });
    const source = new FileSource(cache, cache.open(await openForRead(root, "f", "inside")));
    await truncate(join(root, "f"), 10);
    await assert.rejects(readAll(source), /while it was sent/);
    source.close();
    const other = new FileSource(cache, cache.open(await openForRead(root, "f", "inside")));
    other.attach({ onAvailable: () => assert.fail("closed"), onFailure: () => assert.fail("closed") });
    other.want(1);
    other.close();
    await eventually("the file is closed", () => cache.openFiles === 0);
  },
);

/** Attaches to a sink; the promise has its end. */
function ending(sink: FileSink): Promise<string> {
  return new Promise((resolve) => {
    sink.attach({
      onDrained: () => undefined,
      onFinished: () => resolve("finished"),
      onFailure: (failure) => resolve(failure.kind),
    });
  });
}

test(
  "a file appears whole when it is finished, with the permissions of the one it replaces",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const path = join(root, "f");
    await writeFile(path, "old");
    chmodSync(path, 0o640);
    const content = sampleBytes(700_000);
    for (const sync of [false, true]) {
      const sink = await openFileSink({ path: Buffer.from(path), sync, expectedBytes: content.length });
      const end = ending(sink);
      for (let at = 0; at < content.length; at += 1000) sink.write(content.subarray(at, at + 1000));
      assert.ok(readdirSync(root).some((name) => name.endsWith(".part")));
      sink.finish();
      assert.equal(await end, "finished");
      await sink.settled();
      assert.ok((await readFile(path)).equals(content));
      assert.equal(statSync(path).mode & 0o777, 0o640);
      assert.deepEqual(readdirSync(root), ["f"]);
    }
  },
);

test(
  "discarding leaves nothing, whenever it comes, and the old file as it was",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const path = join(root, "f");
    await writeFile(path, "old");
    const stages: ((sink: FileSink) => void)[] = [
      () => undefined,
      (sink) => sink.write(Buffer.alloc(10)),
      (sink) => sink.write(Buffer.alloc(1_000_000)),
    ];
    for (const stage of stages) {
      const sink = await openFileSink({ path: Buffer.from(path) });
      sink.attach({
        onDrained: () => undefined,
        onFinished: () => assert.fail(),
        onFailure: () => assert.fail(),
      });
      stage(sink);
      sink.discard();
      sink.discard();
      sink.write(Buffer.alloc(10));
      await sink.settled();
      assert.deepEqual(readdirSync(root), ["f"]);
    }
    assert.equal(await readFile(path, "utf8"), "old");
  },
);

test("a saturated sink says so and tells when there is room again", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const sink = await openFileSink({ path: Buffer.from(join(root, "f")) });
  const drained = new Promise<void>((resolve) => {
    sink.attach({ onDrained: resolve, onFinished: () => undefined, onFailure: () => undefined });
  });
  assert.equal(sink.write(Buffer.alloc(100)), true);
  let writes = 0;
  while (sink.write(Buffer.alloc(65_536))) assert.ok(++writes < 100, "it takes everything");
  await drained;
  sink.discard();
  await sink.settled();
});

test(
  "who was told to wait is told to go on, whatever else was written meanwhile",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const sink = await openFileSink({ path: Buffer.from(join(root, "f")) });
    let waits = true;
    sink.attach({
      onDrained: () => {
        waits = false;
      },
      onFinished: () => undefined,
      onFailure: () => undefined,
    });
    while (sink.write(Buffer.alloc(65_536)));
    // The rest of a window comes all the same, while buffer after buffer gets to the disk.
    while (waits) {
      assert.equal(sink.write(Buffer.alloc(10)), false, "still to wait");
      await new Promise((resolve) => setImmediate(resolve));
    }
    sink.discard();
    await sink.settled();
  },
);

test(
  "more bytes than announced, and a file that must stay, fail with their kinds",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const path = Buffer.from(join(root, "f"));
    const sink = await openFileSink({ path, expectedBytes: 3 });
    const end = ending(sink);
    sink.write(Buffer.from("four"));
    assert.equal(await end, "disk-full");
    await sink.settled();
    const late = await openFileSink({ path, keepExisting: true });
    await writeFile(path, "came meanwhile");
    const lateEnd = ending(late);
    late.finish();
    assert.equal(await lateEnd, "exists");
    await late.settled();
    await assert.rejects(openFileSink({ path, keepExisting: true }), { code: "EEXIST" });
    await assert.rejects(openFileSink({ path: Buffer.from(root) }), { code: "EISDIR" });
    await assert.rejects(openFileSink({ path: Buffer.from("/dev/null") }), { code: "EACCES" });
    await assert.rejects(openFileSink({ path: Buffer.from(join(root, "none", "f")) }), { code: "ENOENT" });
    assert.deepEqual(readdirSync(root), ["f"]);
  },
);

test("a special file is written to directly where the local user names one", TIME_LIMIT, async () => {
  const sink = await openFileSink({ path: Buffer.from("/dev/null"), allowSpecial: true });
  const end = ending(sink);
  sink.write(Buffer.alloc(1000));
  sink.finish();
  assert.equal(await end, "finished");
  const full = await openFileSink({ path: Buffer.from("/dev/full"), allowSpecial: true });
  const fullEnd = ending(full);
  full.write(Buffer.alloc(1000));
  full.finish();
  assert.equal(await fullEnd, "disk-full");
  assert.ok(existsSync("/dev/null") && existsSync("/dev/full"));
});
