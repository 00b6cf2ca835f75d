import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Neighbours } from "../../src/io/neighbours.js";
import { temporaryFolder } from "../helpers/files.js";

const TABLE = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.7        0x1         0x2         52:54:00:AB:cd:ef     *        eth0
192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.9        0x20        0x2         80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:00:00 * ib0
`;

test("hardware addresses come from the kernel's table, as dnsmasq writes them", async (context) => {
  const table = join(await temporaryFolder(context), "arp");
  await writeFile(table, TABLE);
  const neighbours = new Neighbours(table);
  assert.equal(await neighbours.macOf("192.0.2.7"), "52-54-00-ab-cd-ef");
  assert.equal(await neighbours.macOf("192.0.2.8"), null, "not answered yet");
  assert.equal(await neighbours.macOf("192.0.2.9"), null, "no Ethernet");
  assert.equal(await neighbours.macOf("192.0.2.10"), null);
  assert.equal(await new Neighbours(`${table}.none`).macOf("192.0.2.7"), null);
});

test("a client that came to the network a moment ago is known, and strangers cost few readings", async (context) => {
  const table = join(await temporaryFolder(context), "arp");
  await writeFile(table, TABLE);
  const neighbours = new Neighbours(table);
  assert.equal(await neighbours.macOf("192.0.2.10"), null);
  await writeFile(table, TABLE.replace("192.0.2.7 ", "192.0.2.10"));
  assert.equal(await neighbours.macOf("192.0.2.10"), "52-54-00-ab-cd-ef");
  // Known ones need no other reading.
  await rm(table);
  assert.equal(await neighbours.macOf("192.0.2.10"), "52-54-00-ab-cd-ef");
  const startedMs = performance.now();
  const strangers = Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  const macs = await Promise.all(strangers.map((address) => neighbours.macOf(address)));
  assert.ok(macs.every((mac) => mac === null));
  assert.ok(performance.now() - startedMs < 5_000, "together they wait for one reading or two");
});

test("IPv6 addresses made from a hardware address tell it", async () => {
  const neighbours = new Neighbours();
  assert.equal(await neighbours.macOf("fe80::5054:ff:feab:cdef%eth0"), "52-54-00-ab-cd-ef");
  assert.equal(await neighbours.macOf("2001:db8::211:22ff:fe33:4455"), "00-11-22-33-44-55");
  assert.equal(await neighbours.macOf("2001:db8::1"), null);
  assert.equal(await neighbours.macOf("::1"), null);
});
