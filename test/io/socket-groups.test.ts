import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { dgramSockets } from "../../src/io/dgram-socket.js";
import { nativeBinding } from "../../src/io/native-binding.js";
import { NativeSockets } from "../../src/io/native-socket.js";
import type { SocketHandlers } from "../../src/io/socket.js";
import { eventually } from "../helpers/eventually.js";

const TIME_LIMIT = { timeout: 60_000 };

/** The addon closes at the end of a turn. */
const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const DEAF: SocketHandlers = { onDatagram: () => undefined, onError: () => undefined };

const { binding, reason } = nativeBinding();

test("the addon is here, or there is a reason why not", () => {
  if (process.env["NTFTP_NATIVE"] === "1") assert.ok(binding !== null, reason);
  assert.equal(dgramSockets.openGroup, undefined, "node:dgram has no groups");
});

if (binding !== null) {
  for (const address of ["127.0.0.1", "::1"]) {
    test(`a group keeps each peer on one member, whoever joins again (${address})`, TIME_LIMIT, async () => {
      const [holder, first, second] = [0, 1, 2].map(() => new NativeSockets(binding)) as [
        NativeSockets,
        NativeSockets,
        NativeSockets,
      ];
      const group = await holder.openGroup({ address, port: 0, datagramBytes: 1024 }, 2, {
        onDatagram: () => assert.fail("who holds a group hears nothing"),
        onError: () => undefined,
      });
      const { localPort: port } = group.socket;
      const heard: string[][] = [[], []];
      const joinAs = (index: number, factory: NativeSockets) =>
        factory.join(group.members[index] as (typeof group.members)[number], {
          onDatagram: (bytes, peer, local) => {
            assert.equal(local, address);
            heard[index]?.push(`${peer.port} ${bytes[0]}`);
          },
          onError: () => undefined,
        });
      const [one, other] = [joinAs(0, first), joinAs(1, second)];
      assert.deepEqual([one.localPort, one.localAddress], [port, address]);
      const clients = await Promise.all(
        Array.from({ length: 32 }, () => dgramSockets.open({ address, port: 0 }, DEAF)),
      );
      const total = (): number => heard.flat().length;
      const say = (word: number): void => {
        for (const client of clients) client.sendDatagram(Uint8Array.of(word), { address, port });
      };
      say(1);
      await eventually("32 datagrams", () => total() === 32);
      assert.ok(heard.every((list) => list.length > 0));
      const before = heard.map((list) => list.map((text) => text.split(" ")[0]).sort());

      // Nobody listens for a while: nothing is lost, and nobody is moved.
      one.close();
      say(2);
      await eventually("those of the other member", () => total() === 32 + (before[1]?.length ?? 0));
      const again = joinAs(0, second);
      await eventually("those that waited", () => total() === 64);
      for (const [index, list] of heard.entries()) {
        const words = list.filter((text) => text.endsWith(" 2")).map((text) => text.split(" ")[0]);
        assert.deepEqual(words.sort(), before[index]);
      }

      for (const socket of [again, other, ...clients]) socket.close();
      group.close();
      await endOfTurn();
      const next = await dgramSockets.open({ address, port }, DEAF);
      next.close();
    });
  }

  test("nobody else gets the port of a group, and a group gets nobody else's", TIME_LIMIT, async () => {
    const factory = new NativeSockets(binding);
    const group = await factory.openGroup({ address: "127.0.0.1", port: 0 }, 2, DEAF);
    const options = { address: "127.0.0.1", port: group.socket.localPort };
    await assert.rejects(factory.openGroup(options, 2, DEAF), { code: "EADDRINUSE" });
    await assert.rejects(factory.open(options, DEAF), { code: "EADDRINUSE" });
    await assert.rejects(dgramSockets.open(options, DEAF), { code: "EADDRINUSE" });
    // The holder sends from the port.
    const client = createSocket("udp4");
    client.bind(0, "127.0.0.1");
    await once(client, "listening");
    group.socket.sendDatagram(Uint8Array.of(7), { address: "127.0.0.1", port: client.address().port });
    const [bytes, from] = await once(client, "message");
    assert.deepEqual([bytes[0], from.port], [7, options.port]);
    client.close();
    group.close();
    await endOfTurn();

    const taken = await dgramSockets.open(options, DEAF);
    const before = readdirSync("/proc/self/fd").length;
    await assert.rejects(factory.openGroup(options, 2, DEAF), { code: "EADDRINUSE" });
    assert.equal(readdirSync("/proc/self/fd").length, before, "nothing is left of the attempt");
    taken.close();
  });

  test("who joins a group that was closed meanwhile is refused", TIME_LIMIT, async () => {
    const factory = new NativeSockets(binding);
    const group = await factory.openGroup({ address: "127.0.0.1", port: 0 }, 1, DEAF);
    const [member] = group.members;
    assert.ok(member !== undefined);
    group.close();
    await endOfTurn();
    assert.throws(() => factory.join(member, DEAF), /EBADF/);
    // The number may be any file's by then, or another socket's.
    assert.throws(() => factory.join({ ...member, descriptor: 1 }, DEAF), /ENOTSOCK|EPROTOTYPE/);
    const other = await factory.openGroup({ address: "127.0.0.1", port: 0 }, 1, DEAF);
    const [wrong] = other.members;
    assert.throws(() => factory.join({ ...member, descriptor: wrong?.descriptor ?? 0 }, DEAF), /EBADF/);
    other.close();
  });
}
