import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createClient } from "../../src/index.js";
import { ask } from "../helpers/asking.js";
import { type Run, start } from "../helpers/command.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { portOf } from "../helpers/processes.js";

const TIME_LIMIT = { timeout: 120_000 };
const BIG_BLOCKS = { blksize: "65464" };

/** `ntftp -l` on the loopback interface, with 2,000 bytes in `f`. */
async function served(context: TestContext, words: readonly string[], host = ["127.0.0.1:0"]) {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), sampleBytes(2000));
  const run: Run = start([...host, ...words, "-l", root]);
  context.after(() => run.child.kill("SIGKILL"));
  await run.until("(root:");
  return { root, run, port: await portOf(run.child) };
}

test(
  "several listen addresses, of both families, answer on one port from themselves",
  TIME_LIMIT,
  async (context) => {
    const words = ["--listen-address", "127.0.0.3", "--listen-address", "::1", "--port", "0"];
    const { port, run } = await served(context, words, ["127.0.0.2"]);
    for (const address of ["127.0.0.2", "127.0.0.3", "::1"]) {
      const { packet, from } = await ask({ port, address }, "f");
      assert.deepEqual([packet.kind, from.address], ["data", address]);
    }
    run.child.kill("SIGTERM");
    const { stdout, code } = await run.done;
    assert.match(
      stdout,
      new RegExp(`^Listening on 127.0.0.2:${port}, 127.0.0.3:${port}, \\[::1\\]:${port} \\(root`),
    );
    assert.equal(code, 0);
  },
);

test("without an address it is all of both families, with --ipv6-only one", TIME_LIMIT, async (context) => {
  const both = await served(context, ["--port", "0"], []);
  assert.equal((await ask({ port: both.port, address: "127.0.0.1" }, "f")).packet.kind, "data");
  assert.equal((await ask({ port: both.port, address: "::1" }, "f")).packet.kind, "data");
  const six = await served(context, ["--port", "0", "--ipv6-only"], []);
  assert.equal((await ask({ port: six.port, address: "::1" }, "f")).packet.kind, "data");
  // The port is free in the other family: somebody else can have it.
  const four = await served(context, [], [`0.0.0.0:${six.port}`]);
  assert.equal((await ask({ port: four.port, address: "127.0.0.1" }, "f")).packet.kind, "data");
});

test("an address that is taken or foreign is named, among several", TIME_LIMIT, async (context) => {
  const { root, port } = await served(context, []);
  const taken = await start(["-l", root, "--listen-address", "127.0.0.9", `127.0.0.1:${port}`]).done;
  assert.match(taken.stderr, new RegExp(`^Error: 127.0.0.1:${port} is in use by another program; .*\\n$`));
  const foreign = await start(["-l", root, "--listen-address", "203.0.113.1", "127.0.0.9:0"]).done;
  assert.deepEqual([foreign.code, foreign.stderr], [1, "Error: 203.0.113.1 is no address of this machine\n"]);
});

test("--port-range: transfers leave from its ports", TIME_LIMIT, async (context) => {
  const { port } = await served(context, ["--port-range", "42137-42139"]);
  for (let i = 0; i < 3; i++) {
    const { from } = await ask({ port }, "f");
    assert.ok(from.port >= 42137 && from.port <= 42139, `port ${from.port}`);
  }
});

for (const flag of ["--read-only", "--deny-put"]) {
  test(`${flag}: PUT is refused, GET is not`, TIME_LIMIT, async (context) => {
    const { port, root } = await served(context, [flag]);
    const { packet } = await ask({ port }, "new", {}, "PUT");
    assert.ok(packet.kind === "error");
    assert.deepEqual([packet.errorCode, packet.message], [2, "Cannot PUT files"]);
    assert.equal((await ask({ port }, "f")).packet.kind, "data");
    assert.deepEqual(readdirSync(root), ["f"]);
  });
}

test("--deny-get: GET is refused, PUT is not", TIME_LIMIT, async (context) => {
  const { port } = await served(context, ["--deny-get"]);
  const { packet } = await ask({ port }, "f");
  assert.ok(packet.kind === "error" && packet.errorCode === 2);
  assert.equal((await ask({ port }, "new", {}, "PUT")).packet.kind, "ack");
});

