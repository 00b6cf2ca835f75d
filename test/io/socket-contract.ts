import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  DatagramSocket,
  OpenSocketOptions,
  Peer,
  SocketFactory,
  SocketHandlers,
} from "../../src/io/socket.js";

const TIME_LIMIT = { timeout: 120_000 };

/** Far more datagrams one by one than make a transfer a long one. */
const LONG_ROUNDS = 400;

/** Between two of a stranger's: enough of them to make it one. */
const ROUNDS_AMONG_PEERS = 100;

/** Around the sizes up to which a block is copied before it is sent. */
const BLOCK_SIZES = [1, 512, 1428, 1531, 1532, 1533, 2047, 2048, 2049, 8192];

/** A datagram as it arrived; the bytes are a copy. */
interface Arrived {
  readonly bytes: number[];
  readonly peer: Peer;
  readonly localAddress: string;
}

/** Keeps what arrives for whoever waits for it. */
function inbox(): { handlers: SocketHandlers; next: () => Promise<Arrived>; errors: Error[] } {
  const waiting: ((datagram: Arrived) => void)[] = [];
  const came: Arrived[] = [];
  const errors: Error[] = [];
  const onDatagram = (bytes: Uint8Array, peer: Peer, localAddress: string): void => {
    const arrived = { bytes: [...bytes], peer, localAddress };
    const take = waiting.shift();
    if (take === undefined) came.push(arrived);
    else take(arrived);
  };
  const next = (): Promise<Arrived> => {
    const first = came.shift();
    return first === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(first);
  };
  return { handlers: { onDatagram, onError: (error) => errors.push(error) }, next, errors };
}

/** A bound socket and what comes to it. */
async function bind(factory: SocketFactory, options: Partial<OpenSocketOptions> = {}) {
  const address = options.address ?? "127.0.0.1";
  const { handlers, next, errors } = inbox();
  const socket: DatagramSocket = await factory.open(
    { port: 0, receiveBufferBytes: 400_000, ...options, address },
    handlers,
  );
  return { socket, next, errors, peer: { address, port: socket.localPort } };
}

/** A face of a socket for one peer, and what comes to it. */
function flowTo(socket: DatagramSocket, peer: Peer) {
  const { handlers, next } = inbox();
  return { flow: socket.openFlow(peer, handlers), next };
}

