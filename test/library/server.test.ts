import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createClient, createServer } from "../../src/index.js";
import { eventually } from "../helpers/eventually.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };

interface Asker {
  readonly socket: Socket;
  ask(
    bytes: Buffer | string,
    port: number,
    address?: string,
  ): Promise<{ bytes: Buffer; port: number; address: string }>;
}

async function asker(context: { after(cleanUp: () => void): void }): Promise<Asker> {
  const socket = createSocket("udp4");
  context.after(() => socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    socket,
    ask: async (bytes, port, address = "127.0.0.1") => {
      const answer = once(socket, "message");
      socket.send(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, port, address);
      const [answered, from] = (await answer) as [Buffer, { port: number; address: string }];
      return { bytes: answered, port: from.port, address: from.address };
    },
  };
}

function words(bytes: Buffer): string {
  return `${bytes[1]} ${bytes.readUInt16BE(2)} ${bytes.subarray(4, -1).toString("latin1")}`;
}

/** Emits `error` once and resolves with it. */
async function startError(options: object): Promise<Error> {
  const server = createServer(options);
  server.listen();
  const [error] = (await once(server, "error")) as [Error];
  await server.close();
  return error;
}

test("what can't be served is said once, with its code", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const { port } = await startServer(context, { root });
  await writeFile(join(root, "file"), "");
  assert.equal(
    ((await startError({ root: join(root, "none"), port: 0 })) as NodeJS.ErrnoException).code,
    "ENOENT",
  );
  assert.match((await startError({ root: join(root, "file"), port: 0 })).message, /not a directory/);
  const taken = (await startError({ root, host: "127.0.0.1", port })) as NodeJS.ErrnoException;
  assert.equal(taken.code, "EADDRINUSE");
  assert.throws(() => createServer({ portRange: { first: 9, last: 3 } }), RangeError);
  assert.throws(() => createServer({ symlinks: "maybe" as never }), RangeError);
});

test(
  "names that leave the root, and what is no file, are refused for GET and PUT",
  TIME_LIMIT,
  async (context) => {
    const outside = await temporaryFolder(context);
    const root = join(outside, "root");
    await mkdir(join(root, "sub"), { recursive: true });
    await writeFile(join(outside, "secret"), "secret");
    await symlink(join(outside, "secret"), join(root, "link"));
    await symlink(outside, join(root, "way-out"));
    execFileSync("mkfifo", [join(root, "fifo")]);
    const { server, port } = await startServer(context, { root });
    server.on("request", (req) => req.on("error", () => undefined));
    const names = [
      "../secret",
      "..\\secret",
      "sub/../../secret",
      "sub\\..\\..\\secret",
      "/../secret",
      "....//secret",
      "link",
      "way-out/secret",
      "fifo",
      "sub",
      "",
      ".",
      "/",
      "/dev/null",
      "/etc/passwd",
      "\x01",
      "a\nb",
      "none/such",
    ];
    for (const opcode of ["\0\x01", "\0\x02"]) {
      for (const name of names) {
        // A PUT of a plain new name is what these become when they are taken for one.
        const mayBeNew = opcode === "\0\x02" && ["/../secret"].includes(name);
        const client = await asker(context);
        const { bytes, port: tid } = await client.ask(`${opcode}${name}\0octet\0`, port);
        if (mayBeNew) client.socket.send(Buffer.from("\0\x05\0\0no\0"), tid, "127.0.0.1");
        else
          assert.match(
            words(bytes),
            /^5 [12] /,
            `${opcode === "\0\x01" ? "GET" : "PUT"} ${JSON.stringify(name)}`,
          );
        assert.equal(bytes.includes(Buffer.from(outside)), false, "no path of this machine goes out");
      }
    }
    assert.equal(await readFile(join(outside, "secret"), "utf8"), "secret");
    assert.deepEqual(readdirSync(outside).sort(), ["root", "secret"]);
  },
);

