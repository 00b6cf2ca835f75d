import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  hashOf,
  sampleBytes,
  sampleText,
  temporaryFolder,
  toNetascii,
  writeLarge,
  writeSparse,
} from "../helpers/files.js";
import { startLossyProxy } from "../helpers/lossy-proxy.js";
import { startServer } from "../helpers/server.js";
import { type RealClient, realClients, run } from "./programs.js";

const MIB = 1024 * 1024;
const TIME_LIMIT = { timeout: 240_000 };

for (const { client, blockSize } of realClients) {
  const sizes = [0, 1, blockSize - 1, blockSize, blockSize + 1, MIB];

  test(`${client.name} fetches files of ${sizes.join(", ")} bytes`, TIME_LIMIT, async (context) => {
    const folder = await temporaryFolder(context);
    const { port } = await startServer(context, { root: folder });
    for (const size of sizes) {
      const content = sampleBytes(size);
      await writeFile(join(folder, `file-${size}`), content);
      await client.get(port, `file-${size}`, `got-${size}`, folder);
      assert.ok((await readFile(join(folder, `got-${size}`))).equals(content), `${size} bytes`);
    }
  });

  test(`${client.name} stores files of ${sizes.join(", ")} bytes`, TIME_LIMIT, async (context) => {
    const folder = await temporaryFolder(context);
    const { port } = await startServer(context, { root: folder });
    for (const size of sizes) {
      const content = sampleBytes(size);
      await writeFile(join(folder, `file-${size}`), content);
      await client.put(port, `file-${size}`, `stored-${size}`, folder);
      assert.ok((await readFile(join(folder, `stored-${size}`))).equals(content), `${size} bytes`);
    }
  });

  const { ascii } = client;
  if (ascii === undefined) continue;
  test(`${client.name} moves text in netascii both ways`, TIME_LIMIT, async (context) => {
    const folder = await temporaryFolder(context);
    const { port } = await startServer(context, { root: folder });
    for (const size of [0, 1, blockSize - 1, blockSize, blockSize + 1, 100_000]) {
      const text = sampleText(size);
      await writeFile(join(folder, "text"), text);
      await ascii.get(port, "text", "got", folder);
      const got = await readFile(join(folder, "got"));
      assert.ok(got.equals(ascii.translates ? text : toNetascii(text)), `GET of ${size} bytes`);

      await writeFile(join(folder, "local"), ascii.translates ? text : toNetascii(text));
      await ascii.put(port, "local", "stored", folder);
      assert.ok((await readFile(join(folder, "stored"))).equals(text), `PUT of ${size} bytes`);
    }
  });
}

test(
  "a missing file is an error for every client, and nothing is left of it",
  TIME_LIMIT,
  async (context) => {
    const folder = await temporaryFolder(context);
    const { port } = await startServer(context, { root: folder });
    for (const { client } of realClients) {
      const outcome = await client.get(port, "nothing-here", "got", folder).then(
        (output) => output,
        () => "failed",
      );
      // tftp-hpa reports on its output and exits with 0.
      assert.match(outcome, /failed|not found/i, client.name);
    }
  },
);

test("200 MiB in blocks of 512 bytes roll over for tftp-hpa", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  const { port } = await startServer(context, { root: folder });
  await writeLarge(join(folder, "large"), 200 * MIB);
  const client = clientNamed("tftp-hpa");
  await client.get(port, "large", "got", folder, 200_000);
  assert.equal(await hashOf(join(folder, "got")), await hashOf(join(folder, "large")));
});

test("200 MiB arrive whole with curl and with atftp in windows", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  const { port } = await startServer(context, { root: folder, windowSize: 16, blockSize: 1428 });
  await writeLarge(join(folder, "large"), 200 * MIB);
  const wanted = await hashOf(join(folder, "large"));
  for (const name of ["curl with blksize 1428", "atftp with blksize 1024, windowsize 8"]) {
    const client = clientNamed(name);
    await client.get(port, "large", "got", folder, 100_000);
    assert.equal(await hashOf(join(folder, "got")), wanted, name);
  }
});

const PACKETS = {
  WRQ: { opcode: 2 },
  OACK: { opcode: 6 },
  "DATA 1": { opcode: 3, block: 1 },
  "ACK 1": { opcode: 4, block: 1 },
  "the last ACK": { opcode: 4, block: 8 },
};

test(
  "an upload of curl's is whole, and soon over, whichever of its packets is lost",
  TIME_LIMIT,
  async (context) => {
    const folder = await temporaryFolder(context);
    const { port } = await startServer(context, { root: folder });
    const client = clientNamed("curl with blksize 1428");
    const content = sampleBytes(10_000);
    await writeFile(join(folder, "local"), content);
    const upload = async ([name, { opcode, block }]: [string, { opcode: number; block?: number }]) => {
      let lost = 0;
      const loses = (datagram: Buffer) => {
        const isIt =
          datagram.readUInt16BE(0) === opcode && (block === undefined || datagram.readUInt16BE(2) === block);
        return isIt && lost++ === 0;
      };
      const calm = { loss: 0, duplicate: 0, reorder: 0, loses };
      const proxyPort = await startLossyProxy(context, port, calm, 1n);
      const remote = `stored-without-${name.replaceAll(" ", "-")}`;
      await client.put(proxyPort, "local", remote, folder);
      assert.ok(lost > 0, `${name} was lost`);
      const stored = await readFile(join(folder, remote));
      assert.ok(stored.equals(content), `${name} lost: ${stored.length} bytes stored`);
    };
    await Promise.all(Object.entries(PACKETS).map(upload));
  },
);

test("curl stores what comes out of a pipe: it announces 0 bytes", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  const { port } = await startServer(context, { root: folder });
  const content = sampleBytes(10_000);
  const words = ["--silent", "--show-error", "-T", "-", `tftp://127.0.0.1:${port}/piped`];
  await run("usr/bin/curl", words, folder, 30_000, content);
  assert.ok((await readFile(join(folder, "piped"))).equals(content));
});

test("curl is told the exact size of a sparse file of 5 GiB", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  const size = 5 * 1024 * MIB + 1;
  await writeSparse(join(folder, "huge"), size);
  const { server, port } = await startServer(context, { root: folder });
  let told = 0;
  server.on("request", (req) => req.on("error", () => undefined));
  // curl gives up as soon as it sees a size above its limit: it has read tsize by then.
  const limit = String(4 * 1024 * MIB);
  const outcome = await run(
    "usr/bin/curl",
    [
      "--silent",
      "--show-error",
      "--max-filesize",
      limit,
      "--max-time",
      "3",
      "-v",
      "-o",
      "/dev/null",
      `tftp://127.0.0.1:${port}/huge`,
    ],
    folder,
  ).catch((error: Error) => error.message);
  told = Number(/tsize\D+(\d+)/i.exec(outcome)?.[1] ?? /\((\d{10})\)/.exec(outcome)?.[1] ?? 0);
  assert.equal(told, size, outcome);
  assert.equal((await stat(join(folder, "huge"))).size, size);
});

function clientNamed(name: string): RealClient {
  const client = realClients.find((entry) => entry.client.name === name)?.client;
  assert.ok(client !== undefined, name);
  return client;
}
