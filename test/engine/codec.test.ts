import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decode,
  decodeText,
  encodeAck,
  encodeData,
  encodeError,
  encodeOack,
  encodeRequest,
  encodeText,
  invariant,
} from "../../src/engine/index.js";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const latin = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

test("an RRQ is read with name, mode in any case, and options in order", () => {
  assert.deepEqual(decode(latin("\0\x01pxelinux.0\0OcTeT\0tsize\x000\0blksize\x001408\0")), {
    kind: "request",
    method: "GET",
    fileName: "pxelinux.0",
    mode: "octet",
    options: [
      { name: "tsize", value: "0" },
      { name: "blksize", value: "1408" },
    ],
  });
});

test("a WRQ without options is read, and padding of NULs behind it is ignored", () => {
  const packet = decode(latin("\0\x02a\0netascii\0\0\0\0"));
  assert.deepEqual(packet, { kind: "request", method: "PUT", fileName: "a", mode: "netascii", options: [] });
});

test("a request that breaks off is malformed, wherever it breaks off", () => {
  for (const text of [
    "\0\x01",
    "\0\x01name",
    "\0\x01name\0octet",
    "\0\x01name\0octet\0blksize",
    "\0\x01n\0octet\0b\x001",
  ]) {
    assert.equal(decode(latin(text)).kind, "malformed", JSON.stringify(text));
  }
});

test("a request of 512 bytes is read, one of 513 is malformed", () => {
  const request = (length: number) => latin(`\0\x01${"x".repeat(length - 9)}\0octet\0`);
  assert.equal(decode(request(512)).kind, "request");
  assert.equal(decode(request(513)).kind, "malformed");
});

test("DATA and ACK need their block number, an ACK may be longer", () => {
  assert.deepEqual(decode(hex("0003 ffff 61")), { kind: "data", wireBlock: 65535, payload: hex("61") });
  assert.equal(decode(hex("0003 00")).kind, "malformed");
  assert.deepEqual(decode(hex("0004 0102 00")), { kind: "ack", wireBlock: 0x102 });
  assert.equal(decode(hex("0004 01")).kind, "malformed");
});

test("an ERROR is read with and without text or NUL, from 4 bytes on", () => {
  assert.deepEqual(decode(hex("0005 0001")), { kind: "error", errorCode: 1, message: "" });
  assert.deepEqual(decode(hex("0005 0001 616200 63")), { kind: "error", errorCode: 1, message: "ab" });
  assert.deepEqual(decode(hex("0005 0001 6162")), { kind: "error", errorCode: 1, message: "ab" });
  assert.equal(decode(hex("0005 00")).kind, "malformed");
});

test("an OACK is read, and one whose value does not end is malformed", () => {
  assert.deepEqual(decode(latin("\0\x06blksize\x001428\0")), {
    kind: "oack",
    options: [{ name: "blksize", value: "1428" }],
  });
  assert.deepEqual(decode(hex("0006")), { kind: "oack", options: [] });
  assert.equal(decode(latin("\0\x06blksize\x001428")).kind, "malformed");
});

test("no bytes, one byte and unknown opcodes are malformed", () => {
  for (const bytes of [hex(""), hex("00"), hex("0000"), hex("0007 0000"), hex("ffff")]) {
    assert.equal(decode(bytes).kind, "malformed");
  }
});

test("what is written is exact to the byte", () => {
  assert.deepEqual(encodeAck(0xfffe), hex("0004 fffe"));
  assert.deepEqual(encodeData(258, hex("aa")), hex("0003 0102 aa"));
  assert.deepEqual(encodeError(5, "no"), hex("0005 0005 6e6f 00"));
  assert.deepEqual(encodeOack([{ name: "tsize", value: "7" }]), latin("\0\x06tsize\x007\0"));
  const request = {
    method: "PUT",
    fileName: "f",
    mode: "octet",
    options: [{ name: "a", value: "b" }],
  } as const;
  assert.deepEqual(encodeRequest(request), latin("\0\x02f\0octet\0a\0b\0"));
});

test("an ERROR text loses its NULs and is cut to 120 bytes", () => {
  const bytes = encodeError(0, `a\0b${"x".repeat(500)}`);
  assert.equal(bytes.length, 4 + 120 + 1);
  assert.equal(Buffer.from(bytes.subarray(4, 7)).toString(), "a b");
});

test("names keep their bytes: UTF-8 is text, every other byte one lone surrogate", () => {
  for (const text of ["ünï-日本-🚀.bin", "plain", ""]) {
    assert.deepEqual(encodeText(text), new Uint8Array(Buffer.from(text)));
    assert.equal(decodeText(new Uint8Array(Buffer.from(text))), text);
  }
  assert.equal(decodeText(hex("61 ff 62 c3")), "a\udcffb\udcc3");
  // Overlong forms, surrogates and what is beyond Unicode are not UTF-8.
  for (const bytes of [
    "c080",
    "e08080",
    "eda080",
    "f4908080",
    "f08080 80",
    "e282",
    "80",
    "f5808080",
    "e228a1",
  ]) {
    assert.deepEqual(encodeText(decodeText(hex(bytes))), hex(bytes), bytes);
  }
  assert.deepEqual(encodeText("\ud800"), hex("efbfbd"));
});

test("a broken invariant throws, a held one does not", () => {
  invariant(true, "fine");
  assert.throws(() => invariant(false, "two and two"), /two and two/);
});
