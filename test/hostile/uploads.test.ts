import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { openPeer, type Peer } from "./support/peer.js";
import { launch, startSubject, until } from "./support/subject.js";
import { packet, payload } from "./support/wire.js";

/* An upload is all or nothing; who may upload what [reliability 11, 12, 13]. */

const TIME_LIMIT = { timeout: 120_000 };

/** Only the given names may be left, apart from what is removed in the background. */
async function assertLeft(root: string, ...names: string[]): Promise<void> {
  const left = () => readdirSync(root).sort().join();
  await until(`only ${names} are left`, () => left() === names.sort().join()).catch(() =>
    assert.equal(left(), names.join()),
  );
}

/** Sends whole blocks from `first` on, each after the ACK of the one before. */
async function sendBlocks(peer: Peer, first: number, count: number): Promise<void> {
  for (let block = first; block < first + count; block++) {
    peer.send(`DATA ${block} 512`);
    await peer.expect(`ACK ${block}`);
  }
}

test(
  "an upload appears when its last block came, and is there when the last ACK is",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "up"), "old");
    const server = await startSubject(context, { root });
    const peer = await openPeer(context, server);
    peer.send("WRQ up octet");
    await peer.expect("ACK 0");
    await sendBlocks(peer, 1, 20);
    assert.equal(readFileSync(join(root, "up"), "utf8"), "old");
    peer.send("DATA 21 7");
    await peer.expect("ACK 21");
    const wanted = Buffer.concat(Array.from({ length: 21 }, (_, i) => payload(i + 1, i < 20 ? 512 : 7)));
    assert.ok(readFileSync(join(root, "up")).equals(wanted));
    await assertLeft(root, "up");
  },
);

for (const { how, end } of [
  { how: "an ERROR of the client", end: (peer: Peer) => peer.send("ERROR 0 stop") },
  { how: "the client's silence", end: () => undefined },
  { how: "a block that is too long", end: (peer: Peer) => peer.send("DATA 4 513") },
]) {
  test(
    `an upload broken off by ${how} leaves the old file whole, and nothing else`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      await writeFile(join(root, "up"), "old");
      const server = await startSubject(context, { root, options: ["--timeout", "500"] });
      const peer = await openPeer(context, server);
      peer.send("WRQ up octet");
      await peer.expect("ACK 0");
      await sendBlocks(peer, 1, 3);
      assert.equal(readdirSync(root).length, 2);
      end(peer);
      await assertLeft(root, "up");
      assert.equal(readFileSync(join(root, "up"), "utf8"), "old");
      server.assertAlive();
    },
  );
}

test("two uploads of one name at a time: one of them, whole", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const server = await startSubject(context, { root });
  const [first, second] = [await openPeer(context, server), await openPeer(context, server)];
  first.send("WRQ up octet");
  await first.expect("ACK 0");
  await sendBlocks(first, 1, 1);
  second.send("WRQ up octet");
  const heard = await second.hear();
  if (heard === "ACK 0") {
    second.send(Buffer.concat([packet("DATA 1 0"), Buffer.from("second")]));
    await second.expect("ACK 1");
  } else assert.match(heard, /^ERROR \d ./);
  first.send(Buffer.concat([packet("DATA 2 0"), Buffer.from("first")]));
  await first.expect("ACK 2");
  const content = readFileSync(join(root, "up"), "latin1");
  assert.ok(content === "second" || content === `${payload(1, 512)}first`);
  await assertLeft(root, "up");
});

test(
  "SIGKILL during an upload leaves the old file whole; the next start sweeps the rest",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await mkdir(join(root, "deep"));
    await writeFile(join(root, "deep", "up"), "old");
    const server = await startSubject(context, { root });
    const peer = await openPeer(context, server);
    peer.send("WRQ deep/up octet");
    await peer.expect("ACK 0");
    await sendBlocks(peer, 1, 3);
    server.signal("SIGKILL");
    await server.ended();
    assert.equal(readFileSync(join(root, "deep", "up"), "utf8"), "old");
    const [part = "", ...others] = readdirSync(join(root, "deep")).filter((name) => name !== "up");
    assert.match(part, /^\.up\.[0-9a-f]{32}\.part$/);
    assert.deepEqual(others, []);

    // What looks alike but is not a killed server's stays.
    const alike = [".up.0123456789abcdef.part", "up.part", ".x.part", `${part}.txt`];
    for (const name of alike) await writeFile(join(root, "deep", name), "keep");
    const ofOthers = part.replace(/\.[0-9a-f]{8}/, ".00000000");
    await writeFile(join(root, "deep", ofOthers), "another machine's");
    const forsaken = part.replace(/\.[0-9a-f]{8}/, ".11111111");
    await writeFile(join(root, "deep", forsaken), "another machine's, long ago");
    utimesSync(join(root, "deep", forsaken), 0, 0);
    const again = await startSubject(context, { root });
    await assertLeft(join(root, "deep"), "up", ofOthers, ...alike);
    again.assertAlive();
  },
);

test("the sweep of one server leaves the uploads of another alone", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const server = await startSubject(context, { root });
  const peer = await openPeer(context, server);
  peer.send("WRQ up octet");
  await peer.expect("ACK 0");
  await sendBlocks(peer, 1, 3);
  const other = await startSubject(context, { root });
  // It has served a request, so it has come past its start.
  const late = await openPeer(context, other);
  late.send("RRQ none octet");
  await late.expect(/^ERROR 1 /);
  // The other one took its time to start: ACK 3 has been repeated.
  peer.send("DATA 4 5");
  await peer.expectLater("ACK 4", /^ACK 3$/);
  assert.equal(statSync(join(root, "up")).size, 3 * 512 + 5);
});

