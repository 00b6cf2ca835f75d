import assert from "node:assert/strict";
import { test } from "node:test";
import { ack, client, data, error, oack, options, server } from "./script.js";

test("a client's GET: request, OACK, ACK 0, and the parameters before any data", () => {
  const script = client("GET");
  assert.deepEqual(script.start(), ["GET file blksize=8 timeout=1 windowsize=4 rollover=0 tsize=0 x=1"]);
  const out = script.receive(oack("blksize=8 windowsize=2 tsize=3"));
  assert.deepEqual(out, ["ACK 0", "answered", "negotiated 8x2 size 3"]);
  assert.equal(script.transfer.proven, true);
});

test("a server without options starts with DATA 1, in blocks of 512 bytes", () => {
  const script = client("GET");
  script.start();
  const out = script.receive(data(1, "abc"));
  assert.deepEqual(out, ["write abc", "finish", "answered", "negotiated 512x1 size null"]);
});

test("a client's PUT: WRQ, OACK, DATA; or ACK 0 from a server without options", () => {
  const withOptions = client("PUT", { putBytes: 20 });
  withOptions.start();
  withOptions.available(20);
  assert.deepEqual(withOptions.receive(oack("blksize=8 windowsize=4 tsize=20")), [
    "DATA 1..3",
    "answered",
    "negotiated 8x4 size 20",
  ]);
  const plain = client("PUT", { putBytes: 20 });
  plain.start();
  plain.available(20);
  assert.deepEqual(plain.receive(ack(0)), ["DATA 1", "answered", "negotiated 512x1 size null"]);
});

test("a repeated OACK gets ACK 0 again as long as no data came, and nothing after", () => {
  const script = client("GET");
  script.start();
  script.receive(oack("blksize=8 windowsize=2"));
  assert.deepEqual(script.receive(oack("blksize=8 windowsize=2")), ["ACK 0"]);
  script.receive(data(1, "12345678"));
  assert.deepEqual(script.receive(oack("blksize=8 windowsize=2")), []);
});

test("a repeated OACK changes nothing for a client that sends", () => {
  const script = client("PUT", { putBytes: 4 });
  script.start();
  script.available(4);
  script.receive(oack("blksize=8"));
  assert.deepEqual(script.receive(oack("blksize=8")), []);
});

test("an OACK with more than was asked is refused with ERROR 8", () => {
  const script = client("GET");
  script.start();
  const out = script.receive(oack("blksize=9"));
  assert.deepEqual(out, [
    "ERROR 8 The request has been denied",
    "answered",
    "failed violation EDENY",
    "ended",
  ]);
});

test("an OACK for a request without options is refused", () => {
  const script = client("GET", { plain: true });
  script.start();
  assert.ok(script.receive(oack("blksize=8")).includes("failed violation EDENY"));
});

test("a PUT over 32 MiB to a server without options is EFBIG, as it may not roll over", () => {
  const script = client("PUT", { putBytes: 33_553_921 });
  script.start();
  assert.ok(script.receive(ack(0)).includes("failed violation EFBIG"));
  const fits = client("PUT", { putBytes: 33_553_920 });
  fits.start();
  assert.ok(fits.receive(ack(0)).includes("negotiated 512x1 size null"));
});

test("nonsense as the first answer is overlooked when a good answer follows", () => {
  const script = client("GET");
  script.start();
  const junk = [data(2, "x"), ack(0), new Uint8Array([9]), Uint8Array.of(0, 9, 0, 0), Uint8Array.of(0, 0)];
  assert.deepEqual(script.receive(...junk), []);
  assert.equal(script.transfer.counters.junkReceived, junk.length);
  assert.ok(script.receive(oack("blksize=8")).includes("negotiated 8x1 size null"));
});