test(
  "names are bytes: UTF-8, Latin-1, backslashes, and trailing 0xFF of old boot ROMs",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await mkdir(join(root, "dir"));
    await writeFile(join(root, "dir", "ünï.bin"), "utf8");
    await writeFile(Buffer.concat([Buffer.from(`${root}/latin-`), Buffer.from([0xe9])]), "latin");
    await writeFile(join(root, "pxe.rom"), "rom");
    const { port } = await startServer(context, { root });
    const wanted: [Buffer, string][] = [
      [Buffer.from("dir\\ünï.bin"), "utf8"],
      [Buffer.from("/dir/./ünï.bin"), "utf8"],
      [Buffer.concat([Buffer.from("latin-"), Buffer.from([0xe9])]), "latin"],
      [Buffer.concat([Buffer.from("pxe.rom"), Buffer.from([0xff])]), "rom"],
    ];
    for (const [name, content] of wanted) {
      const client = await asker(context);
      const request = Buffer.concat([Buffer.from([0, 1]), name, Buffer.from("\0octet\0")]);
      const { bytes } = await client.ask(request, port);
      assert.equal(bytes.subarray(4).toString(), content);
    }
  },
);

test("a server on all addresses answers from the one that was asked", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), "abc");
  const { server, port } = await startServer(context, { root, host: "0.0.0.0" });
  assert.equal(server.address()?.address, "0.0.0.0");
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => entry.family === "IPv4")
    .map((entry) => entry.address);
  assert.ok(addresses.includes("127.0.0.1"));
  for (const address of addresses) {
    const socket = createSocket("udp4");
    context.after(() => socket.close());
    const answer = once(socket, "message");
    socket.send(Buffer.from("\0\x01f\0octet\0"), port, address);
    const [, from] = (await answer) as [Buffer, { address: string }];
    assert.equal(from.address, address);
  }
});

test("IPv6: a server on ::1 and a client that asks it", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), "abc");
  const { port } = await startServer(context, { root, host: "::1" });
  await createClient({ host: "0:0:0:0:0:0:0:1", port }).get("f", join(root, "got"));
  assert.equal(await readFile(join(root, "got"), "utf8"), "abc");
});

test(
  "transfers stay within portRange, and one beyond it is told to come back",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(2000));
    // Two ports that nobody has, below those that the kernel hands out; others may run this test as well.
    const first = 20_000 + 2 * (process.pid % 6_000);
    const { server, port } = await startServer(context, { root, portRange: { first, last: first + 1 } });
    server.on("request", (req) => req.on("error", () => undefined));
    const tids: number[] = [];
    for (let i = 0; i < 2; i++) {
      const client = await asker(context);
      const { port: tid } = await client.ask("\0\x01f\0octet\0", port);
      // A client that has answered does not give way.
      await client.ask("\0\x04\0\x01", tid);
      tids.push(tid);
    }
    assert.deepEqual(tids.sort(), [first, first + 1]);
    // It waits for a place first, as long as clients have patience.
    const refused = await (await asker(context)).ask("\0\x01f\0octet\0", port);
    assert.match(words(refused.bytes), /^5 0 Server busy/);
  },
);

test("at the limit, the oldest client that never answered gives way", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(2000));
  const { server, port } = await startServer(context, { root, maxTransfers: 2 });
  const failures: string[] = [];
  server.on("request", (req) => req.on("error", (error: Error) => failures.push(error.message)));
  const clients = [await asker(context), await asker(context), await asker(context)];
  for (const client of clients) assert.equal((await client.ask("\0\x01f\0octet\0", port)).bytes[1], 3);
  assert.deepEqual(failures, ["Superseded by another request"]);
  assert.equal(server.transferCount, 2);
});

test(
  "a file that shrinks, or is written to, while it is sent ends in an ERROR; one that is replaced goes on",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const size = 4_000_000;
    const { server, port } = await startServer(context, { root, windowSize: 1 });
    const change: Record<string, (path: string) => Promise<void>> = {
      truncated: (path) => truncate(path, 1_000_000),
      overwritten: (path) => writeFile(path, Buffer.alloc(size, "x")),
      replaced: async (path) => {
        await writeFile(`${path}.new`, "another");
        await rename(`${path}.new`, path);
      },
    };
    for (const [how, act] of Object.entries(change)) {
      const path = join(root, how);
      const content = sampleBytes(size);
      await writeFile(path, content);
      const failed = new Promise<Error>((resolve) =>
        server.once("request", (req) => req.once("error", resolve)),
      );
      const stream = createClient({ host: "127.0.0.1", port, windowSize: 1 }).createGetStream(how);
      // The ERROR may come before anybody reads.
      stream.on("error", () => undefined);
      await once(stream, "stats");
      await act(path);
      const chunks: Buffer[] = [];
      const outcome = await (async () => {
        for await (const chunk of stream) chunks.push(chunk as Buffer);
      })().then(
        () => "whole",
        (error: Error) => error.message,
      );
      const got = Buffer.concat(chunks);
      if (how === "replaced") {
        assert.equal(outcome, "whole");
        assert.ok(got.equals(content));
      } else {
        assert.equal(outcome, "(Server) I/O error", how);
        assert.ok(got.equals(content.subarray(0, got.length)), "what came is of the old file");
        assert.match((await failed).message, /while it was sent/);
      }
    }
  },
);

