import assert from "node:assert/strict";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Server, ServerOptions, TransferResult } from "../../src/index.js";
import { eventually } from "../helpers/eventually.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { ACK, DATA, type RawPeer, RRQ, rawPeer, WRQ } from "../helpers/raw-peer.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 60_000 };

interface Stage {
  readonly root: string;
  readonly server: Server;
  readonly peer: RawPeer;
}

async function stage(context: TestContext, options: ServerOptions = {}): Promise<Stage> {
  const root = await temporaryFolder(context);
  const { server, port } = await startServer(context, { root, workers: 2, ...options });
  return { root, server, peer: await rawPeer(context, port) };
}

/** Where the transfers of this moment are. */
function busyThreads(server: Server): string[] {
  return server.status().threads.flatMap(({ name, transfers }) => new Array<string>(transfers).fill(name));
}

/** Fetches the file block by block, and tells which thread sent the first one. */
async function threadOf({ server, peer }: Stage, name: string, ...options: string[]): Promise<string> {
  await eventually("nothing is left of the one before", () => busyThreads(server).length === 0);
  const ended = once(server, "transferEnd");
  peer.ask(RRQ(name, ...options));
  let answer = await peer.next();
  const threads = busyThreads(server);
  const blockBytes = Number(options[1] ?? 512);
  if (answer.startsWith("\0\x06")) {
    peer.answer(ACK(0));
    answer = await peer.next();
  }
  for (let block = 1; answer.startsWith("\0\x03"); block++) {
    peer.answer(ACK(block));
    if (answer.length < blockBytes + 4) break;
    answer = await peer.next();
  }
  const [, result] = (await ended) as [unknown, TransferResult];
  assert.deepEqual([result.outcome, threads.length], ["done", 1]);
  return threads[0] ?? "";
}

test("a small file that was served before is sent by the main thread", TIME_LIMIT, async (context) => {
  const set = await stage(context);
  await writeFile(join(set.root, "menu"), sampleBytes(4000));
  assert.match(await threadOf(set, "menu"), /^[01]$/, "nothing is known of it");
  assert.equal(await threadOf(set, "menu"), "main");
  assert.equal(await threadOf(set, "menu", "blksize", "1428"), "main");
  assert.match(await threadOf(set, "menu", "blksize", "400"), /^[01]$/, "ten blocks are worth the way");
  // Grown meanwhile: it is sent as it is, and is a worker's the next time.
  await writeFile(join(set.root, "menu"), sampleBytes(4100));
  assert.equal(await threadOf(set, "menu"), "main");
  assert.match(await threadOf(set, "menu"), /^[01]$/);
  await writeFile(join(set.root, "menu"), sampleBytes(300));
  assert.match(await threadOf(set, "menu"), /^[01]$/);
  assert.equal(await threadOf(set, "menu"), "main");
  assert.deepEqual(busyThreads(set.server), []);
});

test("a name that did not exist is looked for by the main thread", TIME_LIMIT, async (context) => {
  const set = await stage(context);
  const { server, peer, root } = set;
  for (let i = 0; i < 3; i++) {
    const ended = once(server, "transferEnd");
    peer.ask(RRQ("late"));
    assert.equal(await peer.next(), "\0\x05\0\x01File not found\0");
    await ended;
  }
  await writeFile(join(root, "late"), sampleBytes(6000));
  assert.equal(await threadOf(set, "late"), "main");
  assert.match(await threadOf(set, "late"), /^[01]$/);
  await rm(join(root, "late"));
  peer.ask(RRQ("late"));
  assert.equal(await peer.next(), "\0\x05\0\x01File not found\0");
});

test(
  "what listeners, uploads and other settings have to do with is a worker's",
  TIME_LIMIT,
  async (context) => {
    const set = await stage(context, { allowOverwrite: true });
    const { server, peer, root } = set;
    await writeFile(join(root, "f"), sampleBytes(100));
    await threadOf(set, "f");
    assert.equal(await threadOf(set, "f"), "main");

    const stored = once(server, "transferEnd");
    peer.ask(WRQ("f"));
    await peer.until(ACK(0));
    assert.equal(busyThreads(server).includes("main"), false);
    peer.answer(DATA(1, "short"));
    await peer.until(ACK(1));
    await stored;

    await server.reload();
    assert.match(await threadOf(set, "f"), /^[01]$/, "the name may mean another file now");
    assert.equal(await threadOf(set, "f"), "main");

    const seen: string[] = [];
    const watch = (req: { file: string }): void => void seen.push(req.file);
    server.on("request", watch);
    assert.match(await threadOf(set, "f"), /^[01]$/);
    assert.deepEqual(seen, ["f"]);
    server.off("request", watch);
    assert.equal(await threadOf(set, "f"), "main");
  },
);

test("a client that falls silent in the middle is given up as ever", TIME_LIMIT, async (context) => {
  const set = await stage(context, { timeout: 100, retries: 1 });
  const { server, peer, root } = set;
  await writeFile(join(root, "f"), sampleBytes(1000));
  await threadOf(set, "f");
  const ended = once(server, "transferEnd");
  peer.ask(RRQ("f"));
  await peer.until("\0\x03\0\x01");
  peer.answer(ACK(1));
  await peer.until("\0\x03\0\x02");
  assert.deepEqual(busyThreads(server), ["main"]);
  const [, result] = (await ended) as [unknown, TransferResult];
  assert.equal(result.outcome, "last-ack-missing");
  assert.deepEqual(busyThreads(server), []);
});
