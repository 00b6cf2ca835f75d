import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  completeOffer,
  decode,
  decodeText,
  encodeNetascii,
  encodeOack,
  encodeRequest,
  encodeText,
  fromWireBlock,
  NetasciiDecoder,
  type Rollover,
  readOffer,
  Transfer,
  toWireBlock,
} from "../../src/engine/index.js";

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
/** Text of a packet's field: anything but NUL. */
const field = fc
  .string({ minLength: 1, maxLength: 20, unit: "grapheme" })
  .filter((text) => !text.includes("\0"));
const optionList = fc.array(fc.record({ name: field, value: field }, { noNullPrototype: true }), {
  maxLength: 8,
});

test("any bytes decode to a packet or to malformed, and never throw", () => {
  fc.assert(
    fc.property(bytes(600), fc.integer({ min: 0, max: 7 }), (random, opcode) => {
      decode(random);
      // Most random bytes have no opcode: give them one.
      const packet = decode(Uint8Array.of(0, opcode, ...random));
      assert.ok(typeof packet.kind === "string");
    }),
    { numRuns: 20_000 },
  );
});

test("what is encoded decodes to the same", () => {
  fc.assert(
    fc.property(field, field, optionList, (fileName, mode, options) => {
      const request = { method: "GET", fileName, mode, options } as const;
      const encoded = encodeRequest(request);
      if (encoded.length <= 512) {
        assert.deepEqual(decode(encoded), { kind: "request", ...request, mode: mode.toLowerCase() });
      }
      assert.deepEqual(decode(encodeOack(options)), { kind: "oack", options });
    }),
  );
});

test("any bytes survive being text", () => {
  fc.assert(
    fc.property(bytes(200), (random) => assert.deepEqual(encodeText(decodeText(random)), random)),
    {
      numRuns: 5000,
    },
  );
});

test("nothing unasked is answered, nothing larger than asked is granted", () => {
  const number = fc.oneof(fc.nat(70_000).map(String), field);
  const name = fc.constantFrom(
    "blksize",
    "windowsize",
    "tsize",
    "timeout",
    "rollover",
    "BlkSize",
    "mine",
    "utimeout",
  );
  fc.assert(
    fc.property(
      fc.array(fc.record({ name, value: number })),
      fc.constantFrom("GET", "PUT"),
      (options, method) => {
        const offer = readOffer(method, options, { blockSizeMax: 1468, windowSizeMax: 16 });
        const extensions = new Map([
          ["mine", "1"],
          ["unasked", "2"],
        ]);
        for (const answer of completeOffer(offer, { sizeBytes: 5, userExtensions: extensions })) {
          const asked = options.filter((option) => option.name.toLowerCase() === answer.name);
          assert.ok(asked.length > 0, answer.name);
          if (answer.name === "blksize" || answer.name === "windowsize") {
            assert.ok(Number(answer.value) <= Number(asked[0]?.value));
          }
        }
        assert.ok(offer.parameters.blockSize * offer.parameters.windowSize <= 1_048_576);
      },
    ),
    { numRuns: 5000 },
  );
});

test("a wire number leads back to its block, anywhere in the largest window", () => {
  fc.assert(
    fc.property(fc.nat(10_000_000), fc.nat(32_766), fc.constantFrom(0, 1), (low, distance, rollover) => {
      const block = low + distance;
      assert.equal(
        fromWireBlock(toWireBlock(block, rollover as Rollover), low, low + 32_766, rollover as Rollover),
        block,
      );
    }),
    { numRuns: 20_000 },
  );
});

test("netascii comes back as the text it was, in chunks of any length", () => {
  const text = fc
    .array(fc.constantFrom(10, 13, 0, 65), { maxLength: 60 })
    .map((values) => Uint8Array.from(values));
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (original, lengths) => {
      const encoded = encodeNetascii(original);
      const decoder = new NetasciiDecoder();
      const decoded: number[] = [];
      for (let at = 0, i = 0; at < encoded.length; i++) {
        const length = lengths[i % lengths.length] as number;
        decoded.push(...decoder.decode(encoded.subarray(at, at + length)));
        at += length;
      }
      decoded.push(...decoder.end());
      assert.deepEqual(Uint8Array.from(decoded), original);
    }),
    { numRuns: 5000 },
  );
});