test("names of uploads under way can be neither read nor written", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const name = `.up.${"0123456789abcdef".repeat(2)}.part`;
  await writeFile(join(root, name), "half");
  utimesSync(join(root, name), new Date(), new Date());
  const server = await startSubject(context, { root });
  for (const kind of ["RRQ", "WRQ"]) {
    const peer = await openPeer(context, server);
    peer.send(`${kind} ${name} octet`);
    await peer.expect(/^ERROR 2 ./);
  }
});

test(
  "--max-upload: more is ERROR 3, with tsize at the request, else when it comes",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const server = await startSubject(context, { root, options: ["--max-upload", "1000"] });
    const told = await openPeer(context, server);
    told.send("WRQ up octet tsize 1001");
    await told.expect(/^ERROR 3 ./);
    const untold = await openPeer(context, server);
    untold.send("WRQ up octet");
    await untold.expect("ACK 0");
    await sendBlocks(untold, 1, 1);
    untold.send("DATA 2 512");
    await untold.expectLater(/^ERROR 3 ./, /^ACK 2$/);
    await assertLeft(root);
    const fitting = await openPeer(context, server);
    fitting.send("WRQ up octet tsize 1000");
    await fitting.expect("OACK tsize=1000");
    await sendBlocks(fitting, 1, 1);
    fitting.send("DATA 2 488");
    await fitting.expect("ACK 2");
    await assertLeft(root, "up");
  },
);

test(
  "--no-overwrite: what is there stays, ERROR 6; also what came during the upload",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "old"), "old");
    const server = await startSubject(context, { root, options: ["--no-overwrite"] });
    const refused = await openPeer(context, server);
    refused.send("WRQ old octet");
    await refused.expect("ERROR 6 File already exists");
    const late = await openPeer(context, server);
    late.send("WRQ new octet");
    await late.expect("ACK 0");
    await writeFile(join(root, "new"), "somebody else's");
    late.send("DATA 1 5");
    await late.expect("ERROR 6 File already exists");
    assert.equal(readFileSync(join(root, "new"), "utf8"), "somebody else's");
    await assertLeft(root, "new", "old");
  },
);

test(
  "--no-create: only files that are there can be written, as in.tftpd has it",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "old"), "old");
    const server = await startSubject(context, { root, options: ["--no-create"] });
    const refused = await openPeer(context, server);
    refused.send("WRQ new octet");
    await refused.expect("ERROR 1 File not found");
    const taken = await openPeer(context, server);
    taken.send("WRQ old octet");
    await taken.expect("ACK 0");
    taken.send("DATA 1 2");
    await taken.expect("ACK 1");
    assert.equal(readFileSync(join(root, "old"), "utf8"), "bb");
    await assertLeft(root, "old");
  },
);

test(
  "--no-create with --no-overwrite is refused at the start: it would be --deny-put",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const child = launch({ root, options: ["--no-create", "--no-overwrite"] });
    let text = "";
    child.stderr?.on("data", (chunk) => {
      text += chunk;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    assert.notEqual(code, 0);
    assert.match(text, /denyPUT|--deny-put/);
  },
);

test("--deny-put and --deny-get: ERROR 2, whatever is named", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "f"), "abc");
  const server = await startSubject(context, { root, options: ["--deny-put", "--deny-get"] });
  for (const request of [
    "WRQ f octet",
    "WRQ new octet",
    "RRQ f octet",
    "RRQ ../f octet",
    "RRQ none octet tsize 0",
  ]) {
    const peer = await openPeer(context, server);
    peer.send(request);
    await peer.expect(/^ERROR 2 ./);
  }
  await assertLeft(root, "f");
});

test("the mode of a replaced file stays", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "up"), sampleBytes(10));
  await chmod(join(root, "up"), 0o640);
  const server = await startSubject(context, { root });
  const peer = await openPeer(context, server);
  peer.send("WRQ up octet");
  await peer.expect("ACK 0");
  peer.send("DATA 1 3");
  await peer.expect("ACK 1");
  assert.equal(statSync(join(root, "up")).mode & 0o777, 0o640);
});

test(
  "a directory that goes away during an upload: an ERROR, no litter, the next transfer is fine",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await mkdir(join(root, "dir"));
    const server = await startSubject(context, { root });
    const peer = await openPeer(context, server);
    peer.send("WRQ dir/up octet");
    await peer.expect("ACK 0");
    await sendBlocks(peer, 1, 3);
    await rm(join(root, "dir"), { recursive: true });
    peer.send("DATA 4 5");
    await peer.expect(/^ERROR [0-3] ./);
    assert.equal(existsSync(join(root, "dir")), false);
    const next = await openPeer(context, server);
    next.send("WRQ up octet");
    await next.expect("ACK 0");
    next.send("DATA 1 5");
    await next.expect("ACK 1");
    await assertLeft(root, "up");
  },
);

test(
  "a rename that is refused, as a directory took the name: an ERROR, no litter",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    const server = await startSubject(context, { root });
    const peer = await openPeer(context, server);
    peer.send("WRQ up octet");
    await peer.expect("ACK 0");
    await sendBlocks(peer, 1, 3);
    await mkdir(join(root, "up"));
    peer.send("DATA 4 5");
    await peer.expect(/^ERROR [0-6] ./);
    await assertLeft(root, "up");
    assert.ok(statSync(join(root, "up")).isDirectory());
    server.assertAlive();
  },
);