/** What every kind of socket promises; `names` says which two kinds talk to each other. */
export function testSocketContract(names: string, here: SocketFactory, there: SocketFactory): void {
  for (const address of ["127.0.0.1", "::1"]) {
    test(
      `${names}: datagrams and runs arrive in order, headers count up (${address})`,
      TIME_LIMIT,
      async () => {
        const [a, b] = [await bind(here, { address }), await bind(there, { address })];
        assert.equal(a.socket.localAddress, address);
        a.socket.setPeer(b.peer);
        const memory = Uint8Array.from([0, 1, 2, 3, 4, 5, 0]);
        const run = { opcode: 3, firstNumber: 0xfffd, count: 3, payloadBytesEach: 2 };
        a.socket.sendDatagram(Uint8Array.of(9), b.peer);
        a.socket.sendRun({ ...run, payload: { memory, offset: 1, length: 5 } });
        a.socket.sendRun({ ...run, firstNumber: 7, count: 1, payload: { memory, offset: 0, length: 0 } });
        const expected = [
          [9],
          [0, 3, 255, 253, 1, 2],
          [0, 3, 255, 254, 3, 4],
          [0, 3, 255, 255, 5],
          [0, 3, 0, 7],
        ];
        for (const bytes of expected) {
          const arrived = await b.next();
          assert.deepEqual(arrived.bytes, bytes);
          assert.deepEqual([arrived.peer.address, arrived.peer.port], [address, a.socket.localPort]);
          assert.equal(arrived.localAddress, address);
        }
        a.socket.close();
        a.socket.close();
        a.socket.sendDatagram(Uint8Array.of(1), b.peer);
        a.socket.sendRun({ ...run, payload: { memory, offset: 1, length: 5 } });
        a.socket.setReferenced(true);
        b.socket.close();
      },
    );

    test(`${names}: single blocks of any size arrive with their bytes (${address})`, TIME_LIMIT, async () => {
      const [a, b] = [await bind(here, { address }), await bind(there, { address })];
      a.socket.setPeer(b.peer);
      // The first ones leave from a new socket, the last ones in a long conversation.
      for (let round = 0; round < ROUNDS_AMONG_PEERS + BLOCK_SIZES.length; round++) {
        const length = BLOCK_SIZES[round % BLOCK_SIZES.length] as number;
        const memory = Uint8Array.from({ length: length + 1 }, (_, at) => (at * 7 + round) & 255);
        const payload = { memory, offset: 1, length };
        a.socket.sendRun({ opcode: 3, firstNumber: round, count: 1, payloadBytesEach: length, payload });
        assert.deepEqual((await b.next()).bytes, [0, 3, 0, round, ...memory.subarray(1)]);
        b.socket.sendDatagram(Uint8Array.of(round), a.peer);
        await a.next();
      }
      for (const { socket } of [a, b]) socket.close();
    });

    for (const datagramBytes of [0, 100]) {
      const sizes = datagramBytes === 0 ? "of any size" : "of few bytes";
      const title = `${names}: a long conversation, one datagram ${sizes} at a time: strangers are heard, the peer may change`;
      test(`${title} (${address})`, TIME_LIMIT, async () => {
        const [a, b, c] = [
          await bind(here, { address, datagramBytes }),
          await bind(there, { address, datagramBytes }),
          await bind(there, { address, datagramBytes }),
        ];
        const say = async (from: typeof a, to: typeof a, byte: number): Promise<void> => {
          from.socket.sendDatagram(Uint8Array.of(byte), to.peer);
          const { bytes, peer } = await to.next();
          assert.deepEqual([bytes, peer.address, peer.port], [[byte & 255], address, from.socket.localPort]);
        };
        for (const [peer, stranger] of [
          [b, c],
          [c, b],
        ] as const) {
          a.socket.setPeer(peer.peer);
          for (let round = 0; round < LONG_ROUNDS; round++) {
            a.socket.sendDatagram(Uint8Array.of(round), peer.peer);
            assert.deepEqual((await peer.next()).bytes, [round & 255]);
            await say(peer, a, round);
            if (round % ROUNDS_AMONG_PEERS > 0) continue;
            await say(stranger, a, round);
            await say(a, stranger, round);
          }
        }
        assert.deepEqual([...a.errors, ...b.errors, ...c.errors], []);
        for (const { socket } of [a, b, c]) socket.close();
      });
    }
  }

  test(`${names}: what was sent before a close still leaves`, TIME_LIMIT, async () => {
    const [a, b] = [await bind(here), await bind(there)];
    a.socket.sendDatagram(Uint8Array.of(1, 2, 3, 4, 5), b.peer);
    a.socket.close();
    assert.deepEqual((await b.next()).bytes, [1, 2, 3, 4, 5]);
    b.socket.close();
  });

  test(
    `${names}: the peer that was set comes as that very object, others as another`,
    TIME_LIMIT,
    async () => {
      const [a, b, c] = [await bind(here), await bind(there), await bind(there)];
      a.socket.setPeer(b.peer);
      b.socket.sendDatagram(Uint8Array.of(1), a.peer);
      assert.equal((await a.next()).peer, b.peer);
      c.socket.sendDatagram(Uint8Array.of(2), a.peer);
      const stranger = (await a.next()).peer;
      assert.deepEqual({ ...stranger }, c.peer);
      // It is answered without becoming the peer.
      a.socket.sendDatagram(Uint8Array.of(3), stranger);
      assert.deepEqual((await c.next()).bytes, [3]);
      a.socket.setPeer(c.peer);
      c.socket.sendDatagram(Uint8Array.of(4), a.peer);
      assert.equal((await a.next()).peer, c.peer);
      for (const { socket } of [a, b, c]) socket.close();
    },
  );

  for (const receiving of [{}, { datagramBytes: 65_468 }, { datagramBytes: 65_468, receivesWindows: true }]) {
    const how = Object.keys(receiving).join(", ") || "one by one";
    test(`${names}: empty, large and many datagrams come whole (${how})`, TIME_LIMIT, async () => {
      const [a, b] = [await bind(here), await bind(there, { receiveBufferBytes: 4_000_000, ...receiving })];
      const large = Uint8Array.from({ length: 65_468 }, (_, i) => i % 251);
      a.socket.sendDatagram(new Uint8Array(0), b.peer);
      a.socket.sendDatagram(Uint8Array.from(large), b.peer);
      assert.deepEqual((await b.next()).bytes, []);
      assert.deepEqual((await b.next()).bytes, [...large]);
      a.socket.setPeer(b.peer);
      const count = 100;
      const memory = Uint8Array.from({ length: count * 1428 - 9 }, (_, i) => (i * 7) % 253);
      const payload = { memory, offset: 0, length: memory.length };
      a.socket.sendRun({ opcode: 3, firstNumber: 1, count, payloadBytesEach: 1428, payload });
      for (let i = 0; i < count; i++) {
        const { bytes } = await b.next();
        assert.deepEqual(bytes, [0, 3, 0, i + 1, ...memory.subarray(i * 1428, (i + 1) * 1428)]);
      }
      a.socket.close();
      b.socket.close();
    });
  }

  test(`${names}: of a datagram that is too large, so much comes that it shows`, TIME_LIMIT, async () => {
    const [a, b] = [await bind(here), await bind(there, { datagramBytes: 516 })];
    a.socket.sendDatagram(new Uint8Array(600).fill(7), b.peer);
    a.socket.sendDatagram(new Uint8Array(516).fill(8), b.peer);
    const { bytes } = await b.next();
    assert.ok(bytes.length > 516 && bytes.length <= 600, `${bytes.length} bytes`);
    assert.deepEqual((await b.next()).bytes, new Array(516).fill(8));
    a.socket.close();
    b.socket.close();
  });

  test(`${names}: a taken port is EADDRINUSE, a range is used up port by port`, TIME_LIMIT, async () => {
    const handlers = { onDatagram: () => undefined, onError: () => undefined };
    const { socket } = await bind(here);
    const taken = { address: "127.0.0.1", port: socket.localPort };
    await assert.rejects(there.open(taken, handlers), { code: "EADDRINUSE", port: socket.localPort });
    socket.close();
    const range = { address: "127.0.0.1", port: { first: 20_200, last: 20_202 } };
    const sockets = [];
    for (let i = 0; i < 3; i++) sockets.push(await here.open(range, handlers));
    assert.deepEqual(sockets.map((open) => open.localPort).sort(), [20_200, 20_201, 20_202]);
    await assert.rejects(there.open(range, handlers), { code: "EADDRINUSE" });
    for (const open of sockets) open.close();
  });

  test(
    `${names}: flows share a port, each hears its peer alone, and a closed one leaves the others`,
    TIME_LIMIT,
    async () => {
      const [shared, a, b, stranger] = [
        await bind(here),
        await bind(there),
        await bind(there),
        await bind(there),
      ];
      const [toA, toB] = [flowTo(shared.socket, a.peer), flowTo(shared.socket, b.peer)];
      assert.equal(toA.flow.localPort, shared.socket.localPort);
      b.socket.sendDatagram(Uint8Array.of(2), shared.peer);
      a.socket.sendDatagram(Uint8Array.of(1), shared.peer);
      stranger.socket.sendDatagram(Uint8Array.of(3), shared.peer);
      assert.deepEqual(await toA.next(), { bytes: [1], peer: a.peer, localAddress: "127.0.0.1" });
      assert.deepEqual((await toB.next()).bytes, [2]);
      assert.deepEqual((await shared.next()).bytes, [3]);
      const payload = { memory: Uint8Array.of(7, 8, 9), offset: 0, length: 3 };
      toA.flow.sendRun({ opcode: 3, firstNumber: 1, count: 2, payloadBytesEach: 2, payload });
      toB.flow.sendDatagram(Uint8Array.of(5), b.peer);
      assert.deepEqual((await a.next()).bytes, [0, 3, 0, 1, 7, 8]);
      assert.deepEqual((await a.next()).bytes, [0, 3, 0, 2, 9]);
      assert.deepEqual(await b.next(), { bytes: [5], peer: shared.peer, localAddress: "127.0.0.1" });
      toA.flow.close();
      toA.flow.close();
      a.socket.sendDatagram(Uint8Array.of(4), shared.peer);
      assert.deepEqual((await shared.next()).bytes, [4]);
      b.socket.sendDatagram(Uint8Array.of(6), shared.peer);
      assert.deepEqual((await toB.next()).bytes, [6]);
      // A newer flow to the same peer takes its place; the older one's close does not end it.
      const newer = flowTo(shared.socket, b.peer);
      toB.flow.close();
      b.socket.sendDatagram(Uint8Array.of(7), shared.peer);
      assert.deepEqual((await newer.next()).bytes, [7]);
      for (const { socket } of [shared, a, b, stranger]) socket.close();
    },
  );

  test(`${names}: what can't be sent at all is reported, and the socket lives`, TIME_LIMIT, async () => {
    let report: (error: Error) => void = () => undefined;
    const reported = new Promise<Error>((resolve) => {
      report = resolve;
    });
    const handlers = { onDatagram: () => undefined, onError: report };
    const socket = await here.open({ address: "127.0.0.1", port: 0 }, handlers);
    const b = await bind(there);
    socket.setPeer(b.peer);
    socket.sendDatagram(new Uint8Array(70_000), b.peer);
    assert.equal(((await reported) as NodeJS.ErrnoException).code, "EMSGSIZE");
    socket.sendDatagram(Uint8Array.of(1), b.peer);
    assert.deepEqual((await b.next()).bytes, [1]);
    socket.close();
    b.socket.close();
  });
}
