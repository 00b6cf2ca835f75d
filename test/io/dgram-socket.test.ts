import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalAddress,
  formatEndpoint,
  isUnspecified,
  localAddresses,
  reachableAddress,
} from "../../src/io/address.js";
import { dgramSockets } from "../../src/io/dgram-socket.js";
import { NodeClock } from "../../src/io/node-clock.js";
import { type DatagramSocket, type Incoming, receiveBufferFor } from "../../src/io/socket.js";

const TIME_LIMIT = { timeout: 10_000 };

/** A bound socket and what comes to it. */
async function bound(address = "127.0.0.1") {
  const waiting: ((datagram: Incoming) => void)[] = [];
  const came: Incoming[] = [];
  const socket: DatagramSocket = await dgramSockets.open(
    { address, port: 0, receiveBufferBytes: 200_000 },
    {
      onDatagrams: (batch) => {
        for (const datagram of batch) {
          const take = waiting.shift();
          if (take === undefined) came.push(datagram);
          else take(datagram);
        }
      },
      onError: (error) => assert.fail(error),
    },
  );
  const next = (): Promise<Incoming> => {
    const first = came.shift();
    return first === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(first);
  };
  return { socket, next, peer: { address, port: socket.localPort } };
}

for (const address of ["127.0.0.1", "::1"]) {
  test(
    `datagrams and runs arrive in order, with headers that count up (${address})`,
    TIME_LIMIT,
    async () => {
      const [a, b] = [await bound(address), await bound(address)];
      assert.equal(a.socket.localAddress, address);
      const payload = Uint8Array.from([1, 2, 3, 4, 5]);
      a.socket.send([
        { kind: "datagram", peer: b.peer, bytes: Uint8Array.of(9) },
        { kind: "run", peer: b.peer, opcode: 3, firstNumber: 0xfffd, count: 3, payloadBytesEach: 2, payload },
        {
          kind: "run",
          peer: b.peer,
          opcode: 3,
          firstNumber: 7,
          count: 1,
          payloadBytesEach: 2,
          payload: new Uint8Array(0),
        },
      ]);
      const expected = [
        [9],
        [0, 3, 255, 253, 1, 2],
        [0, 3, 255, 254, 3, 4],
        [0, 3, 255, 255, 5],
        [0, 3, 0, 7],
      ];
      for (const bytes of expected) {
        const { bytes: got, peer } = await b.next();
        assert.deepEqual([...got], bytes);
        assert.deepEqual([peer.address, peer.port], [address, a.socket.localPort]);
      }
      a.socket.close();
      a.socket.close();
      a.socket.send([{ kind: "datagram", peer: b.peer, bytes: Uint8Array.of(1) }]);
      a.socket.setReferenced(true);
      b.socket.close();
    },
  );
}

test("a taken port is EADDRINUSE, a range is used up port by port", TIME_LIMIT, async () => {
  const handlers = { onDatagrams: () => undefined, onError: () => undefined };
  const { socket } = await bound();
  const taken = { address: "127.0.0.1", port: socket.localPort };
  await assert.rejects(dgramSockets.open(taken, handlers), { code: "EADDRINUSE" });
  socket.close();
  const range = { address: "127.0.0.1", port: { first: 20_200, last: 20_202 } };
  const sockets = [];
  for (let i = 0; i < 3; i++) sockets.push(await dgramSockets.open(range, handlers));
  assert.deepEqual(sockets.map((open) => open.localPort).sort(), [20_200, 20_201, 20_202]);
  await assert.rejects(dgramSockets.open(range, handlers), { code: "EADDRINUSE" });
  for (const open of sockets) open.close();
});

test("what can't be sent at all is reported, and the socket lives", TIME_LIMIT, async () => {
  const reported = new Promise<Error>((resolve) => {
    dgramSockets
      .open({ address: "127.0.0.1", port: 0 }, { onDatagrams: () => undefined, onError: resolve })
      .then((socket) => {
        socket.send([
          { kind: "datagram", peer: { address: "127.0.0.1", port: 9 }, bytes: new Uint8Array(70_000) },
        ]);
        reported.then(() => socket.close());
      });
  });
  assert.equal(((await reported) as NodeJS.ErrnoException).code, "EMSGSIZE");
});

test("addresses have one spelling, and the unspecified one leads to this machine", () => {
  assert.equal(canonicalAddress("0:0:0:0:0:0:0:1"), "::1");
  assert.equal(canonicalAddress("FE80::0001%eth0"), "fe80::1%eth0");
  assert.equal(canonicalAddress("127.0.0.1"), "127.0.0.1");
  assert.deepEqual(["0.0.0.0", "::", "::1"].map(reachableAddress), ["127.0.0.1", "::1", "::1"]);
  assert.deepEqual(["0:0:0:0:0:0:0:0", "0.0.0.0", "127.0.0.1"].map(isUnspecified), [true, true, false]);
  assert.ok(localAddresses(4).includes("127.0.0.1"));
  assert.ok(localAddresses(6).every((address) => address.includes(":")));
  assert.equal(formatEndpoint("::1", 69), "[::1]:69");
});

test("receive buffers are asked for only where a window needs them", () => {
  assert.equal(receiveBufferFor(1468, 4), 0);
  assert.equal(receiveBufferFor(1468, 64), 1468 * 64 * 4);
  assert.equal(receiveBufferFor(65_464, 65_535), 4_194_304);
});

test(
  "the clock wakes at the newest request, not before, and not when it was cancelled",
  TIME_LIMIT,
  async () => {
    const clock = new NodeClock();
    // Its timer keeps no process alive, so something else has to.
    const alive = setInterval(() => undefined, 1000);
    const startedMs = clock.nowMs();
    await new Promise<void>((resolve) => {
      clock.wakeAt(startedMs + 5, () => assert.fail("replaced"));
      clock.wakeAt(startedMs + 40, resolve);
    });
    assert.ok(clock.nowMs() - startedMs >= 40);
    clock.wakeAt(clock.nowMs() + 5, () => assert.fail("cancelled"));
    clock.wakeAt(Number.POSITIVE_INFINITY, () => assert.fail("never"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    clearInterval(alive);
  },
);
