import assert from "node:assert/strict";
import { test } from "node:test";
import { fixtureRoot } from "./support/fixture.js";
import { openPeer } from "./support/peer.js";
import { type Case, runCases } from "./support/script.js";
import { sharedSubject } from "./support/subject.js";
import { request } from "./support/wire.js";

/* Packets that no honest client sends, to the request port and to the ports of transfers. */

const subject = sharedSubject(async () => ({ root: await fixtureRoot(), options: ["--json"] }));

const MANY_OPTIONS = Array.from({ length: 122 }, () => "a b").join(" ");

const REQUEST_PORT: readonly Case[] = [
  {
    name: "an empty datagram gets nothing worse than an ERROR",
    of: "tftpy #140",
    script: ["> HEX ", "< /^(nothing|ERROR 4 .*)$/"],
  },
  { name: "one byte likewise", of: "PyPXE #206", script: ["> HEX 00", "< /^(nothing|ERROR 4 .*)$/"] },
  {
    name: "an opcode alone is malformed",
    of: "hikvision-tftpd #15",
    script: ["> HEX 0001", "< /^ERROR 4 ./"],
  },
  {
    name: "opcode 0 is refused with ERROR 4",
    of: "RFC 1350 §5",
    script: ["> HEX 00000000", "< /^ERROR 4 ./"],
  },
  {
    name: "opcode 7 is refused with ERROR 4",
    of: "RFC 1350 §5",
    script: ["> HEX 000700000000", "< /^ERROR 4 ./"],
  },
  {
    name: "opcode 65535 is refused with ERROR 4",
    of: "RFC 1350 §5",
    script: ["> HEX ffff0000", "< /^ERROR 4 ./"],
  },
  {
    name: "opcode 0x0100 (bytes swapped) is no RRQ",
    of: "RFC 1350 §5",
    script: ["> HEX 0100666f6f00", "< /^ERROR 4 ./"],
  },
  {
    name: "a stray DATA gets one small ERROR",
    of: "RFC 1350 §4",
    script: ["> DATA 1 512", "< /^ERROR [45] ./", "< nothing"],
  },
  {
    name: "a stray ACK gets one small ERROR",
    of: "RFC 1350 §4",
    script: ["> ACK 1", "< /^ERROR [45] ./", "< nothing"],
  },
  {
    name: "a stray OACK gets one small ERROR",
    of: "RFC 2347",
    script: ["> OACK blksize 8", "< /^ERROR [45] ./", "< nothing"],
  },
  {
    name: "an ERROR is never answered",
    of: "CVE-2024-2169",
    script: ["> ERROR 5 Unknown transfer ID", "< nothing"],
  },
  {
    name: "an ERROR without text is never answered",
    of: "CVE-2024-2169",
    script: ["> HEX 00050000", "< nothing"],
  },
  { name: "half an ERROR is never answered", of: "CVE-2024-2169", script: ["> HEX 0005", "< nothing"] },
  {
    name: "three bytes of an ERROR are never answered",
    of: "CVE-2024-2169",
    script: ["> HEX 000500", "< nothing"],
  },
  {
    name: "a name without NUL is malformed",
    of: "RFC 1350 §5",
    script: ["> HEX 0001666f6f", "< /^ERROR 4 ./"],
  },
  {
    name: "a name without mode is malformed",
    of: "RFC 1350 §5",
    script: ["> HEX 0001666f6f00", "< /^ERROR 4 ./"],
  },
  {
    name: "a mode without NUL is malformed",
    of: "RFC 1350 §5",
    script: ["> HEX 000166006f63746574", "< /^ERROR 4 ./"],
  },
  {
    name: "a WRQ without mode is malformed",
    of: "RFC 1350 §5",
    script: ["> HEX 0002666f6f00", "< /^ERROR 4 ./"],
  },
  {
    name: "an option without value is malformed",
    of: "CVE-2021-41054 atftpd",
    script: ["> HEX 000166006f6374657400626c6b73697a6500", "< /^(ERROR 4 .*|DATA 1 512)$/"],
  },
  {
    name: "an option whose value has no NUL is malformed",
    of: "U-Boot find_option",
    script: ["> HEX 000166006f6374657400626c6b73697a650038", "< /^(ERROR 4 .*|DATA 1 512)$/"],
  },
  {
    name: "an empty name is refused",
    of: "CVE-2009-2958 dnsmasq",
    script: ["> RRQ '' octet", "< /^ERROR [0124] ./"],
  },
  {
    name: "NULs alone are refused",
    of: "CVE-2009-2958 dnsmasq",
    script: ["> HEX 00010000000000000000", "< /^ERROR [0124] ./"],
  },
  {
    name: "padding of NULs behind the options is fine",
    of: "old boot ROMs",
    script: ["> HEX 000166006f63746574000000000000", "< DATA 1 512"],
  },
  {
    name: "a format string is a name like any other",
    of: "CVE-2006-0328 Tftpd32",
    script: ["> RRQ %25n%25s%25x%25d octet", "< ERROR 1 File not found"],
  },
];

