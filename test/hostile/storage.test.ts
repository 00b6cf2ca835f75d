import assert from "node:assert/strict";
import { appendFileSync, existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdir, rename, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { type Faults, FaultyDisk } from "./support/faulty-disk.js";
import { openPeer, type Peer, QUIET_MS } from "./support/peer.js";
import { type Subject, sharedSubject, startSubject, until } from "./support/subject.js";
import { describe, payload } from "./support/wire.js";

/*
 * What a disk does wrong is told by an ERROR of the RFC without a word about this machine, leaves the old file and
 * nothing else, costs no descriptor, is one line of the log, and the next transfer is fine [reliability 11, 12, 13].
 * A row is one file "f" in a folder of its own; the faults are those of support/faulty-fs.ts.
 */

const TIME_LIMIT = { timeout: 120_000 };
const BLOCK_BYTES = 1400;
const OLD = sampleBytes(400_000);
const NEW = sampleBytes(100_000);
/** The upload: 142 full blocks and a short one. */
const BLOCKS = 143;
const SENT = Buffer.concat(
  Array.from({ length: BLOCKS }, (_, i) => payload(i + 1, i < BLOCKS - 1 ? BLOCK_BYTES : 7)),
);

/** What a row has to work with. */
interface Bench {
  readonly server: Subject;
  readonly peer: Peer;
  /** The name of the folder, which is the name for its faults, too. */
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  /** See {@link Row}. */
  readonly isNew: boolean;
  breaks(faults: Faults): void;
  repair(): void;
  hits(): ReadonlySet<string>;
}

type Act = (bench: Bench) => Promise<void> | void;

interface Row {
  readonly faults?: Faults;
  /** Happens to the file when five blocks have gone over. */
  readonly act?: Act;
  /** How it ends for the client. */
  readonly hears: string;
  readonly outcome: string;
  /** Nothing may be replaced: the server has `--no-overwrite`, and "f" is not there at first. */
  readonly isNew?: boolean;
  /** What "f" holds afterwards, by default what it held before; null: there is none. */
  readonly left?: Buffer | null;
}

const disks: { clean: () => Promise<void> }[] = [];
after(async () => {
  for (const { clean } of disks) await clean();
});
const shared = {
  after: (clean: () => Promise<void>) => {
    disks.push({ clean });
  },
};
const ready = Promise.all([FaultyDisk.open(shared), temporaryFolder(shared)]);
/** Little patience with clients: it must not be one with the disk. */
const OPTIONS = ["--log-format", "json", "--log-rate", "0", "--timeout", "300"];
const subjectWith = (...more: string[]) =>
  sharedSubject(async () => {
    const [disk, root] = await ready;
    return { root, env: disk.env, options: [...OPTIONS, ...more] };
  });
/** Transfers with ports of their own, and without. */
const MODES = {
  "": { subject: subjectWith(), keepingSubject: subjectWith("--no-overwrite") },
  " on a single port": {
    subject: subjectWith("--single-port"),
    keepingSubject: subjectWith("--single-port", "--no-overwrite"),
  },
} as const;

let folders = 0;

async function openBench(
  context: { after(cleanUp: () => void): void },
  content: Buffer | null,
  mode: keyof typeof MODES = "",
): Promise<Bench> {
  const [disk, root] = await ready;
  const server = await (content === null ? MODES[mode].keepingSubject() : MODES[mode].subject());
  const name = `folder-${++folders}`;
  const folder = join(root, name);
  await mkdir(folder);
  if (content !== null) await writeFile(join(folder, "f"), content);
  return {
    server,
    peer: await openPeer(context, server),
    name,
    folder,
    file: join(folder, "f"),
    isNew: content === null,
    breaks: (faults) => disk.breaks(name, faults),
    repair: () => disk.repair(name),
    hits: () => disk.hits(name),
  };
}

/** Downloads like a client that never repeats anything. @returns what came, and "whole" or the ERROR */
async function download(
  peer: Peer,
  name: string,
  atBlock: (block: number) => Promise<void> | void = () => undefined,
): Promise<{ content: Buffer; end: string }> {
  const pieces: Buffer[] = [];
  peer.request(`RRQ ${name} octet blksize ${BLOCK_BYTES}`);
  for (;;) {
    const line = await peer.hear();
    if (line.startsWith("OACK")) {
      if (pieces.length === 0) peer.send("ACK 0");
      continue;
    }
    const [, number, length] = /^DATA (\d+) (\d+)$/.exec(line) ?? [];
    if (length === undefined) return { content: Buffer.concat(pieces), end: line };
    if (Number(number) !== pieces.length + 1) continue;
    // `hear` takes in order what came.
    const bytes = peer.all.find(({ bytes }) => describe(bytes) === line)?.bytes ?? Buffer.alloc(0);
    pieces.push(bytes.subarray(4));
    await atBlock(pieces.length);
    peer.send(`ACK ${pieces.length}`);
    if (Number(length) < BLOCK_BYTES) return { content: Buffer.concat(pieces), end: "whole" };
  }
}

/** Uploads `SENT`, each block once. @returns "whole" or the ERROR */
async function upload(
  peer: Peer,
  name: string,
  atBlock: (block: number) => Promise<void> | void = () => undefined,
): Promise<string> {
  peer.request(`WRQ ${name} octet blksize ${BLOCK_BYTES} tsize ${SENT.length}`);
  for (let block = 0; ; ) {
    const line = await peer.hear();
    if (/^(ACK|OACK) /.test(line)) {
      if (line.startsWith("ACK") && line !== `ACK ${block}`) continue;
      if (line.startsWith("OACK") && block > 0) continue;
      if (block === BLOCKS) return "whole";
      await atBlock(block);
      block++;
      peer.send(`DATA ${block} ${block < BLOCKS ? BLOCK_BYTES : 7}`);
    } else return line;
  }
}

/** Files of the folder that the process has open, deleted ones too. */
function openFiles({ server, folder }: Bench): string[] {
  const directory = `/proc/${server.pid}/fd`;
  return readdirSync(directory).flatMap((fd) => {
    try {
      const target = readlinkSync(join(directory, fd));
      return target.startsWith(`${folder}/`) ? [target] : [];
    } catch {
      return [];
    }
  });
}

/** How the log says that transfers of the file ended. */
function outcomes({ server, name }: Bench): string[] {
  return [...server.stdout, ...server.stderr].flatMap((line) => {
    if (!line.includes(`"${name}/f"`)) return [];
    const { event, outcome } = JSON.parse(line);
    return event === "transfer" ? [outcome] : [`${event}`];
  });
}

async function assertAfterwards(bench: Bench, outcome: string, left: Buffer | null): Promise<void> {
  const { server, folder, file } = bench;
  const names = () => {
    try {
      return readdirSync(folder).join();
    } catch {
      return "";
    }
  };
  await until("no descriptor is left", () => openFiles(bench).length === 0);
  await until(`nothing but f is left, of ${names()}`, () => names() === (left === null ? "" : "f"));
  if (left !== null) assert.ok(readFileSync(file).equals(left), "the old file is as it was");
  await until(`the log has a line: ${outcomes(bench)}`, () => outcomes(bench).length > 0);
  assert.deepEqual(outcomes(bench), [outcome]);
  server.assertAlive();
}

/** On the same names, with a disk that is fine again. */
async function assertNextIsFine(context: { after(cleanUp: () => void): void }, bench: Bench): Promise<void> {
  const { server, name, folder, file } = bench;
  bench.repair();
  await mkdir(folder, { recursive: true });
  if (existsSync(file)) {
    // The same state of the same file, which a reader has failed at before.
    const { content, end } = await download(await openPeer(context, server), `${name}/f`);
    assert.equal(end, "whole");
    assert.ok(content.equals(readFileSync(file)));
  }
  if (bench.isNew) await rm(file, { force: true });
  assert.equal(await upload(await openPeer(context, server), `${name}/f`), "whole");
  assert.ok(readFileSync(file).equals(SENT));
  const { content, end } = await download(await openPeer(context, server), `${name}/f`);
  assert.equal(end, "whole");
  assert.ok(content.equals(SENT), "the new file, not what was remembered of the old one");
  assert.deepEqual(readdirSync(folder), ["f"]);
}

const GETS: Readonly<Record<string, Row>> = {
  "whose first read fails": {
    faults: { read: { code: "EIO" } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "whose reads fail half-way, in the middle of a block": {
    faults: { read: { code: "EIO", afterBytes: 200_001 } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "of a network file that somebody deleted elsewhere": {
    faults: { read: { code: "ESTALE", afterBytes: 150_000 } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "that can be read but not looked at": {
    faults: { fstat: { code: "EIO" } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "of a file without permission": {
    faults: { open: { code: "EACCES" } },
    hears: "ERROR 2 Access violation",
    outcome: "denied",
  },
  "of a file that can't be opened": {
    faults: { open: { code: "EIO" } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "of a file that is truncated": {
    act: ({ file }) => truncate(file, 100_000),
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
    left: OLD.subarray(0, 100_000),
  },
  "of a file that is emptied": {
    act: ({ file }) => truncate(file, 0),
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
    left: Buffer.alloc(0),
  },
  "of a file that grows": {
    act: ({ file }) => appendFileSync(file, "more"),
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
    left: Buffer.concat([OLD, Buffer.from("more")]),
  },
  "of a file that is written anew": {
    act: ({ file }) => writeFile(file, Buffer.alloc(OLD.length, "x")),
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
    left: Buffer.alloc(OLD.length, "x"),
  },
  "of a file that is deleted": {
    act: ({ file }) => unlink(file),
    hears: "whole",
    outcome: "done",
    left: null,
  },
  "of a file whose directory is removed": {
    act: ({ folder }) => rm(folder, { recursive: true }),
    hears: "whole",
    outcome: "done",
    left: null,
  },
  "of a file that is replaced": {
    act: async ({ file }) => {
      await writeFile(`${file}.new`, NEW);
      await rename(`${file}.new`, file);
    },
    hears: "whole",
    outcome: "done",
    left: NEW,
  },
};

const PUTS: Readonly<Record<string, Row>> = {
  "onto a disk that fills up": {
    faults: { write: { code: "ENOSPC", afterBytes: 70_001 } },
    hears: "ERROR 3 Disk full or allocation exceeded",
    outcome: "disk-full",
  },
  "beyond a quota": {
    faults: { write: { code: "EDQUOT", afterBytes: 70_001 } },
    hears: "ERROR 3 Disk full or allocation exceeded",
    outcome: "disk-full",
  },
  "whose writes fail half-way": {
    faults: { write: { code: "EIO", afterBytes: 70_001 } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "whose last byte can't be written": {
    faults: { write: { code: "EIO", afterBytes: SENT.length - 1 } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "whose last bytes are refused when the file is closed, as NFS does it": {
    faults: { close: { code: "EIO" } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "whose quota shows when the file is closed, as NFS does it": {
    faults: { close: { code: "EDQUOT" } },
    hears: "ERROR 3 Disk full or allocation exceeded",
    outcome: "disk-full",
  },
  "into a directory without permission": {
    faults: { open: { code: "EACCES" } },
    hears: "ERROR 2 Access violation",
    outcome: "denied",
  },
  "onto a disk that is read-only": {
    faults: { open: { code: "EROFS" } },
    hears: "ERROR 2 Access violation",
    outcome: "denied",
  },
  "onto a disk without room for a name": {
    faults: { open: { code: "ENOSPC" } },
    hears: "ERROR 3 Disk full or allocation exceeded",
    outcome: "disk-full",
  },
  "whose rename is refused": {
    faults: { rename: { code: "EACCES" } },
    hears: "ERROR 2 Access violation",
    outcome: "disk-error",
  },
  "whose rename would leave the disk": {
    faults: { rename: { code: "EXDEV" } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "whose rename fails": {
    faults: { rename: { code: "EIO" } },
    hears: "ERROR 0 I/O error",
    outcome: "disk-error",
  },
  "into a directory that is removed": {
    act: ({ folder }) => rm(folder, { recursive: true }),
    hears: "ERROR 1 File not found",
    outcome: "disk-error",
    left: null,
  },
  "over a file that is deleted": {
    act: ({ file }) => unlink(file),
    hears: "whole",
    outcome: "done",
    left: SENT,
  },
  "onto a disk that can't tell its free space": {
    faults: { statfs: { code: "ENOSYS" } },
    hears: "whole",
    outcome: "done",
    left: SENT,
  },
  "of a new file, onto a disk without hard links": {
    isNew: true,
    faults: { link: { code: "EPERM" } },
    hears: "whole",
    outcome: "done",
    left: SENT,
  },
  "of a new file that is there when it ends": {
    isNew: true,
    act: ({ file }) => writeFile(file, NEW),
    hears: "ERROR 6 File already exists",
    outcome: "refused",
    left: NEW,
  },
  "of a new file that is there when it ends, onto a disk without hard links": {
    isNew: true,
    faults: { link: { code: "ENOTSUP" } },
    act: ({ file }) => writeFile(file, NEW),
    hears: "ERROR 6 File already exists",
    outcome: "refused",
    left: NEW,
  },
  "of a new file whose link is refused": {
    isNew: true,
    faults: { link: { code: "EACCES" } },
    hears: "ERROR 2 Access violation",
    outcome: "disk-error",
    left: null,
  },
  "onto a disk without permissions": {
    faults: { fchmod: { code: "EPERM" } },
    hears: "whole",
    outcome: "done",
    left: SENT,
  },
};

async function runRow(
  context: { after(cleanUp: () => void): void },
  kind: "GET" | "PUT",
  { faults, act, hears, outcome, isNew, left = isNew ? null : OLD }: Row,
  mode: keyof typeof MODES,
): Promise<void> {
  const bench = await openBench(context, isNew ? null : OLD, mode);
  if (faults !== undefined) bench.breaks(faults);
  const hook = async (block: number) => {
    if (block === 5) await act?.(bench);
  };
  if (kind === "GET") {
    const { content, end } = await download(bench.peer, `${bench.name}/f`, hook);
    assert.equal(end, hears);
    assert.ok(content.equals(OLD.subarray(0, content.length)), "what came is of the old file");
    if (hears === "whole") assert.equal(content.length, OLD.length);
  } else assert.equal(await upload(bench.peer, `${bench.name}/f`, hook), hears);
  for (const call of Object.keys(faults ?? {})) assert.ok(bench.hits().has(call), `${call} was called`);
  await assertAfterwards(bench, outcome, left);
  await assertNextIsFine(context, bench);
}

for (const [kind, rows] of [
  ["GET", GETS],
  ["PUT", PUTS],
] as const) {
  for (const mode of ["", " on a single port"] as const) {
    suite(`storage faults: ${kind}${mode}`, { concurrency: 4 }, () => {
      for (const [name, row] of Object.entries(rows)) {
        test(`a ${kind} ${name}${mode}: ${row.hears}`, TIME_LIMIT, (context) =>
          runRow(context, kind, row, mode),
        );
      }
    });
  }
}

suite("storage faults: a disk that takes its time", { concurrency: 4 }, () => {
  test(
    "a file that opens late: one answer to a client that asked again, and again",
    TIME_LIMIT,
    async (context) => {
      const bench = await openBench(context, OLD);
      const { peer, name } = bench;
      bench.breaks({ open: { hold: true } });
      for (let times = 0; times < 4; times++) {
        peer.request(`RRQ ${name}/f octet blksize ${BLOCK_BYTES}`);
        await peer.expect("nothing");
      }
      bench.repair();
      const { content, end } = await download(peer, `${name}/f`);
      assert.equal(end, "whole");
      assert.ok(content.equals(OLD));
      assert.equal(new Set(peer.all.map(({ port }) => port)).size, 1, "one transfer");
      await assertAfterwards(bench, "done", OLD);
    },
  );

  test(
    "a read that takes longer than the patience with clients: the transfer goes on",
    TIME_LIMIT,
    async (context) => {
      const bench = await openBench(context, OLD);
      bench.breaks({ read: { hold: true, afterBytes: 131_072 } });
      // Six time-outs of 300 ms, and what they grow to, may pass: nobody waits for the client.
      const release = setTimeout(() => bench.repair(), 3_000);
      context.after(() => clearTimeout(release));
      const { content, end } = await download(bench.peer, `${bench.name}/f`);
      assert.equal(end, "whole");
      assert.ok(content.equals(OLD));
      await assertAfterwards(bench, "done", OLD);
    },
  );

  test(
    "a client that leaves during a read: its descriptor comes back with the read",
    TIME_LIMIT,
    async (context) => {
      const bench = await openBench(context, OLD);
      const { peer, name } = bench;
      bench.breaks({ read: { hold: true, afterBytes: 131_072 } });
      // The last block before the one that is waited for.
      const leave = (block: number) => assert.notEqual(block, 93, "leave here");
      await assert.rejects(download(peer, `${name}/f`, leave), /leave here/);
      peer.send("ERROR 0 stop");
      await until("the log says it", () => outcomes(bench).length > 0);
      bench.repair();
      await assertAfterwards(bench, "aborted-by-client", OLD);
      await assertNextIsFine(context, bench);
    },
  );

  test(
    "readers of one file all hear of its error; those of others hear nothing",
    TIME_LIMIT,
    async (context) => {
      const bench = await openBench(context, OLD);
      const other = await openBench(context, OLD);
      bench.breaks({ read: { hold: true } });
      const peers = [
        bench.peer,
        await openPeer(context, bench.server),
        await openPeer(context, bench.server),
      ];
      const ends = peers.map((peer) => download(peer, `${bench.name}/f`));
      // While all of them wait, others are served.
      const fine = await download(other.peer, `${other.name}/f`);
      assert.ok(fine.content.equals(OLD));
      bench.breaks({ read: { code: "EIO" } });
      for (const { end } of await Promise.all(ends)) assert.equal(end, "ERROR 0 I/O error");
      await until("no descriptor is left", () => openFiles(bench).length === 0);
      await until("the log says it", () => outcomes(bench).length === 3);
      assert.deepEqual(outcomes(bench), ["disk-error", "disk-error", "disk-error"]);
      await assertNextIsFine(context, bench);
    },
  );

  test("a write that takes its time: the last ACK waits for it", TIME_LIMIT, async (context) => {
    const bench = await openBench(context, OLD);
    const { peer, name, file } = bench;
    bench.breaks({ write: { hold: true } });
    const whole = upload(peer, `${name}/f`);
    await until("all blocks are there", () => peer.all.length >= BLOCKS);
    await new Promise((resolve) => setTimeout(resolve, 4 * QUIET_MS));
    assert.equal(peer.all.length, BLOCKS);
    assert.ok(readFileSync(file).equals(OLD));
    bench.repair();
    assert.equal(await whole, "whole");
    assert.ok(readFileSync(file).equals(SENT));
    await assertAfterwards(bench, "done", SENT);
  });

  test("a rename that takes its time: no last ACK before the file is there", TIME_LIMIT, async (context) => {
    const bench = await openBench(context, OLD);
    const { peer, name, file } = bench;
    bench.breaks({ rename: { hold: true } });
    const release = setTimeout(() => bench.repair(), 3_000);
    context.after(() => clearTimeout(release));
    const whole = upload(peer, `${name}/f`);
    await until("all blocks are there", () => peer.all.length >= BLOCKS);
    assert.ok(readFileSync(file).equals(OLD));
    assert.equal(await whole, "whole");
    assert.ok(readFileSync(file).equals(SENT));
    await assertAfterwards(bench, "done", SENT);
  });

  test(
    "a client that leaves during a write: nothing is left when it is over",
    TIME_LIMIT,
    async (context) => {
      const bench = await openBench(context, OLD);
      const { peer, name, folder } = bench;
      bench.breaks({ write: { hold: true } });
      const leave = (block: number) => assert.notEqual(block, 100, "leave here");
      await assert.rejects(upload(peer, `${name}/f`, leave), /leave here/);
      peer.send("ERROR 0 stop");
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      assert.equal(readdirSync(folder).length, 2);
      bench.repair();
      await assertAfterwards(bench, "aborted-by-client", OLD);
      await assertNextIsFine(context, bench);
    },
  );
});

for (const call of ["open", "read", "write", "rename"] as const) {
  test(
    `SIGTERM while a disk does not come back from ${call}: the server ends`,
    TIME_LIMIT,
    async (context) => {
      const disk = await FaultyDisk.open(context);
      const root = await temporaryFolder(context);
      await mkdir(join(root, "stuck"));
      await writeFile(join(root, "stuck", "f"), OLD);
      const server = await startSubject(context, { root, env: disk.env, options: ["--grace", "1"] });
      const peer = await openPeer(context, server);
      disk.breaks("stuck", { [call]: { hold: true } });
      if (call === "open" || call === "read") {
        peer.send("RRQ stuck/f octet");
        await peer.expect("nothing");
      } else {
        peer.send("WRQ stuck/f octet");
        await peer.expect("ACK 0");
        peer.send("DATA 1 5");
        await peer.expect("nothing");
      }
      const askedMs = performance.now();
      server.signal("SIGTERM");
      await Promise.race([
        server.ended(),
        new Promise((_, reject) => {
          const timer = setTimeout(() => reject(new Error("it did not end within 10 s")), 10_000);
          timer.unref();
        }),
      ]);
      context.diagnostic(`ended after ${Math.round(performance.now() - askedMs)} ms`);
      assert.ok(readFileSync(join(root, "stuck", "f")).equals(OLD));
    },
  );
}
