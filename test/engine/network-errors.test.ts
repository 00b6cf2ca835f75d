import assert from "node:assert/strict";
import { test } from "node:test";
import { ack, client, data, oack, type Script, server } from "./script.js";

const GONE = Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" });
const UNREACHABLE = Object.assign(new Error("network is unreachable"), { code: "ENETUNREACH" });

function networkError(script: Script, cause: Error, peerIsGone: boolean): string[] {
  script.transfer.handleNetworkError(cause, peerIsGone, script.nowMs);
  return script.drain();
}

test("a request that can't leave ends the transfer at once and in silence", () => {
  const script = client("GET");
  script.start();
  assert.deepEqual(networkError(script, UNREACHABLE, false), ["failed network", "ended"]);
  assert.deepEqual(networkError(script, UNREACHABLE, false), []);
});

test("a peer that is said to be gone has 250 ms to show that it is not", () => {
  const script = client("GET");
  script.start();
  assert.deepEqual(networkError(script, GONE, true), []);
  script.pass(100);
  assert.deepEqual(networkError(script, GONE, true), []);
  assert.equal(script.waitsMs, 150);
  assert.deepEqual(script.timeout(), ["failed network", "ended"]);

  const alive = client("GET");
  alive.start();
  networkError(alive, GONE, true);
  alive.receive(oack("blksize=8 windowsize=1"));
  assert.deepEqual([alive.timeout(), alive.timeout()], [["ACK 0"], ["ACK 0"]]);
});

test("a network that goes away in mid-transfer is waited for", () => {
  const script = client("GET");
  script.start();
  script.receive(oack("blksize=8 windowsize=1"));
  assert.deepEqual(networkError(script, UNREACHABLE, false), []);
  assert.deepEqual(script.receive(data(1, "12345678")), ["write 12345678", "ACK 1"]);
});

test("a peer that is gone ends the transfer, but not the file that it has whole", () => {
  const middle = server("GET", "blksize=8 windowsize=1");
  middle.accept(16);
  middle.available(16);
  middle.receive(ack(0));
  assert.deepEqual(networkError(middle, GONE, true), []);
  let out: string[] = [];
  while (!out.includes("ended")) out = middle.timeout();
  assert.deepEqual([out, middle.nowMs], [["failed network", "ended"], 1250]);

  const last = server("GET", "blksize=8 windowsize=1");
  last.accept(4);
  last.available(4);
  assert.deepEqual(last.receive(ack(0)), ["DATA 1"]);
  assert.deepEqual(networkError(last, GONE, true), ["completed, last ACK missing", "ended"]);
});

test("a peer that is gone while its last ACK is kept for repetition is no failure", () => {
  const script = client("GET");
  script.start();
  script.receive(oack("blksize=8 windowsize=1"), data(1, "end"));
  assert.deepEqual(script.store({ kind: "finished" }), ["ACK 1", "completed"]);
  assert.deepEqual(networkError(script, GONE, true), ["ended"]);
});