const OPTIONS: readonly Case[] = [
  ...["0x258", "6e2", "%20600", "+600", "-600", "600%20", "600.0", "''", "6 00", "%0a600", "NaN", "١٠٠"].map(
    (value) => ({
      name: `blksize '${decodeURIComponent(value)}' is no number`,
      of: "Number() and parseInt() take more than digits",
      script: [
        `> RRQ f octet blksize ${value}${value === "6 00" ? " x" : ""}`,
        value === "6 00" ? "< DATA 1 512" : "< DATA 1 512",
      ],
    }),
  ),
  ...["0x4", "4e0", "%204", "+4", "-1", "''", "4.0"].map((value) => ({
    name: `windowsize '${decodeURIComponent(value)}' is no number`,
    of: "Number() and parseInt() take more than digits",
    script: [`> RRQ f octet windowsize ${value} blksize 600`, "< OACK blksize=600"],
  })),
  ...["0x0", "-1", "+0", "''", "%200", "1e3", "junk"].map((value) => ({
    name: `tsize '${decodeURIComponent(value)}' of an upload is no number`,
    of: "GRUB: junk tsize",
    script: [
      `> WRQ up-junk-${encodeURIComponent(value).replaceAll("%", "")} octet tsize ${value} blksize 600`,
      "< OACK blksize=600",
      "> ERROR 0 no",
    ],
  })),
  {
    name: "leading zeros are digits",
    of: "RFC 2348: ASCII digits",
    script: ["> RRQ f octet blksize 0600", "< /^(OACK blksize=600|DATA 1 512)$/"],
  },
  {
    name: "foo_blksize_bar is not blksize",
    of: "U-Boot find_option",
    script: ["> RRQ f octet foo_blksize_bar 8", "< DATA 1 512"],
  },
  {
    name: "blksiz and blksizee are not blksize",
    of: "prefix match",
    script: ["> RRQ f octet blksiz 8 blksizee 8", "< DATA 1 512"],
  },
  {
    name: "a value named like an option is a value",
    of: "option parsing by search",
    script: ["> RRQ f octet x blksize 8 600 blksize 700", "< OACK blksize=700"],
  },
  {
    name: "of an option given twice one counts, and it is answered once",
    of: "RFC 2347: may appear only once",
    script: ["> RRQ f octet blksize 600 blksize 700", "< /^(OACK blksize=[67]00|ERROR [48] .*)$/"],
  },
  {
    name: "of a blksize in two spellings one counts",
    of: "RFC 2347",
    script: ["> RRQ f octet blksize 600 BLKSIZE 8", "< /^(OACK blksize=(600|8)|ERROR [48] .*)$/"],
  },
  {
    name: "122 options fit into 512 bytes and are ignored",
    of: "EDK2 bug 2175: > 255 strings",
    script: [`> RRQ f octet ${MANY_OPTIONS}`, "< DATA 1 512"],
  },
  {
    name: "an empty option name ends the options",
    of: "CVE-2020-6097 atftpd",
    script: ["> RRQ f octet '' x blksize 600", "< /^(DATA 1 512|OACK blksize=600|ERROR 4 .*)$/"],
  },
  {
    name: "__proto__, constructor and toString are unknown options",
    of: "prototype pollution",
    script: ["> RRQ f octet __proto__ 1 constructor 2 toString 3 blksize 600", "< OACK blksize=600"],
  },
  {
    name: "the largest window of the largest blocks is granted small",
    of: "reliability 8: 1 MiB in flight",
    script: [
      "> RRQ big octet blksize 65464 windowsize 65535",
      "< OACK blksize=1468 windowsize=4",
      "> ACK 0",
      "< DATA 1 1468",
    ],
  },
  {
    name: "a user extension does not come back unless the server sets it",
    of: "npm tftp user extensions",
    script: ["> RRQ f octet x-secret ../../etc/passwd tsize 0", "< OACK tsize=1000"],
  },
];