test("nonsense as the only answer ends the transfer at the first time-out", () => {
  for (const [junk, name] of [
    [data(2, "x"), "EBADMSG"],
    [Uint8Array.of(3), "EBADMSG"],
    [ack(0), "EBADOP"],
    [Uint8Array.of(0, 77), "EBADOP"],
  ] as const) {
    const script = client("GET");
    script.start();
    script.receive(junk);
    assert.ok(script.timeout().includes(`failed violation ${name}`), name);
  }
  const put = client("PUT");
  put.start();
  put.receive(ack(3));
  assert.ok(put.timeout().includes("failed violation EBADMSG"));
});

test("an ERROR before anything else says that no data has moved", () => {
  const script = client("GET");
  script.start();
  assert.deepEqual(script.receive(error(1, "none")), [
    "answered",
    "failed peer-error 1 none before data",
    "ended",
  ]);
});

test("the request is sent 1 + retries times, one time-out apart, and given up after as many", () => {
  const script = client("GET");
  const request = script.start();
  const startedMs = script.nowMs;
  for (const atMs of [1000, 2000, 3000]) {
    assert.deepEqual(script.timeout(), request);
    assert.equal(script.nowMs - startedMs, atMs);
  }
  assert.deepEqual(script.timeout(), ["failed timeout", "ended"]);
  assert.equal(script.nowMs - startedMs, 4000);
});

test("a server's GET: OACK, ACK 0, then DATA and never before", () => {
  const script = server("GET", "blksize=8 windowsize=2 tsize=0");
  assert.deepEqual(script.accept(20), ["OACK blksize=8 windowsize=2 tsize=20"]);
  assert.deepEqual(script.available(20), []);
  assert.deepEqual(script.receive(ack(1)), [], "an ACK of something else opens nothing");
  assert.deepEqual(script.receive(data(1, "x")), [], "nor does DATA");
  assert.deepEqual(script.receive(ack(0)), ["DATA 1..2"]);
});

test("a server's PUT: OACK or ACK 0, then DATA 1 begins", () => {
  const script = server("PUT", "blksize=8 tsize=3");
  assert.deepEqual(script.accept(), ["OACK blksize=8 tsize=3"]);
  assert.deepEqual(script.receive(ack(0)), []);
  assert.deepEqual(script.receive(data(1, "abc")), ["write abc", "finish"]);
  const plain = server("PUT", "");
  assert.deepEqual(plain.accept(), ["ACK 0"]);
  assert.deepEqual(plain.receive(data(1, "abc")), ["write abc", "finish"]);
});

test("netascii leaves tsize out of a GET's OACK, as the translated size is unknown", () => {
  const script = server("GET", "tsize=0", { mode: "netascii" });
  script.available(3);
  assert.deepEqual(script.accept(3), ["DATA 1"]);
});

test("a client that never answers costs three transmissions at most, 1 and 2 s apart", () => {
  const script = server("GET", "blksize=8");
  const startedMs = script.nowMs;
  assert.deepEqual(script.accept(5), ["OACK blksize=8"]);
  assert.deepEqual(script.timeout(), ["OACK blksize=8"]);
  assert.equal(script.nowMs - startedMs, 1000);
  assert.deepEqual(script.timeout(), ["OACK blksize=8"]);
  assert.equal(script.nowMs - startedMs, 3000);
  assert.deepEqual(script.timeout(), ["failed timeout", "ended"]);
  assert.equal(script.nowMs - startedMs, 12_000);
});

test("curl's upload is asked for DATA 1 by ACK 0, as a second OACK costs it a block", () => {
  const script = server("PUT", "tsize=8 blksize=8 timeout=6");
  const oacked = script.accept();
  assert.deepEqual(oacked, ["OACK tsize=8 blksize=8 timeout=6"]);
  assert.equal(script.waitsMs, 8_500, "the client's repetition of its request comes first");
  assert.deepEqual(script.pass(900).repeatRequest(), [], "doubled by the network");
  assert.deepEqual(script.pass(6_100).repeatRequest(), oacked);
  assert.equal(script.waitsMs, 8_500);
  assert.deepEqual(script.timeout(), ["ACK 0"]);
  assert.deepEqual(script.receive(data(1, "12345678")), ["write 12345678", "ACK 1"]);
  assert.equal(script.waitsMs, 1_000, "from here on it is a transfer like others");
});

