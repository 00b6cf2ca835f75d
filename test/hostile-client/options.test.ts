import { ack, data, errorPacket, oack } from "../compat/packets.js";
import { sampleBytes } from "../helpers/files.js";
import { type HostileCase, hostileCases } from "./hostile.js";

const DENIED = /The request has been denied/;
const FILE = sampleBytes(1000);

/** The OACK is refused: one ERROR 8 to its sender, and the client has failed. */
function refused(...options: string[]): HostileCase {
  return {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack(...options));
      await tid.hears(/^ERROR 8 /);
    },
    outcome: DENIED,
  };
}

/** The OACK is taken: ACK 0 follows, and the file moves in blocks of this size. */
function accepted(blockSize: number, oackBytes: Uint8Array): HostileCase {
  return {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oackBytes);
      await tid.hears(/^ACK 0$/);
      for (let block = 1; ; block++) {
        const piece = FILE.subarray((block - 1) * blockSize, block * blockSize);
        tid.say(data(block, piece));
        await tid.hears(new RegExp(`^ACK ${block}$`));
        if (piece.length < blockSize) return;
      }
    },
    outcome: FILE,
  };
}

/** Malformed: perhaps a stray packet, so the client goes on waiting, and fails when nothing better comes. */
function ignoredUntilTimeout(bytes: Uint8Array): HostileCase {
  return {
    server: async (server) => {
      const tid = await server.request();
      tid.say(bytes);
    },
    outcome: /Malformed TFTP message|Illegal TFTP operation/,
  };
}

const junkNumbers = ["", "0", "-1", "0x200", "5e2", " 512", "512 ", "+512", "512abc", "5.0", "1".repeat(25)];

hostileCases("OACK", {
  "an option that was not asked for": refused("blksize", "512", "multicast", ",,1"),
  "an extension that was not asked for": refused("secret", "1"),
  "a name that only contains a known one": refused("foo_blksize_bar", "512"),
  "a block size above the one asked": refused("blksize", "1469"),
  "a block size of 65464 when 1468 were asked": refused("blksize", "65464"),
  "a block size below 8": refused("blksize", "7"),
  "a window above the one asked": refused("windowsize", "5"),
  "a window of 65535": refused("windowsize", "65535"),
  "a time-out above the one asked": refused("timeout", "255"),
  "a time-out of 0": refused("timeout", "0"),
  "a rollover of 2": refused("rollover", "2"),
  "a tsize beyond what a number holds": refused("tsize", "99999999999999999999"),
  "a negative tsize": refused("tsize", "-1"),
  "a tsize that is no number": refused("tsize", "%n%s"),
  "an option twice, with two values": refused("blksize", "512", "BLKSIZE", "1024"),
  "an option twice, with the same value": refused("blksize", "512", "blksize", "512"),
  "300 options": refused(...Array.from({ length: 300 }, (_, at) => [`option${at}`, "1"]).flat()),
  ...Object.fromEntries(
    junkNumbers.flatMap((junk) => [
      [`a block size of '${junk}'`, refused("blksize", junk)],
      [`a window of '${junk}'`, refused("windowsize", junk)],
    ]),
  ),
  "without the last NUL": ignoredUntilTimeout(oack("blksize", "512").subarray(0, -1)),
  "a name without a value": ignoredUntilTimeout(oack("blksize")),
  "an opcode and one byte": ignoredUntilTimeout(Buffer.from([0, 6, 65])),
  "empty: everything is as in RFC 1350": accepted(512, Buffer.from([0, 6])),
  "names in capitals, out of order": accepted(
    100,
    oack("TSIZE", "1000", "WindowSize", "1", "BLKSIZE", "100"),
  ),
  "a smaller block size": accepted(8, oack("blksize", "8")),
  "padding of NULs": accepted(64, Buffer.concat([oack("blksize", "64"), Buffer.alloc(20)])),
});

hostileCases("OACK at the wrong time", {
  "the same one again gets ACK 0 again": {
    server: async (server) => {
      const tid = await server.request();
      for (let copy = 0; copy < 3; copy++) {
        tid.say(oack("blksize", "600"));
        await tid.hears(/^ACK 0$/);
      }
      tid.say(data(1, FILE.subarray(0, 600)));
      await tid.hears(/^ACK 1$/);
      tid.say(data(2, FILE.subarray(600)));
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "one with other values in the middle changes nothing": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("blksize", "600"));
      await tid.hears(/^ACK 0$/);
      tid.say(data(1, FILE.subarray(0, 600)));
      await tid.hears(/^ACK 1$/);
      tid.say(oack("blksize", "1468", "windowsize", "1"), data(2, FILE.subarray(600)));
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "for a request without options": {
    server: async (server) => {
      const first = await server.request();
      first.say(errorPacket(8, "no options"));
      const second = await server.request(/^RRQ remote octet$/);
      second.say(oack("blksize", "512"));
      await second.hears(/^ERROR 8 /);
    },
    outcome: DENIED,
  },
  "ERROR 8 to both requests": {
    server: async (server) => {
      (await server.request()).say(errorPacket(8, "no options"));
      (await server.request(/^RRQ remote octet$/)).say(errorPacket(8, "nor without"));
    },
    outcome: /Illegal TFTP operation/,
  },
});

hostileCases("OACK of a PUT", {
  "another tsize": { ...refused("tsize", "7"), upload: FILE },
  "a larger block size": { ...refused("blksize", "1469"), upload: FILE },
  "an option that was not asked for": { ...refused("x", "1"), upload: FILE },
  "a smaller block size and window are kept to": {
    settings: { windowSize: 16 },
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("blksize", "300", "windowsize", "2"));
      await tid.hears(/^DATA 1 \(300\)$/);
      await tid.hears(/^DATA 2 \(300\)$/);
      tid.say(ack(2));
      await tid.hears(/^DATA 3 \(300\)$/);
      await tid.hears(/^DATA 4 \(100\)$/);
      tid.say(ack(4));
    },
    outcome: "sent",
  },
  "no OACK but ACK 0: blocks of 512 one by one": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(ack(0));
      await tid.hears(/^DATA 1 \(512\)$/);
      tid.say(ack(1));
      await tid.hears(/^DATA 2 \(488\)$/);
      tid.say(ack(2));
    },
    outcome: "sent",
  },
});

hostileCases("tsize", {
  "less than what comes": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("tsize", "511"));
      await tid.hears(/^ACK 0$/);
      tid.say(data(1, FILE.subarray(0, 512)));
      await tid.hears(/^ERROR 3 /);
    },
    outcome: /more than the 511 bytes announced/,
  },
  "more than what comes": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("tsize", "4000"));
      await tid.hears(/^ACK 0$/);
      tid.say(data(1, FILE.subarray(0, 100)));
      await tid.hears(/^ERROR 3 /);
    },
    outcome: /100 bytes instead of the 4000 announced/,
  },
  "more than the disk holds": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("tsize", "9007199254740991"));
      await tid.hears(/^ACK 0$/);
      await tid.hears(/^ERROR 3 /);
    },
    outcome: /^ENOSPC: no space left on device, open '.*local'$/,
  },
  "0 where the server does not know the size": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("tsize", "0"));
      await tid.hears(/^ACK 0$/);
      tid.say(data(1, FILE.subarray(0, 512)));
      await tid.hears(/^ACK 1$/);
      tid.say(data(2, FILE.subarray(512)));
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
});
