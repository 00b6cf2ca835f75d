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
import { receiveBufferFor, receivingOptions } from "../../src/io/socket.js";
import { testLateLoop } from "./late-loop.js";
import { testSocketContract } from "./socket-contract.js";

const TIME_LIMIT = { timeout: 120_000 };

testSocketContract("dgram to dgram", dgramSockets, dgramSockets);
testLateLoop("dgram", dgramSockets);

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

test("a socket is made for what will arrive at it", () => {
  const acks = { receiveBufferBytes: 0, datagramBytes: 516, receivesWindows: false };
  assert.deepEqual(receivingOptions(null), acks);
  const lockStep = { receiveBufferBytes: 0, datagramBytes: 1472, receivesWindows: false };
  assert.deepEqual(receivingOptions({ blockSize: 1468, windowSize: 1 }), lockStep);
  const windows = { receiveBufferBytes: 1468 * 64 * 4, datagramBytes: 1472, receivesWindows: true };
  assert.deepEqual(receivingOptions({ blockSize: 1468, windowSize: 64 }), windows);
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
