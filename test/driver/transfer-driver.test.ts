import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerQueue } from "../../src/driver/timer-queue.js";
import { TransferDriver, type TransferHandlers } from "../../src/driver/transfer-driver.js";
import { decode, encodeData, encodeError, encodeOack, Transfer } from "../../src/engine/index.js";
import type { Outgoing } from "../../src/io/socket.js";
import type { BlockSink } from "../../src/io/storage.js";

const SERVER = { address: "10.0.0.1", port: 5000 };

/** A client's driver that has sent its request, with what goes out of its socket. */
function driverFor(handlers: Partial<TransferHandlers>) {
  const clock = { nowMs: () => 0, wakeAt: () => undefined };
  const options = [{ name: "blksize", value: "8" }];
  const config = {
    role: "client",
    method: "GET",
    mode: "octet",
    timeoutMs: 1000,
    retries: 1,
    putBytes: 0,
  } as const;
  const driver = new TransferDriver({
    transfer: new Transfer({ ...config, request: Uint8Array.of(0, 1), options }),
    clock,
    timers: new TimerQueue(clock),
    peer: { address: SERVER.address, port: 69 },
    tidIsOpen: true,
    handlers: {
      onCompleted: () => undefined,
      onFailed: () => undefined,
      onEnded: () => undefined,
      ...handlers,
    },
  });
  const sent: Outgoing[] = [];
  driver.bind({
    localAddress: "10.0.0.2",
    localPort: 6000,
    send: (batch) => sent.push(...batch),
    close: () => undefined,
    setReferenced: () => undefined,
  });
  driver.start();
  sent.length = 0;
  const words = () =>
    sent.splice(0).map((item) => {
      const packet = item.kind === "datagram" ? decode(item.bytes) : null;
      return `${packet?.kind} ${packet?.kind === "ack" ? packet.wireBlock : ""} to ${item.peer.port}`;
    });
  return { driver, words };
}

function sinkInto(written: string[]): BlockSink {
  return {
    attach: () => undefined,
    write: (bytes) => {
      written.push(Buffer.from(bytes).toString());
      return true;
    },
    finish: () => undefined,
    discard: () => undefined,
  };
}

test("an application that throws in a handler does not leave its transfer deaf", () => {
  const { driver, words } = driverFor({
    onNegotiated: () => {
      throw new Error("a bug of the application");
    },
  });
  driver.setSink(sinkInto([]));
  const oack = encodeOack([{ name: "blksize", value: "8" }]);
  assert.throws(() => driver.onDatagrams([{ bytes: oack, peer: SERVER }]), /a bug/);
  driver.onDatagrams([{ bytes: encodeData(1, Buffer.from("12345678")), peer: SERVER }]);
  assert.ok(words().includes("ack 1 to 5000"));
});

test("the first valid answer settles the TID; strangers get ERROR 5, 64 at most, and no ERROR for an ERROR", () => {
  const written: string[] = [];
  const { driver, words } = driverFor({});
  driver.setSink(sinkInto(written));
  driver.onDatagrams([{ bytes: encodeData(7, Buffer.from("junk")), peer: { ...SERVER, port: 4999 } }]);
  assert.deepEqual([driver.peer.port, words()], [69, []]);
  driver.onDatagrams([{ bytes: encodeOack([{ name: "blksize", value: "8" }]), peer: SERVER }]);
  assert.deepEqual([driver.peer.port, words()], [5000, ["ack 0 to 5000"]]);
  for (const stranger of [
    { ...SERVER, port: 4999 },
    { address: "10.0.0.66", port: 5000 },
  ]) {
    driver.onDatagrams([{ bytes: encodeData(1, Buffer.from("evil....")), peer: stranger }]);
    assert.deepEqual(words(), [`error  to ${stranger.port}`]);
    driver.onDatagrams([{ bytes: encodeError(0, "x"), peer: stranger }]);
    assert.deepEqual(words(), []);
  }
  for (let i = 0; i < 100; i++)
    driver.onDatagrams([{ bytes: new Uint8Array(9), peer: { ...SERVER, port: 1 } }]);
  assert.equal(words().length, 62);
  driver.onDatagrams([{ bytes: encodeData(1, Buffer.from("good")), peer: SERVER }]);
  assert.deepEqual(written, ["good"]);
});

test("a closed driver says and does nothing more", () => {
  const { driver, words } = driverFor({ onFailed: () => assert.fail(), onEnded: () => assert.fail() });
  driver.close();
  driver.close();
  driver.abort(0, "x");
  driver.onDatagrams([{ bytes: encodeError(1, "x"), peer: SERVER }]);
  assert.deepEqual(words(), []);
});
