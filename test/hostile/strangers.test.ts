import assert from "node:assert/strict";
import { test } from "node:test";
import { fixtureRoot } from "./support/fixture.js";
import { openPeer, QUIET_MS } from "./support/peer.js";
import { type Case, runCases } from "./support/script.js";
import { sharedSubject } from "./support/subject.js";
import { describe } from "./support/wire.js";

/* Packets from others, packets that came twice, and clients that fall silent. */

const subject = sharedSubject(async () => ({ root: await fixtureRoot(), options: ["--json"] }));

const FOREIGN = "/^ERROR 5 ./";

const STRANGERS: readonly Case[] = [
  ...[
    "ACK 1",
    "DATA 1 512",
    "OACK blksize 8",
    "RRQ tiny octet",
    "WRQ up-x octet",
    "HEX ",
    "HEX 00",
    "HEX ffffffff",
  ].map((packet) => ({
    name: `'${packet}' of a stranger gets ERROR 5, the GET goes on`,
    of: "RFC 1350 §4",
    script: [
      "> RRQ f octet",
      "< DATA 1 512",
      `stranger> ${packet}`,
      `stranger< ${FOREIGN}`,
      "stranger< nothing",
      "> ACK 1",
      "< /^DATA [12] /",
    ],
  })),
  ...["ERROR 0 stop", "ERROR 5 Unknown transfer ID", "HEX 0005", "HEX 00050000"].map((packet) => ({
    name: `'${packet}' of a stranger is not answered, the GET goes on`,
    of: "CVE-2024-2169",
    script: [
      "> RRQ f octet tsize 0",
      "< OACK tsize=1000",
      `stranger> ${packet}`,
      "stranger< nothing",
      "> ACK 0",
      "< DATA 1 512",
    ],
  })),
  {
    name: "a stranger's DATA is not stored, the PUT goes on",
    of: "RFC 1350 §4, node-tftp B29",
    script: [
      "> WRQ up-mine octet",
      "< ACK 0",
      "stranger> DATA 1 512",
      `stranger< ${FOREIGN}`,
      "> DATA 1 3",
      "< ACK 1",
    ],
  },
  {
    name: "a stranger's ERROR does not end an upload",
    of: "node-tftp B11",
    script: [
      "> WRQ up-mine2 octet",
      "< ACK 0",
      "stranger> ERROR 0 stop",
      "stranger< nothing",
      "> DATA 1 3",
      "< ACK 1",
    ],
  },
];

runCases("strangers", STRANGERS, subject);

test("a repeated ACK sends nothing in lock-step: not one DATA more in 200 blocks [RFC 1123 §4.2.3.1]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  const peer = await openPeer(context, server);
  peer.send("RRQ long octet timeout 5");
  await peer.expect("OACK timeout=5");
  peer.send("ACK 0");
  peer.send("ACK 0");
  let expected = 1;
  let extra = 0;
  const blocks = Math.floor(100_000 / 512) + 1;
  let slowest = 0;
  let before = performance.now();
  while (expected <= blocks) {
    const received = await peer.next();
    assert.ok(received !== null, `block ${expected} came`);
    slowest = Math.max(slowest, received.atMs - before);
    before = performance.now();
    if (received.bytes.readUInt16BE(2) !== expected) extra++;
    else {
      for (let copy = 0; copy < 3; copy++) peer.send(`ACK ${expected}`);
      expected++;
    }
  }
  // A pause of this machine may let a time-out pass: one DATA each, never one per duplicate.
  assert.ok(extra <= (slowest < 20 ? 0 : 5), `${extra} DATA too many`);
});

test("copies of the ACK of a window add no more than a twentieth [RFC 7440 §4]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  const peer = await openPeer(context, server);
  peer.send("RRQ big octet windowsize 4 blksize 512 timeout 5");
  await peer.expect(/^OACK /);
  peer.send("ACK 0");
  const blocks = Math.floor(2_000_000 / 512) + 1;
  let last = 0;
  let data = 0;
  while (last < blocks) {
    const received = await peer.next();
    assert.ok(received !== null, `block ${last + 1} came`);
    data++;
    const number = received.bytes.readUInt16BE(2);
    if (number !== last + 1) continue;
    last++;
    if (last % 4 === 0 || last === blocks) for (let copy = 0; copy < 3; copy++) peer.send(`ACK ${last}`);
  }
  assert.ok(data <= blocks * 1.05 + 4, `${data} DATA for ${blocks} blocks`);
});

for (const { what, request, first, limit } of [
  { what: "without options", request: "RRQ f octet", first: "DATA 1 512", limit: 3 * 516 },
  {
    what: "with options: an OACK each",
    request: "RRQ f octet blksize 1468 tsize 0",
    first: "OACK blksize=1468 tsize=1000",
    limit: 150,
  },
  { what: "that uploads", request: "WRQ up-never octet", first: "ACK 0", limit: 12 },
  {
    what: "that uploads with options",
    request: "WRQ up-never2 octet blksize 1468",
    first: "OACK blksize=1468",
    limit: 100,
  },
]) {
  test(`a client that never answers, ${what}, gets three transmissions with growing pauses [reliability 5]`, {
    timeout: 120_000,
  }, async (context) => {
    const server = await subject();
    const peer = await openPeer(context, server);
    peer.send(request);
    // The give-up comes after 12 s at the latest, and brings nothing more.
    for (;;) if ((await peer.next(14_000)) === null) break;
    const heard = peer.all.map(({ bytes }) => describe(bytes));
    assert.ok(heard.length >= 2 && heard.length <= 3, heard.join(", "));
    assert.deepEqual(new Set(heard), new Set([first]));
    const bytes = peer.all.reduce((sum, received) => sum + received.bytes.length, 0);
    assert.ok(bytes <= limit, `${bytes} bytes`);
    const pauses = peer.all.slice(1).map(({ atMs }, index) => atMs - (peer.all[index]?.atMs ?? 0));
    assert.ok((pauses[0] ?? 0) >= 700, `first pause ${pauses[0]} ms`);
    if (pauses.length > 1) assert.ok((pauses[1] ?? 0) >= 1.5 * (pauses[0] ?? 0), `pauses ${pauses} ms`);
  });
}

