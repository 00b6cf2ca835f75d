import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { ack, data, inWords, oack } from "../compat/packets.js";
import { COMMAND } from "../helpers/command.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { type Faults, FaultyDisk } from "../hostile/support/faulty-disk.js";
import { HostileServer } from "./hostile-server.js";

/*
 * What the disk of a client does wrong: exit status 1 and one line that names the reason, an ERROR for the server
 * without a word about this machine, the old file or none, no litter, and the next transfer is fine. Here it is the
 * server that is honest. The faults are those of ../hostile/support/faulty-fs.ts, loaded into `ntftp`.
 */

const TIME_LIMIT = { timeout: 120_000 };
const BLOCK_BYTES = 1400;
const FILE = sampleBytes(300_000);
const OLD = sampleBytes(280_001);
const BLOCKS = Math.floor(FILE.length / BLOCK_BYTES) + 1;

interface Row {
  readonly faults?: Faults;
  /** Happens to the file in the folder of the client at this block; 5 by default. */
  readonly act?: (file: string) => Promise<void> | void;
  /** The line on stderr, "" for success. */
  readonly says: RegExp | "";
  /** The ERROR that the server gets; "no request" when it never comes to that; "whole" otherwise. */
  readonly tells: string;
  /** What the file holds afterwards; by default what it held before. Null: it is gone. */
  readonly left?: Buffer | null;
}

type AtBlock = (block: number) => Promise<void> | void;

/** Serves FILE. @returns "whole", or the ERROR of the client */
async function serveGet(server: HostileServer, atBlock: AtBlock): Promise<string> {
  const tid = await server.request(/^RRQ /);
  tid.say(oack("blksize", String(BLOCK_BYTES)));
  for (let block = 0; ; block++) {
    const { bytes } = await tid.hears(new RegExp(`^(ACK ${block}|ERROR .*)$`));
    if (bytes[1] === 5) return inWords(bytes);
    if (block === BLOCKS) return "whole";
    await atBlock(block);
    tid.say(data(block + 1, FILE.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)));
  }
}

/** Takes a file. @returns "whole" when it is what was there before, or the ERROR of the client */
async function servePut(server: HostileServer, atBlock: AtBlock): Promise<string> {
  const tid = await server.request(/^WRQ /);
  tid.say(oack("blksize", String(BLOCK_BYTES)));
  const pieces: Buffer[] = [];
  for (;;) {
    const { bytes } = await tid.hears(new RegExp(`^(DATA ${pieces.length + 1} .*|ERROR .*)$`));
    if (bytes[1] === 5) return inWords(bytes);
    pieces.push(bytes.subarray(4));
    await atBlock(pieces.length);
    tid.say(ack(pieces.length));
    if (bytes.length - 4 < BLOCK_BYTES) {
      assert.ok(Buffer.concat(pieces).equals(OLD), "what came is one state of the file");
      return "whole";
    }
  }
}

async function ntftp(
  kind: string,
  port: number,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stderr: string }> {
  const uri = `tftp://127.0.0.1:${port}/remote`;
  const files = kind === "get" ? [uri, "local"] : ["local", uri];
  const words = [kind, ...files, "-q", "-b", String(BLOCK_BYTES), "-t", "1000", "-r", "2"];
  const child = spawn(process.execPath, [COMMAND, ...words], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stderr };
}

