import assert from "node:assert/strict";
import { ack, data, errorPacket, oack } from "../compat/packets.js";
import { sampleBytes } from "../helpers/files.js";
import { type HostileCase, hostileCases } from "./hostile.js";
import type { ScriptSocket } from "./hostile-server.js";

const FILE = sampleBytes(1000);

/** ERROR as the first answer: the transfer has failed, and an ERROR gets no answer. */
function first(bytes: Uint8Array, outcome: RegExp, upload?: Buffer): HostileCase {
  let tid: ScriptSocket | null = null;
  return {
    ...(upload === undefined ? {} : { upload }),
    server: async (server) => {
      tid = await server.request();
      tid.say(bytes);
    },
    outcome,
    afterwards: () => assert.deepEqual(tid?.log, []),
  };
}

/** ERROR after a part of the file. */
function later(bytes: Uint8Array, outcome: RegExp): HostileCase {
  let tid: ScriptSocket | null = null;
  return {
    server: async (server) => {
      tid = await server.request();
      tid.say(data(1, FILE.subarray(0, 512)));
      await tid.hears(/^ACK 1$/);
      tid.say(bytes);
    },
    outcome,
    afterwards: () =>
      assert.ok(
        tid?.log.every((words) => words === "ACK 1"),
        tid?.log.join(),
      ),
  };
}

const codes = [0, 1, 2, 3, 4, 5, 6, 7, 9, 99, 65_535];

hostileCases("ERROR", {
  ...Object.fromEntries(
    codes.map((code) => [
      `${code} as the first answer`,
      first(
        Buffer.concat([Buffer.from([0, 5, code >> 8, code & 255]), Buffer.from("why\0")]),
        /^\(Server\) why$/,
      ),
    ]),
  ),
  "without text and NUL": first(Buffer.from([0, 5, 0, 1]), /^\(Server\) ?/),
  "with text, without NUL": first(Buffer.from("\0\x05\0\x01no such file"), /^\(Server\) no such file$/),
  "with bytes behind the NUL": first(Buffer.from("\0\x05\0\x01no\0hidden"), /^\(Server\) no$/),
  "with control characters: nothing reaches the terminal": first(
    Buffer.from("\0\x05\0\x01\x1b[2J\x1b]0;owned\x07\r\nError: fine\n\0"),
    /^\(Server\) [^\x1b\n]|\x1b/,
  ),
  "with 60,000 bytes of text": first(
    Buffer.concat([Buffer.from([0, 5, 0, 1]), Buffer.alloc(60_000, 65), Buffer.of(0)]),
    /^\(Server\) A{1,600}$/,
  ),
  "with bytes that are no UTF-8": first(Buffer.from("\0\x05\0\x01\xff\xfe\x80\0", "latin1"), /^\(Server\) /),
  "with %n%s": first(Buffer.from("\0\x05\0\x01%n%s%d\0"), /^\(Server\) %n%s%d$/),
  "in the middle": later(errorPacket(3, "disk on fire"), /^\(Server\) disk on fire$/),
  "of 4 bytes in the middle": later(Buffer.from([0, 5, 0, 0]), /^\(Server\) ?/),
  "8 in the middle is no reason to ask again": later(errorPacket(8, "late"), /^\(Server\) late$/),
  "to a PUT": first(errorPacket(6, "exists"), /^\(Server\) exists$/, FILE),
  "2 to a PUT": first(errorPacket(2, "read-only"), /^\(Server\) read-only$/, FILE),
  "after the OACK": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("tsize", "1000"));
      await tid.hears(/^ACK 0$/);
      tid.say(errorPacket(0, "changed my mind"));
    },
    outcome: /^\(Server\) changed my mind$/,
  },
  "after the last ACK changes nothing": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(data(1, "all of it"));
      await tid.hears(/^ACK 1$/);
      tid.say(errorPacket(0, "no, wait"));
    },
    outcome: Buffer.from("all of it"),
  },
  "in the middle of a PUT": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(ack(0));
      await tid.hears(/^DATA 1 /);
      tid.say(errorPacket(3, "quota"));
    },
    outcome: /^\(Server\) quota$/,
  },
});
