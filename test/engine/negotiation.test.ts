import assert from "node:assert/strict";
import { test } from "node:test";
import {
  acceptOack,
  completeOffer,
  isReservedOption,
  readOffer,
  requestOptions,
} from "../../src/engine/index.js";
import { options } from "./script.js";

const POLICY = { blockSizeMax: 65_464, windowSizeMax: 65_535 };

/** The OACK for a request, as text. */
function answer(
  method: "GET" | "PUT",
  asked: string,
  sizeBytes: number | null = 5,
  extensions = {},
  policy = POLICY,
) {
  const offer = readOffer(method, options(asked), policy);
  const userExtensions = new Map<string, string>(Object.entries(extensions));
  const granted = completeOffer(offer, { sizeBytes, userExtensions });
  return granted.map(({ name, value }) => `${name}=${value}`).join(" ");
}

test("names match in any case, answers are lower case and in the order of the request", () => {
  assert.equal(answer("GET", "WindowSize=4 TSIZE=0 BlkSize=1428"), "windowsize=4 tsize=5 blksize=1428");
});

test("nothing is granted above what was asked, or above the server's maximum", () => {
  assert.equal(
    answer("GET", "blksize=1428 windowsize=4", 5, {}, { blockSizeMax: 512, windowSizeMax: 2 }),
    "blksize=512 windowsize=2",
  );
  assert.equal(answer("GET", "blksize=100000"), "blksize=65464");
});

test("unusable values are ignored, never refused", () => {
  for (const value of ["7", "", "0x258", "6e2", "+600", "-1", "1.5", "12345678901234567890"]) {
    assert.equal(answer("GET", `blksize=${value}`), "", value);
  }
  assert.equal(answer("GET", "windowsize=0 timeout=0 rollover=2 utimeout=5 tsize=x"), "");
  assert.equal(answer("GET", "windowsize=65536 timeout=256 utimeout=300000000 timeout=5"), "");
});

test("timeout, utimeout and rollover come back as they were asked", () => {
  assert.equal(answer("GET", "timeout=5 rollover=1"), "timeout=5 rollover=1");
  assert.equal(answer("GET", "utimeout=500000 rollover=0"), "utimeout=500000 rollover=0");
  assert.equal(readOffer("GET", options("timeout=5"), POLICY).parameters.timeoutMs, 5000);
  assert.equal(readOffer("GET", options("utimeout=500000"), POLICY).parameters.timeoutMs, 500);
});

test("no more than 1 MiB is granted to be in flight, whichever option comes first", () => {
  assert.equal(answer("GET", "windowsize=65535 blksize=65464"), "windowsize=16 blksize=65464");
  assert.equal(answer("GET", "windowsize=65535 blksize=8"), "windowsize=32767 blksize=8");
});

test("tsize: the file's size for a GET, an echo for a PUT, left out where it is unknown", () => {
  assert.equal(answer("GET", "tsize=0", 5_368_709_121), "tsize=5368709121");
  assert.equal(answer("PUT", "tsize=77", null), "tsize=77");
  assert.equal(answer("GET", "tsize=0", null), "");
  assert.equal(readOffer("GET", options("tsize=0"), POLICY).declaredSizeBytes, null);
});

test("an empty file has no tsize for curl, which takes 0 for a failure, and has one for others", () => {
  assert.equal(answer("GET", "tsize=0 blksize=512 timeout=6", 0), "blksize=512 timeout=6");
  assert.equal(answer("GET", "blksize=512 tsize=0 timeout=6", 0), "blksize=512 tsize=0 timeout=6");
});

test("an upload that looks like curl's is known, in that order of options alone", () => {
  const timeoutOf = (method: "GET" | "PUT", text: string) =>
    readOffer(method, options(text), POLICY).curlUploadTimeoutMs;
  assert.equal(timeoutOf("PUT", "tsize=9 blksize=512 timeout=6"), 6000);
  assert.equal(timeoutOf("PUT", "blksize=512 tsize=9 timeout=6"), null);
  assert.equal(timeoutOf("GET", "tsize=0 blksize=512 timeout=6"), null);
  assert.equal(timeoutOf("PUT", "tsize=9 blksize=512 timeout=x"), null);
});

