import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type {
  ChannelMessages,
  RefusalInfo,
  Server,
  ServerOptions,
  TransferInfo,
  TransferOutcome,
  TransferResult,
} from "../../src/index.js";
import { transferOutcomes } from "../../src/observe/records.js";
import { bookTransfer, toTransferResult } from "../../src/server/transfer-info.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { ACK, DATA, ERROR, type RawPeer, RRQ, rawPeer, WRQ } from "../helpers/raw-peer.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 60_000 };
const FILE_BYTES = 1300;

/** How one transfer ends so. */
interface Way {
  readonly outcome: TransferOutcome;
  readonly options?: ServerOptions;
  play(peer: RawPeer, server: Server, root: string): Promise<void> | void;
  /** Something has to be sent again. */
  readonly isRepeated?: true;
  /** What else has to be in the result. */
  readonly expect?: Partial<TransferResult>;
}

async function fetchAll(peer: RawPeer, lastAck = true): Promise<void> {
  peer.ask(RRQ("f", "tsize", "0"));
  await peer.until("\0\x06");
  peer.answer(ACK(0));
  for (let block = 1; block <= 3; block++) {
    await peer.until(`\0\x03\0${String.fromCharCode(block)}`);
    if (block < 3 || lastAck) peer.answer(ACK(block));
  }
}

/** A short patience, so that silence is found out quickly. */
const IMPATIENT: ServerOptions = { timeout: 100, retries: 1 };

const WAYS: readonly Way[] = [
  {
    outcome: "done",
    play: (peer) => fetchAll(peer),
    expect: {
      sizeBytes: FILE_BYTES,
      transferredBytes: FILE_BYTES,
      junk: 0,
    },
  },
  {
    outcome: "done",
    play: async (peer) => {
      peer.ask(WRQ("up1"));
      await peer.until(ACK(0));
      const whole = "x".repeat(512);
      peer.answer(DATA(1, whole));
      await peer.until(ACK(1));
      peer.answer(DATA(1, whole));
      peer.answer(DATA(2, "end"));
      await peer.until(ACK(2));
    },
    expect: { sizeBytes: 515, transferredBytes: 515, blocksSent: 0, duplicates: 1 },
  },
  {
    outcome: "done",
    options: { timeout: 300 },
    play: async (peer) => {
      peer.ask(RRQ("small"));
      await peer.until("\0\x03");
      await peer.until("\0\x03");
      peer.answer(ACK(1));
    },
    isRepeated: true,
    expect: { transferredBytes: 5 },
  },
  {
    outcome: "last-ack-missing",
    options: IMPATIENT,
    play: (peer) => fetchAll(peer, false),
    expect: { error: null, sizeBytes: FILE_BYTES, transferredBytes: FILE_BYTES },
  },
  {
    // Found out at once, long before patience ends: the client asks for its next file.
    outcome: "last-ack-missing",
    options: { retries: 1000 },
    play: async (peer) => {
      await fetchAll(peer, false);
      await peer.until("\0\x03\0\x03");
      peer.ask(RRQ("none"));
    },
    expect: { error: null, sizeBytes: FILE_BYTES, transferredBytes: FILE_BYTES },
  },
  {
    outcome: "probe",
    play: async (peer) => {
      peer.ask(RRQ("f", "tsize", "0", "blksize", "1468"));
      await peer.until("\0\x06");
      peer.answer(ERROR(8, "User aborted the transfer"));
    },
    expect: { sizeBytes: FILE_BYTES, transferredBytes: 0 },
  },
  { outcome: "not-found", play: (peer) => peer.ask(RRQ("none")), expect: { firstAnswerMs: null } },
  { outcome: "denied", play: (peer) => peer.ask(RRQ("link")) },
  {
    outcome: "aborted-by-client",
    play: async (peer) => {
      peer.ask(RRQ("f"));
      await peer.until("\0\x03");
      peer.answer(ACK(1));
      await peer.until("\0\x03\0\x02");
      peer.answer(ERROR(0, "no more, thanks"));
    },
    expect: { transferredBytes: 512, sizeBytes: FILE_BYTES },
  },
  { outcome: "timed-out", options: IMPATIENT, play: (peer) => peer.ask(RRQ("f")) },
  {
    outcome: "peer-gone",
    options: IMPATIENT,
    play: async (peer) => {
      peer.ask(RRQ("f"));
      await peer.until("\0\x03");
      peer.answer(ACK(1));
    },
    expect: { transferredBytes: 512 },
  },
  {
    outcome: "protocol-error",
    play: async (peer) => {
      peer.ask(WRQ("up2", "tsize", "10"));
      await peer.until("\0\x06");
      peer.answer(DATA(1, "x".repeat(20)));
    },
  },
  {
    outcome: "superseded",
    play: async (peer) => {
      peer.ask(WRQ("up3"));
      await peer.until(ACK(0));
      peer.ask(WRQ("up4"));
    },
  },
  {
    outcome: "evicted",
    options: { maxTransfers: 1 },
    play: async (peer, server) => {
      peer.ask(RRQ("f"));
      await peer.until("\0\x03");
      const another = await rawPeer(
        { after: (end) => void server.once("close", end) },
        server.address()?.port ?? 0,
      );
      another.ask(RRQ("small"));
    },
  },
  {
    outcome: "aborted",
    play: async (peer, server) => {
      peer.ask(RRQ("f"));
      await peer.until("\0\x03");
      await server.close({ abort: true });
    },
  },
  {
    outcome: "disk-error",
    options: { windowSize: 1 },
    play: async (peer, _, root) => {
      peer.ask(RRQ("large"));
      await peer.until("\0\x03");
      await truncate(join(root, "large"), 100_000);
      for (let block = 1; ; block++) {
        peer.answer(ACK(block));
        if ((await peer.next()).startsWith("\0\x05")) return;
      }
    },
  },
];