/** One input of any sort, at any moment. */
const input = fc.oneof(
  fc.record({
    kind: fc.constant("datagram" as const),
    opcode: fc.integer({ min: 1, max: 6 }),
    rest: bytes(12),
  }),
  fc.record({ kind: fc.constant("ack" as const), block: fc.nat(12) }),
  fc.record({ kind: fc.constant("data" as const), block: fc.nat(12), length: fc.nat(9) }),
  fc.record({ kind: fc.constant("oack" as const) }),
  fc.record({ kind: fc.constant("timeout" as const) }),
  fc.record({ kind: fc.constant("available" as const), bytes: fc.nat(60), ended: fc.boolean() }),
  fc.record({ kind: fc.constantFrom("saturated" as const, "drained" as const) }),
  fc.record({ kind: fc.constant("repeat" as const) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(5000) }),
  fc.record({ kind: fc.constant("abort" as const) }),
);

test("every input in every state, in any order: no exception, no block beyond the window, silence after the end", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("client" as const, "server" as const),
      fc.constantFrom("GET" as const, "PUT" as const),
      fc.array(input, { maxLength: 40 }),
      playAnything,
    ),
    { numRuns: 5000 },
  );
});

type AnyInput = typeof input extends fc.Arbitrary<infer T> ? T : never;

function playAnything(role: "client" | "server", method: "GET" | "PUT", inputs: readonly AnyInput[]): void {
  const options = [
    { name: "blksize", value: "8" },
    { name: "windowsize", value: "3" },
  ];
  const common = { method, mode: "octet", timeoutMs: 1000, retries: 2 } as const;
  const transfer =
    role === "client"
      ? new Transfer({ ...common, role, request: new Uint8Array(4), options, putBytes: 60 })
      : new Transfer({
          ...common,
          role,
          offer: readOffer(method, options, { blockSizeMax: 512, windowSizeMax: 9 }),
        });
  let nowMs = 0;
  let known = { bytes: 0, ended: false };
  if (role === "client") transfer.start(nowMs);
  else transfer.accept({ sizeBytes: null, userExtensions: new Map() }, nowMs);
  for (const act of inputs) {
    const hadEnded = transfer.ended && drained(transfer);
    if (act.kind === "timeout" && Number.isFinite(transfer.pollTimeout()))
      nowMs = Math.max(nowMs, transfer.pollTimeout());
    if (act.kind === "pass") nowMs += act.ms;
    // A store never takes back what it said.
    if (act.kind === "available" && !known.ended)
      known = { bytes: Math.max(known.bytes, act.bytes), ended: act.ended };
    give(transfer, act, known, nowMs);
    let outputs = 0;
    let highest = 0;
    for (let item = transfer.pollTransmit(); item; item = transfer.pollTransmit()) {
      outputs++;
      if (item.kind === "blocks") highest = Math.max(highest, item.firstBlock + item.count - 1);
    }
    const acked = transfer.counters.transferredBytes / 8;
    assert.ok(highest <= Math.ceil(acked) + 3, `block ${highest} left with ${acked} acknowledged`);
    while (transfer.pollStorage()) outputs++;
    while (transfer.pollEvent()) outputs++;
    if (hadEnded) assert.equal(outputs, 0, "silence after the end");
  }
}

function drained(transfer: Transfer): boolean {
  while (transfer.pollTransmit() || transfer.pollStorage() || transfer.pollEvent());
  return true;
}

function give(
  transfer: Transfer,
  act: AnyInput,
  known: { bytes: number; ended: boolean },
  nowMs: number,
): void {
  switch (act.kind) {
    case "datagram":
      transfer.handleDatagram(Uint8Array.of(0, act.opcode, ...act.rest), nowMs);
      break;
    case "ack":
      transfer.handleDatagram(Uint8Array.of(0, 4, 0, act.block), nowMs);
      break;
    case "data":
      transfer.handleDatagram(Uint8Array.of(0, 3, 0, act.block, ...new Uint8Array(act.length)), nowMs);
      break;
    case "oack":
      transfer.handleDatagram(
        encodeOack([
          { name: "blksize", value: "8" },
          { name: "windowsize", value: "3" },
        ]),
        nowMs,
      );
      break;
    case "available":
      transfer.handleStorage({ kind: "available", availableBytes: known.bytes, ended: known.ended }, nowMs);
      break;
    case "saturated":
    case "drained":
      transfer.handleStorage({ kind: act.kind }, nowMs);
      break;
    case "repeat":
      transfer.handleRepeatedRequest(nowMs);
      break;
    case "abort":
      transfer.abort(0, "enough");
      break;
    default:
      transfer.handleTimeout(nowMs);
  }
}