test("refused options get no answer and have no effect; the client is known by them all the same", () => {
  const asked = options("tsize=9 blksize=512 timeout=6");
  const offer = readOffer("PUT", asked, { ...POLICY, refusedOptions: new Set(["tsize", "timeout"]) });
  const { curlUploadTimeoutMs, declaredSizeBytes, sizeAsked, parameters } = offer;
  assert.deepEqual(
    { curlUploadTimeoutMs, declaredSizeBytes, sizeAsked, timeoutMs: parameters.timeoutMs },
    { curlUploadTimeoutMs: 6000, declaredSizeBytes: null, sizeAsked: false, timeoutMs: null },
  );
  assert.deepEqual(offer.answers, [{ name: "blksize", value: "512" }]);
});

test("an announced size of 0 is none for curl, which says so where it does not know, and one for others", () => {
  assert.equal(readOffer("PUT", options("tsize=0 blksize=512 timeout=6"), POLICY).declaredSizeBytes, null);
  assert.equal(readOffer("PUT", options("blksize=512 tsize=0 timeout=6"), POLICY).declaredSizeBytes, 0);
});

test("user extensions are answered only when they were asked, msftwindow and multicast never", () => {
  assert.equal(
    answer("GET", "User=me other=1 multicast= msftwindow=31416", 5, {
      User: "hi",
      new: "x",
      msftwindow: "1",
    }),
    "user=hi",
  );
  assert.deepEqual([...readOffer("GET", options("User=me"), POLICY).userExtensions], [["User", "me"]]);
});

test("of an option that is given twice, the first counts", () => {
  assert.equal(answer("GET", "blksize=512 BLKSIZE=1024"), "blksize=512");
});

const WISHES = {
  blockSize: 1468,
  windowSize: 4,
  timeoutMs: 3000,
  sizeBytes: 0,
  userExtensions: new Map([
    ["k", "v"],
    ["tsize", "9"],
  ]),
};
const ASKED = requestOptions(WISHES);

test("a client asks in npm tftp's order, with whole seconds, and never twice for a reserved name", () => {
  const text = ASKED.map(({ name, value }) => `${name}=${value}`).join(" ");
  assert.equal(text, "blksize=1468 timeout=3 windowsize=4 rollover=0 tsize=0 k=v");
  const odd = requestOptions({ ...WISHES, timeoutMs: 1, windowSize: 65_535 });
  assert.equal(odd[1]?.value, "1");
  assert.equal(odd[2]?.value, "32767");
  assert.equal(requestOptions({ ...WISHES, timeoutMs: 9_999_999 })[1]?.value, "255");
});

test("a client takes what is no more than it asked, and the RFC 1350 values for the rest", () => {
  const accepted = acceptOack("GET", ASKED, options("BLKSIZE=1000 tsize=5 K=hello rollover=1 timeout=3"));
  assert.deepEqual(accepted?.parameters, { blockSize: 1000, windowSize: 1, rollover: 1, timeoutMs: null });
  assert.equal(accepted?.sizeBytes, 5);
  assert.deepEqual([...(accepted?.userExtensions ?? [])], [["k", "hello"]]);
  const shorter = acceptOack("GET", ASKED, options("windowsize=2 timeout=1"));
  assert.deepEqual(shorter?.parameters, { blockSize: 512, windowSize: 2, rollover: 0, timeoutMs: 1000 });
});

test("a client refuses what it did not ask, what is larger, and what is no number", () => {
  for (const bad of [
    "other=1",
    "blksize=1469",
    "blksize=7",
    "windowsize=0",
    "windowsize=5",
    "timeout=4",
    "tsize=x",
    "tsize=99999999999999999",
    "rollover=2",
    "blksize=512 BLKSIZE=512",
    "k=1 k=2",
  ]) {
    assert.equal(acceptOack("GET", ASKED, options(bad)), null, bad);
  }
  assert.equal(acceptOack("PUT", requestOptions({ ...WISHES, sizeBytes: 7 }), options("tsize=8")), null);
  assert.ok(acceptOack("PUT", requestOptions({ ...WISHES, sizeBytes: 7 }), options("tsize=7")) !== null);
});

test("reserved names are known in any case", () => {
  assert.equal(isReservedOption("TSize"), true);
  assert.equal(isReservedOption("mine"), false);
});