test("curl's upload has as much time for its first answer as any", () => {
  const script = server("PUT", "tsize=8 blksize=8 timeout=6");
  const startedMs = script.nowMs;
  script.accept();
  assert.deepEqual([script.timeout(), script.timeout()], [["ACK 0"], ["ACK 0"]]);
  assert.deepEqual(script.timeout(), ["failed timeout", "ended"]);
  assert.equal(script.nowMs - startedMs, 24_000);
});

test("ACK 0 comes at once where curl goes on alike without an OACK, in blocks of 512 bytes", () => {
  const script = server("PUT", "tsize=8 blksize=512 timeout=6", { mode: "netascii" });
  script.accept();
  assert.equal(script.waitsMs, 1_000);
  assert.deepEqual(script.timeout(), ["ACK 0"]);
});

test("behind ACK 0, a block of 512 bytes is not taken for a file whose size nobody knows", () => {
  const begin = (requested: string, mode: "octet" | "netascii" = "octet") => {
    const script = server("PUT", requested, { mode });
    script.accept();
    assert.deepEqual(script.timeout(), ["ACK 0"]);
    return script;
  };
  const block = data(1, new Uint8Array(512).fill(0x61));
  const refused = ["ERROR 3 Disk full or allocation exceeded", "failed violation ESIZE", "ended"];
  assert.deepEqual(begin("tsize=0 blksize=1000 timeout=6").receive(block), refused);
  assert.deepEqual(begin("tsize=512 blksize=1000 timeout=6", "netascii").receive(block), refused);
  assert.equal(begin("tsize=512 blksize=1000 timeout=6").receive(block).at(-1), "finish");
  const other = begin("tsize=0 blksize=1000 timeout=6").receive(data(1, "any"));
  assert.deepEqual(other, ["write any", "finish"], "an announced 0 is no size");
  const unreminded = server("PUT", "tsize=0 blksize=1000 timeout=6");
  assert.deepEqual(unreminded.accept(), ["OACK tsize=0 blksize=1000 timeout=6"]);
  assert.equal(unreminded.receive(block).at(-1), "finish");
});

test("two DATA 1 that differ end an upload of curl's where no size tells that a block is missing", () => {
  const begin = (requested: string) => {
    const script = server("PUT", requested);
    script.accept();
    script.receive(data(1, "12345678"));
    return script;
  };
  const refused = ["ERROR 3 Disk full or allocation exceeded", "failed violation ESIZE", "ended"];
  const piped = begin("tsize=0 blksize=8 timeout=6");
  assert.deepEqual(piped.receive(data(1, "12345678")), [], "a copy");
  assert.deepEqual(piped.receive(data(1, "abcdefgh")), refused);
  const short = begin("tsize=0 blksize=9 timeout=6");
  assert.deepEqual(short.receive(data(1, "")), [], "nothing can be missing");
  const announced = begin("tsize=24 blksize=8 timeout=6");
  assert.deepEqual(announced.receive(data(1, "abcdefgh")), [], "its size will tell");
  const long = begin("tsize=0 blksize=8 timeout=6");
  for (let block = 2; block <= 1_001; block++) long.receive(data(block, "12345678"));
  assert.deepEqual(long.receive(data(1, "abcdefgh")), [], "perhaps another block's number");
});

test("a copy of the newest block of curl's is an echo for a second, and gets no ACK", () => {
  const script = server("PUT", "tsize=24 blksize=8 timeout=6");
  script.accept();
  assert.deepEqual(script.receive(data(1, "12345678")), ["write 12345678", "ACK 1"]);
  assert.deepEqual(script.pass(999).receive(data(1, "12345678")), []);
  assert.deepEqual(script.pass(1).receive(data(1, "12345678")), ["ACK 1"]);
});

