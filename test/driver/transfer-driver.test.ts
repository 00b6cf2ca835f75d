import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerQueue } from "../../src/driver/timer-queue.js";
import { TransferDriver, type TransferHandlers } from "../../src/driver/transfer-driver.js";
import { decode, encodeData, encodeError, encodeOack, Transfer } from "../../src/engine/index.js";
import type { Peer } from "../../src/io/socket.js";
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
  const sent: { bytes: Uint8Array; peer: Peer }[] = [];
  driver.bind({
    localAddress: "10.0.0.2",
    localPort: 6000,
    setPeer: () => undefined,
    sendRun: () => undefined,
    sendDatagram: (bytes, peer) => sent.push({ bytes, peer }),
    openFlow: () => assert.fail(),
    close: () => undefined,
    setReferenced: () => undefined,
  });
  driver.start();
  sent.length = 0;
  const words = () =>
    sent.splice(0).map((item) => {
      const packet = decode(item.bytes);
      return `${packet.kind} ${packet.kind === "ack" ? packet.wireBlock : ""} to ${item.peer.port}`;
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
  assert.throws(() => driver.onDatagram(oack, SERVER), /a bug/);
  driver.onDatagram(encodeData(1, Buffer.from("12345678")), SERVER);
  assert.ok(words().includes("ack 1 to 5000"));
});

test("the first valid answer settles the TID; strangers get ERROR 5, 64 at most, and no ERROR for an ERROR", () => {
  const written: string[] = [];
  const { driver, words } = driverFor({});
  driver.setSink(sinkInto(written));
  driver.onDatagram(encodeData(7, Buffer.from("junk")), { ...SERVER, port: 4999 });
  assert.deepEqual([driver.peer.port, words()], [69, []]);
  driver.onDatagram(encodeOack([{ name: "blksize", value: "8" }]), SERVER);
  assert.deepEqual([driver.peer.port, words()], [5000, ["ack 0 to 5000"]]);
  for (const stranger of [
    { ...SERVER, port: 4999 },
    { address: "10.0.0.66", port: 5000 },
  ]) {
    driver.onDatagram(encodeData(1, Buffer.from("evil....")), stranger);
    assert.deepEqual(words(), [`error  to ${stranger.port}`]);
    driver.onDatagram(encodeError(0, "x"), stranger);
    assert.deepEqual(words(), []);
  }
  for (let i = 0; i < 100; i++) driver.onDatagram(new Uint8Array(9), { ...SERVER, port: 1 });
  assert.equal(words().length, 62);
  driver.onDatagram(encodeData(1, Buffer.from("good")), SERVER);
  assert.deepEqual(written, ["good"]);
});

test("a closed driver says and does nothing more", () => {
  const { driver, words } = driverFor({ onFailed: () => assert.fail(), onEnded: () => assert.fail() });
  driver.close();
  driver.close();
  driver.abort(0, "x");
  driver.onDatagram(encodeError(1, "x"), SERVER);
  assert.deepEqual(words(), []);
});