for (const workers of [0, 2]) {
  for (const [index, { outcome, options, play, expect, isRepeated }] of WAYS.entries()) {
    test(`outcome ${outcome} (way ${index + 1}, ${workers} workers)`, TIME_LIMIT, async (context) => {
      const outside = await temporaryFolder(context);
      const root = await temporaryFolder(context);
      await writeFile(join(outside, "secret"), "");
      await symlink(join(outside, "secret"), join(root, "link"));
      await writeFile(join(root, "f"), sampleBytes(FILE_BYTES));
      await writeFile(join(root, "small"), "small");
      await writeFile(join(root, "large"), Buffer.alloc(2_000_000));
      const { server, port } = await startServer(context, { root, workers, ...options });
      const ended = once(server, "transferEnd") as Promise<[TransferInfo, TransferResult]>;
      const peer = await rawPeer(context, port);
      await play(peer, server, root);
      const [info, result] = await ended;
      assert.equal(result.outcome, outcome, result.error?.message);
      for (const [name, value] of Object.entries(expect ?? {}))
        assert.equal(result[name as keyof TransferResult], value, name);
      assert.deepEqual([info.id, info.remotePort, info.remoteAddress], [1, peer.port, "127.0.0.1"]);
      assert.ok(result.durationMs >= 0 && result.durationMs < 60_000 && info.waitedMs >= 0);
      // A busy machine may have more sent again than a script wants.
      if (isRepeated) assert.ok(result.retransmissions >= 1 && result.timeouts >= 1);
      if (outcome === "done" && info.method === "GET") {
        const blocks = Math.floor(result.transferredBytes / info.blockSize) + 1;
        assert.equal(result.blocksSent - result.retransmissions, blocks);
      }
      if (result.transferredBytes > 0) {
        assert.ok((result.firstAnswerMs ?? -1) >= 0 && result.bytesPerSecond > 0);
        assert.ok((result.firstAnswerMs ?? 0) <= result.durationMs + info.waitedMs + 1);
      }
    });
  }

  test(
    `a handler that closes its request in silence ends its transfer (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      const handler = join(root, "handler.cjs");
      await writeFile(handler, "module.exports = (req) => { req.on('error', () => {}); req.close(); };");
      const { server, port } = await startServer(context, { root, workers, handler });
      const ended = once(server, "transferEnd") as Promise<[TransferInfo, TransferResult]>;
      (await rawPeer(context, port)).ask(RRQ("f"));
      assert.equal((await ended)[1].outcome, "aborted");
      assert.equal(server.status().activeTransfers, 0);
    },
  );

  test(
    `progress and load can be read while transfers run (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      await writeFile(join(root, "f"), sampleBytes(FILE_BYTES));
      const { server, port } = await startServer(context, { root, workers });
      const peer = await rawPeer(context, port);
      peer.ask(RRQ("f"));
      await peer.until("\0\x03\0\x01");
      peer.answer(ACK(1));
      await peer.until("\0\x03\0\x02");
      // A worker writes its figures down a moment after it has answered.
      while ([...server.progress()][0]?.transferredBytes !== 512) await setImmediate();
      const [progress, ...others] = [...server.progress()];
      assert.deepEqual(others, []);
      assert.deepEqual(
        [progress?.info.file, progress?.sizeBytes, progress?.transferredBytes],
        ["f", FILE_BYTES, 512],
      );
      const { activeTransfers, queuedRequests, threads } = server.status();
      assert.deepEqual([activeTransfers, queuedRequests], [1, 0]);
      assert.deepEqual(
        threads.map(({ name }) => name),
        workers === 0 ? ["main"] : ["main", "0", "1"],
      );
      assert.equal(
        threads.reduce((sum, { transfers }) => sum + transfers, 0),
        1,
      );
      assert.ok(threads.every(({ busyMs, idleMs }) => busyMs >= 0 && idleMs >= 0));
    },
  );
}

