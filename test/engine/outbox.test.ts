import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Transmit } from "../../src/engine/effects.js";
import { Outbox } from "../../src/engine/outbox.js";

test("datagrams and blocks leave in the order they were written in, whenever they are polled", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("datagram"), byte: fc.nat(255) }),
    fc.record({
      kind: fc.constant("blocks"),
      firstBlock: fc.integer({ min: 1 }),
      count: fc.integer({ min: 1 }),
    }),
    // What waits in other queues must not change the order in this one.
    fc.record({ kind: fc.constant("write") }),
    fc.record({ kind: fc.constant("poll"), times: fc.nat(4) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const out = new Outbox();
      const expected: Transmit[] = [];
      for (const each of steps) {
        if ("byte" in each) {
          const bytes = Uint8Array.of(each.byte);
          out.send(bytes);
          expected.push({ kind: "datagram", bytes });
        } else if ("count" in each) {
          const { firstBlock, count } = each;
          out.sendBlocks(firstBlock, count);
          expected.push({ kind: "blocks", firstBlock, count });
        } else if ("times" in each) {
          for (let i = 0; i < each.times; i++) assert.deepEqual(out.pollTransmit(), expected.shift());
        } else out.write(new Uint8Array(1));
      }
      while (expected.length > 0) assert.deepEqual(out.pollTransmit(), expected.shift());
      assert.equal(out.pollTransmit(), undefined);
    }),
  );
});

test("of bytes released and wanted the newest count, once each; what is cleared is gone", () => {
  const out = new Outbox();
  out.want(1000);
  out.release(10);
  out.want(2000);
  out.release(20);
  assert.deepEqual(out.pollStorage(), { kind: "release", uptoBytes: 20 });
  assert.deepEqual(out.pollStorage(), { kind: "want", uptoBytes: 2000 });
  assert.equal(out.pollStorage(), undefined);
  out.release(30);
  out.want(3000);
  out.finish();
  out.clearStorage();
  assert.equal(out.pollStorage(), undefined);
  out.tell({ kind: "ended" });
  out.sendBlocks(1, 1);
  out.sendBlocks(2, 1);
  out.clearTransmits();
  assert.equal(out.pollTransmit(), undefined);
  assert.deepEqual(out.pollEvent(), { kind: "ended" });
  assert.equal(out.pollEvent(), undefined);
});