test(
  "an upload that does not fit on the disk is refused at the request: ERROR 3, nothing is left",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const { server, port } = await startServer(context, { root });
    server.on("request", (req) => req.on("error", () => undefined));
    const client = await asker(context);
    const { bytes } = await client.ask(`\0\x02up\0octet\0tsize\0${Number.MAX_SAFE_INTEGER}\0`, port);
    assert.match(words(bytes), /^5 3 Disk full/);
    const beyond = await (await asker(context)).ask("\0\x02up\0octet\0tsize\x009999999999999999999\0", port);
    assert.match(words(beyond.bytes), /^5 3 Disk full/);
    assert.deepEqual(readdirSync(root), []);
  },
);

test(
  "an upload appears whole: not before its end, and not at all when it is broken off",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const { server, port } = await startServer(context, { root });
    const over = new Promise((resolve) => server.once("request", (req) => req.once("error", resolve)));
    const client = await asker(context);
    const { port: tid } = await client.ask("\0\x02up\0octet\0", port);
    await client.ask(Buffer.concat([Buffer.from([0, 3, 0, 1]), Buffer.alloc(512)]), tid);
    assert.equal(existsSync(join(root, "up")), false);
    assert.equal(readdirSync(root).filter((name) => /^\.up\.[0-9a-f]+\.part$/.test(name)).length, 1);
    client.socket.send(Buffer.from("\0\x05\0\0stop\0"), tid, "127.0.0.1");
    await over;
    await eventually("nothing is left", () => readdirSync(root).length === 0);
  },
);

test(
  "a listener that thinks first may still hand a PUT to the default listener",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const content = sampleBytes(300_000);
    await writeFile(join(root, "mine"), content);
    const { port } = await startServer(context, { root }, function (req, res) {
      req.on("error", () => undefined);
      setTimeout(() => this.requestListener(req, res), 50);
    });
    await createClient({ host: "127.0.0.1", port }).put(join(root, "mine"), "stored");
    // The last ACK means stored: no wait.
    assert.ok((await readFile(join(root, "stored"))).equals(content));
  },
);

test("another listener reads along while the default listener stores", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const content = sampleBytes(50_000);
  await writeFile(join(root, "mine"), content);
  const { server, port } = await startServer(context, { root });
  const seen = new Promise<Buffer>((resolve) => {
    server.on("request", (req) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () => resolve(Buffer.concat(chunks)));
    });
  });
  await createClient({ host: "127.0.0.1", port }).put(join(root, "mine"), "stored");
  assert.ok((await seen).equals(content));
  assert.ok((await readFile(join(root, "stored"))).equals(content));
});

test(
  "close waits for running transfers, close with abort tells their clients",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(2000));
    const { server, port } = await startServer(context, { root });
    server.on("request", (req) => req.on("error", () => undefined));
    const client = await asker(context);
    assert.equal((await client.ask("\0\x01f\0octet\0", port)).bytes[1], 3);
    let drained = false;
    const closed = server.close().then(() => {
      drained = true;
    });
    await once(server, "close");
    assert.equal(drained, false);
    assert.equal(server.address(), null);
    const told = new Promise<Buffer>((resolve) => {
      client.socket.on("message", (bytes: Buffer) => {
        // DATA 1 may come again before.
        if (bytes[1] === 5) resolve(bytes);
      });
    });
    await server.close({ abort: true });
    assert.match(words(await told), /^5 0 The server is shutting down/);
    await closed;
  },
);

test("an unproven client gets at most three answers", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(2000));
  const { server, port } = await startServer(context, { root, timeout: 100, retries: 9 });
  const over = new Promise((resolve) => server.once("request", (req) => req.once("error", resolve)));
  const client = await asker(context);
  let answers = 0;
  client.socket.on("message", () => answers++);
  client.socket.send(Buffer.from("\0\x01f\0octet\0"), port, "127.0.0.1");
  await over;
  assert.equal(answers, 3);
});