const TRANSFER_PORT: readonly Case[] = [
  ...["", "00", "0003", "000300", "0004", "000400", "0006", "0000", "ffff", "ffffffffffff"].map((hex) => ({
    name: `'${hex}' to a transfer moves nothing`,
    of: "tftpy #140, node-tftp B28",
    script: ["> RRQ f octet", "< DATA 1 512", `> HEX ${hex}`, "> ACK 1", "< DATA 2 488", "> ACK 2"],
  })),
  {
    name: "an RRQ to the transfer's port moves nothing",
    of: "RFC 1350 §4",
    script: ["> RRQ f octet", "< DATA 1 512", "> RRQ tiny octet", "> ACK 1", "< DATA 2 488", "> ACK 2"],
  },
  {
    name: "DATA to a sender moves nothing",
    of: "RFC 1350 §2",
    script: ["> RRQ f octet", "< DATA 1 512", "> DATA 1 512", "> ACK 1", "< DATA 2 488", "> ACK 2"],
  },
  {
    name: "an OACK to a server moves nothing",
    of: "RFC 2347",
    script: ["> RRQ f octet", "< DATA 1 512", "> OACK blksize 8", "> ACK 1", "< DATA 2 488", "> ACK 2"],
  },
  {
    name: "ACKs to a receiver move nothing",
    of: "RFC 1350 §2",
    script: ["> WRQ up-acked octet", "< ACK 0", "> ACK 0", "> ACK 1", "> DATA 1 3", "< ACK 1"],
  },
  {
    name: "an OACK to a receiver moves nothing",
    of: "RFC 2347",
    script: ["> WRQ up-oacked octet", "< ACK 0", "> OACK blksize 8", "> DATA 1 3", "< ACK 1"],
  },
  {
    name: "an ERROR of two bytes is not answered",
    of: "CVE-2024-2169",
    script: ["> RRQ f octet", "< DATA 1 512", "> HEX 0005", "< /^(nothing|DATA 1 512)$/"],
  },
];

runCases("to the request port", REQUEST_PORT, subject);
runCases("options of every sort", OPTIONS, subject);
runCases("to the port of a transfer", TRANSFER_PORT, subject);

test("512 bytes are a request, 513 are none [RFC 2347: at most 512 octets]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  const name = (length: number) => "n".repeat(length - "\0\x01\0octet\0".length);
  const fitting = await openPeer(context, server);
  fitting.send(request("RRQ", name(512)));
  await fitting.expect(/^ERROR 1 /);
  for (const length of [513, 514, 1000, 9000, 60_000]) {
    const peer = await openPeer(context, server);
    peer.send(request("RRQ", name(length)));
    assert.match(await peer.hear(), /^ERROR 4 /, `${length} bytes`);
  }
});

test("names of any length are survived, the longest a file system refuses included [CVE-2006-1061, CVE-2005-4882]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  for (const kind of ["RRQ", "WRQ"] as const) {
    for (const name of [
      "x".repeat(255),
      "x".repeat(256),
      "x".repeat(490),
      "x/".repeat(240),
      "../".repeat(160),
    ]) {
      const peer = await openPeer(context, server);
      peer.send(request(kind, name));
      const heard = await peer.hear();
      assert.match(
        heard,
        name.length === 255 && kind === "WRQ" ? /^(ACK 0|ERROR 1 )/ : /^ERROR [12] /,
        `${kind} ${name.length}`,
      );
      peer.send("ERROR 0 enough");
    }
  }
});

test("every opcode with every length up to 40 bytes: at most one answer, never more than 128 bytes, never to an ERROR [reliability 4]", {
  timeout: 120_000,
}, async (context) => {
  const server = await subject();
  for (let opcode = 0; opcode <= 9; opcode++) {
    for (const fill of [0, 0x61, 0xff]) {
      const peer = await openPeer(context, server);
      let sent = 0;
      for (let length = 0; length <= 40; length += 4) {
        const bytes = Buffer.alloc(length, fill);
        if (length >= 2) bytes.writeUInt16BE(opcode, 0);
        peer.request(bytes);
        sent++;
      }
      peer.request("RRQ none octet");
      const largest = opcode === 5 ? 2 : sent + 1;
      // The last request's answer says that the others were read.
      for (let heard = ""; heard !== "ERROR 1 File not found"; ) heard = await peer.hear();
      assert.ok(
        peer.all.length <= largest,
        `opcode ${opcode}: ${peer.all.length} answers to ${sent} datagrams`,
      );
      for (const { bytes } of peer.all) assert.ok(bytes.length <= 128, `${bytes.length} bytes`);
    }
  }
  server.assertAlive();
});
