import assert from "node:assert/strict";
import { test } from "node:test";
import {
  consecutiveOnWire,
  encodeNetascii,
  fromWireBlock,
  NetasciiDecoder,
  toWireBlock,
} from "../../src/engine/index.js";

test("after block 65535 comes wire number 0, or 1 where that was negotiated", () => {
  assert.deepEqual(
    [65_535, 65_536, 65_537].map((index) => toWireBlock(index, 0)),
    [65_535, 0, 1],
  );
  assert.deepEqual(
    [0, 65_535, 65_536, 131_070, 131_071].map((index) => toWireBlock(index, 1)),
    [0, 65_535, 1, 65_535, 1],
  );
});

test("a wire number names the one block of the range that has it", () => {
  assert.equal(fromWireBlock(0, 65_530, 65_540, 0), 65_536);
  assert.equal(fromWireBlock(1, 65_530, 65_540, 1), 65_536);
  assert.equal(fromWireBlock(65_535, 0, 65_535, 1), 65_535);
  assert.equal(fromWireBlock(5, 1, 4, 0), -1);
  assert.equal(fromWireBlock(4, 5, 9, 0), -1);
});

test("with rollover 1, wire number 0 is block 0 and nothing else", () => {
  assert.equal(fromWireBlock(0, 0, 10, 1), 0);
  assert.equal(fromWireBlock(0, 65_530, 65_540, 1), -1);
});

test("a run of blocks ends where the wire numbers start over", () => {
  assert.equal(consecutiveOnWire(65_534, 10, 0), 2);
  assert.equal(consecutiveOnWire(65_536, 10, 0), 10);
  assert.equal(consecutiveOnWire(65_535, 10, 1), 1);
});

test("netascii: LF is CR LF, CR is CR NUL, and nothing else changes", () => {
  assert.equal(Buffer.from(encodeNetascii(Buffer.from("a\nb\rc\r\n"))).toString(), "a\r\nb\r\0c\r\0\r\n");
  const plain = Buffer.from("plain");
  const copy = encodeNetascii(plain);
  assert.deepEqual(Buffer.from(copy), plain);
  assert.notEqual(copy.buffer, plain.buffer, "the result is no view of the input");
});

test("netascii is read across chunk borders, a stray CR is kept", () => {
  const decoder = new NetasciiDecoder();
  const chunks = ["a\r", "\nb\r", "\0c\r", "d\r\r", "\n", "e\r"];
  const text = chunks.map((chunk) => Buffer.from(decoder.decode(Buffer.from(chunk))).toString()).join("");
  assert.equal(text, "a\nb\rc\rd\r\ne");
  assert.equal(Buffer.from(decoder.end()).toString(), "\r");
  assert.equal(decoder.end().length, 0);
});