test("the same holds for DATA 1 and for ACK 0 without options", () => {
  for (const [method, first] of [
    ["GET", "DATA 1"],
    ["PUT", "ACK 0"],
  ] as const) {
    const script = server(method, "");
    script.available(5);
    assert.deepEqual(script.accept(5), [first]);
    assert.deepEqual(script.timeout(), [first]);
    assert.deepEqual(script.timeout(), [first]);
    assert.deepEqual(script.timeout(), ["failed timeout", "ended"]);
  }
});

test("a repeated request gets the first answer again, until the client has answered", () => {
  const script = server("GET", "blksize=8");
  assert.deepEqual(script.repeatRequest(), [], "nothing was answered yet");
  script.accept(20);
  assert.deepEqual(script.repeatRequest(), ["OACK blksize=8"]);
  script.available(20);
  script.receive(ack(0));
  assert.deepEqual(script.repeatRequest(), []);
  const plainGet = server("GET", "");
  plainGet.available(3);
  plainGet.accept(3);
  assert.deepEqual(plainGet.repeatRequest(), ["DATA 1"]);
  const plainPut = server("PUT", "");
  plainPut.accept();
  assert.deepEqual(plainPut.repeatRequest(), ["ACK 0"]);
});

test("a negotiated time-out replaces the server's own", () => {
  const script = server("GET", "timeout=1 blksize=8", { timeoutMs: 9000 });
  const startedMs = script.nowMs;
  script.accept(5);
  script.timeout();
  script.timeout();
  assert.deepEqual(script.timeout(), ["failed timeout", "ended"]);
  assert.equal(script.nowMs - startedMs, 4000);
});

test("a shorter time-out from the server replaces the client's", () => {
  const asked = options("timeout=9");
  const script = client("GET", { options: asked, timeoutMs: 9000 });
  script.start();
  script.receive(oack("timeout=2"));
  assert.ok(script.waitsMs <= 2000);
});

test("abort ends a transfer in every state with one ERROR, and only once", () => {
  const told = ["ERROR 0 stop", "failed aborted stop", "ended"];
  const requesting = client("GET");
  requesting.start();
  assert.deepEqual(requesting.abort(0, "stop"), told);
  assert.deepEqual(requesting.abort(0, "stop"), []);
  const offered = server("GET", "");
  assert.deepEqual(offered.abort(0, "stop"), told);
  assert.deepEqual(offered.accept(5), []);
  assert.deepEqual(offered.receive(ack(0)), []);
  assert.deepEqual(offered.repeatRequest(), []);
  assert.equal(offered.transfer.ended, true);
  const greeting = server("GET", "blksize=8");
  greeting.accept(5);
  assert.deepEqual(greeting.abort(0, "stop"), told);
  assert.equal(greeting.transfer.pollTimeout(), Number.POSITIVE_INFINITY);
});

test("what comes before a request was answered by its owner is not looked at", () => {
  const script = server("GET", "");
  assert.deepEqual(script.receive(ack(0), error(0, "x")), []);
});

test("parameters are there from the start on a server, after negotiation on a client", () => {
  assert.equal(server("GET", "blksize=9").transfer.parameters.blockSize, 9);
  assert.throws(() => client("GET").transfer.parameters, /after negotiation/);
});

test("starting twice or accepting twice is a programming error", () => {
  const script = server("PUT", "");
  script.accept();
  assert.throws(() => script.accept(), /once/);
  assert.throws(() => script.start(), /client/);
});

test("an ERROR that breaks off is not answered either", () => {
  const script = client("GET");
  script.start();
  script.receive(Uint8Array.of(0, 5, 0));
  assert.deepEqual(script.timeout(), ["failed violation EBADMSG", "ended"]);
});