for (const { what, script, awaited } of [
  { what: "GET", script: ["RRQ long octet", "ACK 1"], awaited: "DATA 2 512" },
  {
    what: "GET with a time-out of 1 s",
    script: ["RRQ long octet timeout 1", "ACK 0"],
    awaited: "DATA 1 512",
  },
  { what: "PUT", script: ["WRQ up-silent octet", "DATA 1 512"], awaited: "ACK 1" },
]) {
  test(`a proven client that falls silent in its ${what} gets six transmissions at most, within 31 s [reliability 7]`, {
    timeout: 120_000,
  }, async (context) => {
    const server = await subject();
    const peer = await openPeer(context, server);
    for (const line of script) {
      peer.send(line);
      await peer.next();
    }
    peer.skip();
    const from = performance.now();
    for (;;) if ((await peer.next(14_000)) === null) break;
    const again = peer.all.filter(({ bytes }) => describe(bytes) === awaited);
    assert.ok(again.length >= 2, `${awaited} was repeated`);
    assert.ok(again.length <= 6, `${again.length} times ${awaited}`);
    assert.ok(peer.all.every(({ atMs }) => atMs - from < 31_000));
  });
}

test("silence between blocks does not add up: progress resets the count [reliability 7]", {
  timeout: 120_000,
}, async (context) => {
  const server = await subject();
  const peer = await openPeer(context, server);
  peer.send("RRQ long octet timeout 1");
  await peer.expect("OACK timeout=1");
  for (let block = 0; block < 8; block++) {
    peer.send(`ACK ${block}`);
    await peer.expect(`DATA ${block + 1} 512`);
    // Long enough for repetitions.
    await peer.next(QUIET_MS);
    peer.skip();
  }
  peer.send("ACK 8");
  for (let heard = ""; heard !== "DATA 9 512"; ) {
    heard = await peer.hear();
    assert.match(heard, /^DATA [89] 512$/);
  }
});

test("a thousand strangers' packets to one transfer: at most 64 answers, and it goes on [reliability 3, 4]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  const peer = await openPeer(context, server);
  peer.send("RRQ f octet timeout 5");
  await peer.expect("OACK timeout=5");
  const stranger = await openPeer(context, server);
  for (let i = 0; i < 1000; i++) {
    stranger.send("ACK 0", peer.tid);
    if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
  }
  // Behind a thousand packets an ACK may find no room, and an OACK may have come again meanwhile.
  const repeating = setInterval(() => peer.send("ACK 0"), 200);
  peer.send("ACK 0");
  await peer.expectNext("DATA 1 512");
  clearInterval(repeating);
  peer.send("ACK 1");
  await peer.expectNext("DATA 2 488");
  while ((await stranger.next(QUIET_MS)) !== null);
  assert.ok(stranger.all.length >= 1 && stranger.all.length <= 64, `${stranger.all.length} answers`);
  assert.ok(stranger.all.every(({ bytes }) => describe(bytes).startsWith("ERROR 5 ")));
});

test("a scan of the ports of running transfers disturbs none of them [reliability 3]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  const peers = await Promise.all(Array.from({ length: 20 }, () => openPeer(context, server)));
  for (const peer of peers) {
    peer.send("RRQ f octet timeout 5");
    await peer.expect("OACK timeout=5");
  }
  const scanner = await openPeer(context, server);
  // The clients are on this machine, too.
  const notServers = new Set(peers.map(({ port }) => port));
  for (const { tid } of peers) {
    for (let port = tid - 5; port <= tid + 5; port++) {
      if (port > 0 && port < 65_536 && !notServers.has(port))
        for (const packet of ["ACK 0", "ERROR 0 x", "HEX ", "DATA 1 512"]) scanner.send(packet, port);
    }
  }
  for (const peer of peers) {
    peer.send("ACK 0");
    await peer.expect("DATA 1 512");
    peer.send("ACK 1");
    await peer.expect("DATA 2 488");
    peer.send("ACK 2");
  }
  server.assertAlive();
});

test("transfer ports are no sequence that can be guessed [RFC 1350 §4: chosen at random]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  const tids: number[] = [];
  for (let i = 0; i < 20; i++) {
    const peer = await openPeer(context, server);
    peer.send("RRQ tiny octet");
    await peer.expect("DATA 1 5");
    peer.send("ACK 1");
    tids.push(peer.tid);
  }
  assert.ok(new Set(tids).size >= 15, "a port of its own for each transfer");
  const steps = tids.slice(1).map((tid, index) => Math.abs(tid - (tids[index] ?? 0)));
  assert.ok(steps.filter((step) => step <= 2).length < 10, `steps ${steps}`);
  assert.ok(tids.every((tid) => tid !== server.port));
});