async function runRow(
  context: { after(cleanUp: () => Promise<void>): void },
  kind: "get" | "put",
  { faults, act, says, tells, left = OLD }: Row,
): Promise<void> {
  const disk = await FaultyDisk.open(context);
  const folder = join(await temporaryFolder(context), `folder-of-${kind}`);
  const file = join(folder, "local");
  await mkdir(folder);
  await writeFile(file, OLD);
  const serve = kind === "get" ? serveGet : servePut;
  const server = await HostileServer.open();
  const again = await HostileServer.open();
  try {
    if (faults !== undefined) disk.breaks(basename(folder), faults);
    const heard =
      tells === "no request"
        ? null
        : serve(server, async (block) => {
            if (block === 5) await act?.(file);
          }).catch((error: Error) => error.message);
    const { code, stderr } = await ntftp(kind, server.port, folder, disk.env);
    if (says === "") assert.deepEqual([code, stderr], [0, ""]);
    else {
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^Error: [^\n]*\n$/, "one line says why");
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /\.part/, "our own names are not the user's");
    }
    if (heard === null) assert.deepEqual(server.requestPort.log, []);
    else assert.equal(await heard, tells);
    for (const call of Object.keys(faults ?? {})) {
      assert.ok(disk.hits(basename(folder)).has(call), `${call} was called`);
    }
    assert.deepEqual(existsSync(folder) ? readdirSync(folder) : [], left === null ? [] : ["local"]);
    if (left !== null) assert.ok(readFileSync(file).equals(left), "the file is whole");

    disk.repair(basename(folder));
    await mkdir(folder, { recursive: true });
    if (kind === "put") await writeFile(file, OLD);
    const fine = serve(again, () => undefined);
    assert.deepEqual(await ntftp(kind, again.port, folder, disk.env), { code: 0, stderr: "" });
    assert.equal(await fine, "whole");
    assert.deepEqual(readdirSync(folder), ["local"]);
    if (kind === "get") assert.ok(readFileSync(file).equals(FILE));
  } finally {
    server.close();
    again.close();
  }
}

const GETS: Readonly<Record<string, Row>> = {
  "onto a disk that fills up": {
    faults: { write: { code: "ENOSPC", afterBytes: 70_001 } },
    says: /ENOSPC: no space left on device, write/,
    tells: "ERROR 3 Disk full or allocation exceeded",
  },
  "whose writes fail": {
    faults: { write: { code: "EIO" } },
    says: /EIO: i\/o error, write/,
    tells: "ERROR 0 I/O error",
  },
  "whose last bytes are refused when the file is closed": {
    faults: { close: { code: "EDQUOT" } },
    says: /EDQUOT: .*, close/,
    tells: "ERROR 3 Disk full or allocation exceeded",
  },
  "into a read-only directory": {
    faults: { open: { code: "EROFS" } },
    says: /EROFS: read-only file system, open '.*local'/,
    tells: "no request",
  },
  "into a directory without permission": {
    faults: { open: { code: "EACCES" } },
    says: /EACCES: permission denied, open '.*local'/,
    tells: "no request",
  },
  "into a directory that is removed": {
    act: (file) => rm(join(file, ".."), { recursive: true }),
    says: /ENOENT: no such file or directory, rename 'local'/,
    tells: "ERROR 1 File not found",
    left: null,
  },
  "whose rename is refused": {
    faults: { rename: { code: "EACCES" } },
    says: /EACCES: permission denied, rename 'local'/,
    tells: "ERROR 2 Access violation",
  },
};

const PUTS: Readonly<Record<string, Row>> = {
  "whose reads fail half-way": {
    faults: { read: { code: "EIO", afterBytes: 200_001 } },
    says: /EIO: i\/o error, read/,
    tells: "ERROR 0 I/O error",
  },
  "of a file without permission": {
    faults: { open: { code: "EACCES" } },
    says: /EACCES: permission denied, open '.*local'/,
    tells: "no request",
  },
  "of a file that shrinks": {
    act: (file) => truncate(file, 100_000),
    says: /The file (ends early|was modified) while it was sent/,
    tells: "ERROR 0 I/O error",
    left: OLD.subarray(0, 100_000),
  },
  "of a file that grows": {
    act: (file) => appendFileSync(file, "more"),
    says: /The file was modified while it was sent/,
    tells: "ERROR 0 I/O error",
    left: Buffer.concat([OLD, Buffer.from("more")]),
  },
  "of a file that is deleted": { act: unlink, says: "", tells: "whole", left: null },
  "of a file that is replaced": {
    act: async (file) => {
      await writeFile(`${file}.new`, FILE);
      await rename(`${file}.new`, file);
    },
    says: "",
    tells: "whole",
    left: FILE,
  },
};

for (const [kind, rows] of [
  ["get", GETS],
  ["put", PUTS],
] as const) {
  describe(`storage faults of a client: ${kind}`, { concurrency: 3 }, () => {
    for (const [name, row] of Object.entries(rows)) {
      test(`a ${kind} ${name}`, TIME_LIMIT, (context) => runRow(context, kind, row));
    }
  });
}