test("reasons that a test can't bring about have their outcome too", () => {
  const booked = bookTransfer(1, {
    method: "GET",
    mode: "octet",
    offer: { parameters: { blockSize: 512, windowSize: 1 }, declaredSizeBytes: null } as never,
    requestedFile: "f",
    file: "f",
    root: null,
    path: "f",
    fileKey: "f",
    peer: { address: "192.0.2.1", port: 9 },
    localAddress: "192.0.2.2",
    heardBy: null,
    receivedAtMs: 0,
    uploadTag: "",
  });
  const account = {
    sizeBytes: null,
    transferredBytes: 0,
    blocksSent: 0,
    retransmissions: 0,
    duplicates: 0,
    timeouts: 0,
    junk: 0,
    proven: true,
    firstAnswerAtMs: null,
    endedAtMs: 0,
  };
  const outcome = (failure: Parameters<typeof toTransferResult>[1]["failure"]): TransferOutcome =>
    toTransferResult(booked, { failure, lastAckMissing: false, account }).outcome;
  const coded = (code: string): Error => Object.assign(new Error(code), { code });
  assert.equal(outcome({ kind: "storage", cause: coded("ENOSPC") }), "disk-full");
  assert.equal(outcome({ kind: "storage", cause: coded("EIO") }), "disk-error");
  // A file that must not be replaced came during the upload: no fault of the disk.
  assert.equal(outcome({ kind: "storage", cause: coded("EEXIST") }), "refused");
  assert.equal(outcome({ kind: "network", cause: coded("ECONNREFUSED") }), "peer-gone");
  assert.equal(outcome({ kind: "network", cause: coded("EMSGSIZE") }), "network-error");
  assert.equal(outcome({ kind: "no-socket", cause: coded("EMFILE") }), "no-socket");
  assert.equal(outcome({ kind: "crashed", cause: new Error("out of memory") }), "worker-crash");
  assert.equal(
    outcome({ kind: "refused", reason: "exists", cause: coded("EEXIST"), answered: false }),
    "refused",
  );
  const shown = new Set([
    ...WAYS.map((way) => way.outcome),
    "disk-full",
    "network-error",
    "no-socket",
    "worker-crash",
    "refused",
  ]);
  assert.deepEqual(
    transferOutcomes.filter((name) => !shown.has(name)),
    [],
  );
});

test(
  "refused requests are told with their reason, and so are junk and floods",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(FILE_BYTES));
    const { server, port } = await startServer(context, {
      root,
      workers: 0,
      denyPUT: true,
      maxTransfers: 1,
      maxQueuedRequests: 0,
    });
    const refusals: RefusalInfo[] = [];
    server.on("requestRefused", (refusal: RefusalInfo) => refusals.push(refusal));
    const peer = await rawPeer(context, port);
    const asked: [string, RefusalInfo["reason"]][] = [
      [WRQ("x"), "denied"],
      [RRQ("../x"), "bad-name"],
      ["\0\x01f\0mail\0", "bad-mode"],
      ["\0\x09nonsense", "malformed"],
      [ACK(1), "malformed"],
    ];
    for (const [packet] of asked) {
      peer.ask(packet);
      await peer.until("\0\x05");
    }
    const standing = await rawPeer(context, port);
    standing.ask(RRQ("f"));
    await standing.until("\0\x03");
    // One that has answered does not give way.
    standing.answer(ACK(1));
    await standing.until("\0\x03\0\x02");
    peer.ask(RRQ("f"));
    await peer.until("\0\x05");
    assert.deepEqual(
      refusals.map(({ reason }) => reason),
      [...asked.map(([, reason]) => reason), "busy"],
    );
    assert.deepEqual(
      refusals.map(({ method, file }) => `${method} ${file}`),
      ["PUT x", "GET ../x", "GET f", "null null", "null null", "GET f"],
    );
  },
);

test("diagnostics channels tell of every server of the process", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "small"), "small");
  const { server, port } = await startServer(context, { root, workers: 0 });
  const heard: string[] = [];
  const listen = <N extends keyof ChannelMessages>(
    name: N,
    tell: (message: ChannelMessages[N]) => string,
  ): void => {
    const onMessage = (message: unknown): void => {
      const known = message as ChannelMessages[N];
      if (known.server === server) heard.push(tell(known));
    };
    channel(name).subscribe(onMessage);
    context.after(() => channel(name).unsubscribe(onMessage));
  };
  listen("ntftp:transfer:start", ({ info }) => `start ${info.file}`);
  listen("ntftp:transfer:end", ({ info, result }) => `end ${info.file} ${result.outcome}`);
  listen("ntftp:request:refused", ({ refusal }) => `refused ${refusal.reason}`);
  const peer = await rawPeer(context, port);
  const ended = once(server, "transferEnd");
  peer.ask(RRQ("small"));
  await peer.until("\0\x03");
  peer.answer(ACK(1));
  await ended;
  peer.ask(ACK(7));
  await peer.until("\0\x05");
  assert.deepEqual(heard, ["start small", "end small done", "refused malformed"]);
});