test("--blksize and --windowsize bound what is granted", TIME_LIMIT, async (context) => {
  const { port } = await served(context, ["--blksize", "1000", "--windowsize", "7"]);
  assert.deepEqual((await ask({ port }, "f", { blksize: "9000", windowsize: "64" })).options, {
    blksize: "1000",
    windowsize: "7",
  });
  assert.deepEqual((await ask({ port }, "f", { blksize: "600", windowsize: "3" })).options, {
    blksize: "600",
    windowsize: "3",
  });
});

test("--mtu: a block with its headers fits into a packet, by address family", TIME_LIMIT, async (context) => {
  const words = ["--listen-address", "::1", "--mtu", "1280", "--blksize", "8192"];
  const { port } = await served(context, words);
  const six = { port, address: "::1" };
  assert.deepEqual((await ask({ port }, "f", BIG_BLOCKS)).options, { blksize: "1248" });
  assert.deepEqual((await ask(six, "f", BIG_BLOCKS)).options, { blksize: "1228" });
  assert.deepEqual((await ask({ port }, "f", { blksize: "1000" })).options, { blksize: "1000" });
});

test("without --mtu Ethernet is assumed, unless --blksize says more", TIME_LIMIT, async (context) => {
  const usual = await served(context, ["--listen-address", "::1"]);
  assert.deepEqual((await ask({ port: usual.port }, "f", BIG_BLOCKS)).options, { blksize: "1468" });
  const six = await ask({ port: usual.port, address: "::1" }, "f", BIG_BLOCKS);
  assert.deepEqual(six.options, { blksize: "1448" });
  const more = await served(context, ["--listen-address", "::1", "--blksize", "8192"]);
  const large = await ask({ port: more.port, address: "::1" }, "f", BIG_BLOCKS);
  assert.deepEqual(large.options, { blksize: "8192" });
});

test(
  "--refuse: an option is as if it had not been sent, in any case, for GET and PUT",
  TIME_LIMIT,
  async (context) => {
    const { port, root } = await served(context, ["--refuse", "blksize", "--refuse", "TSIZE"]);
    const asked = { BlkSize: "1000", tsize: "0", windowsize: "2" };
    assert.deepEqual((await ask({ port }, "f", asked)).options, { windowsize: "2" });
    assert.equal((await ask({ port }, "f", { blksize: "1000" })).packet.kind, "data");
    assert.deepEqual((await ask({ port }, "p", { tsize: "5", windowsize: "2" }, "PUT")).options, {
      windowsize: "2",
    });
    await writeFile(join(root, "local"), sampleBytes(5000));
    const client = createClient({ host: "127.0.0.1", port });
    await client.put(join(root, "local"), "stored");
    assert.ok((await readFile(join(root, "stored"))).equals(sampleBytes(5000)));
  },
);

test(
  "--max-transfers and --max-queued-requests: one more is told to come again",
  TIME_LIMIT,
  async (context) => {
    const { port, root } = await served(context, ["--max-transfers", "1", "--max-queued-requests", "0"]);
    await writeFile(join(root, "large"), sampleBytes(3_000_000));
    const client = createClient({ host: "127.0.0.1", port, windowSize: 1, blockSize: 512 });
    const stream = client.createGetStream("large");
    await new Promise((resolve) => stream.once("data", resolve));
    const { packet } = await ask({ port }, "f");
    assert.ok(packet.kind === "error" && packet.message === "Server busy, try again later");
    stream.on("error", () => undefined);
    stream.destroy();
  },
);

test("names with backslashes are paths below the root, and can't leave it", TIME_LIMIT, async (context) => {
  const { port } = await served(context, []);
  assert.equal((await ask({ port }, "\\f")).packet.kind, "data");
  assert.equal((await ask({ port }, "\\x\\..\\f")).packet.kind, "data");
  const { packet } = await ask({ port }, "..\\f");
  assert.ok(packet.kind === "error" && packet.errorCode === 2);
});
