import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { NodeClock } from "../../src/io/node-clock.js";
import type { SocketFactory } from "../../src/io/socket.js";

const TIME_LIMIT = { timeout: 120_000 };

/** More than a socket of any kind takes in its first turn of the loop. */
const WAITING = 200;

/** Sockets and clock together: a thread that was busy hears everything before it acts on a time-out. */
export function testLateLoop(kind: string, factory: SocketFactory): void {
  test(`${kind}: a crowd that came to one port is heard before a time-out`, TIME_LIMIT, async () => {
    const clock = new NodeClock();
    let heard = 0;
    const socket = await factory.open(
      { address: "127.0.0.1", port: 0, receiveBufferBytes: 400_000, datagramBytes: 516 },
      { onDatagram: () => heard++, onError: (error) => assert.fail(error) },
    );
    const peer = createSocket("udp4");
    try {
      // Bound and with its queue at work: what follows is sent at once.
      await new Promise<void>((resolve) => peer.send("", socket.localPort, "127.0.0.1", () => resolve()));
      const woken = new Promise<number>((resolve) => clock.wakeAt(clock.nowMs() + 1, () => resolve(heard)));
      for (let i = 0; i < WAITING; i++) peer.send("late", socket.localPort, "127.0.0.1");
      for (const untilMs = clock.nowMs() + 5; clock.nowMs() < untilMs; );
      assert.equal(await woken, WAITING + 1);
    } finally {
      socket.close();
      peer.close();
    }
  });
}
