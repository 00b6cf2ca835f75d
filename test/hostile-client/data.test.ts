import { ack, data, errorPacket, oack, request, rrq } from "../compat/packets.js";
import { sampleBytes } from "../helpers/files.js";
import { type HostileCase, hostileCases } from "./hostile.js";
import type { HostileServer, ScriptSocket } from "./hostile-server.js";

const FILE = sampleBytes(1000);
const FIRST = data(1, FILE.subarray(0, 512));
const SECOND = data(2, FILE.subarray(512));

/** A plain transfer with something done before each block. */
function plain(before: (tid: ScriptSocket, server: HostileServer) => Promise<void> | void): HostileCase {
  return {
    server: async (server) => {
      const tid = await server.request();
      await before(tid, server);
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      await before(tid, server);
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  };
}

/** Sends full blocks until the client has had enough. @returns the number of the last one */
async function sendWithoutEnd(tid: ScriptSocket): Promise<number> {
  for (let block = 1; ; block++) {
    tid.say(data(block, Buffer.alloc(512)));
    const { bytes } = await tid.hears(/^(ACK|ERROR) /);
    if (bytes[1] === 5) return block;
  }
}

/** The block that is too much may still be acknowledged: what is stored is looked at behind the network. */
async function hearsRefusal(tid: ScriptSocket): Promise<void> {
  while ((await tid.hears(/^(ACK \d+|ERROR 3 .*)$/)).bytes[1] !== 5);
}

hostileCases("DATA beyond the limit of a download", {
  "that never ends, without an announced size": {
    settings: { maxDownloadSize: 10_000 },
    server: async (server) => {
      const blocks = await sendWithoutEnd(await server.request());
      // 19 blocks fit; see above.
      if (blocks > 21) throw new Error(`refused at block ${blocks}`);
    },
    outcome: /^File too big$/,
  },
  "of an announced size: refused at the first block": {
    settings: { maxDownloadSize: 10_000 },
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("tsize", "10001"));
      await tid.hears(/^ACK 0$/);
      tid.say(data(1, Buffer.alloc(512)));
      await hearsRefusal(tid);
    },
    outcome: /^File too big$/,
  },
  "by one byte, in netascii": {
    settings: { maxDownloadSize: 9, mode: "netascii" },
    server: async (server) => {
      const tid = await server.request();
      tid.say(data(1, Buffer.from("a\r\n".repeat(5))));
      await hearsRefusal(tid);
    },
    outcome: /^File too big$/,
  },
  "none: a file of just that size arrives": {
    settings: { maxDownloadSize: 1000 },
    server: plain(() => undefined).server,
    outcome: FILE,
  },
});

hostileCases("DATA", {
  "longer than a block of RFC 1350": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(data(1, Buffer.alloc(513)));
      await tid.hears(/^ERROR 0 Malformed/);
    },
    outcome: /Malformed TFTP message/,
  },
  "longer than the block size that was agreed": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("blksize", "64"));
      await tid.hears(/^ACK 0$/);
      tid.say(data(1, Buffer.alloc(64)));
      await tid.hears(/^ACK 1$/);
      tid.say(data(2, Buffer.alloc(1468)));
      await tid.hears(/^ERROR 0 Malformed/);
    },
    outcome: /Malformed TFTP message/,
  },
  "of 65,000 bytes": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(data(1, Buffer.alloc(65_000)));
      await tid.hears(/^ERROR 0 Malformed/);
    },
    outcome: /Malformed TFTP message/,
  },
  "2 first, and nothing better": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(data(2, FILE.subarray(0, 512)));
    },
    outcome: /Malformed TFTP message/,
  },
  "0 first, and nothing better": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(data(0, FILE.subarray(0, 512)));
    },
    outcome: /Malformed TFTP message/,
  },
  "2, 0 and 65535 before 1": plain((tid) => {
    if (tid.log.length === 0) tid.say(data(2, "no"), data(0, "no"), data(65_535, "no"));
  }),
  "of the future between the blocks": plain((tid) => tid.say(data(3, FILE), data(40_000, FILE))),
  "one too far ahead after the first": plain(async (tid) => {
    if (tid.log.length > 0) tid.say(data(3, FILE.subarray(0, 512)));
  }),
  "each of them three times: delivered once": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(FIRST, FIRST, FIRST);
      await tid.hears(/^ACK 1$/);
      tid.say(FIRST, SECOND, FIRST, SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "the same number with other content is not taken": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      tid.say(data(1, Buffer.alloc(512, 0x58)), SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "an empty file is one empty block": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(data(1, ""));
      await tid.hears(/^ACK 1$/);
    },
    outcome: Buffer.alloc(0),
  },
  "a file of whole blocks ends with an empty one": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(data(1, FILE.subarray(0, 512)));
      await tid.hears(/^ACK 1$/);
      tid.say(data(2, ""));
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE.subarray(0, 512),
  },
  "without an end, past the tsize": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("tsize", "1000"));
      await tid.hears(/^ACK 0$/);
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      tid.say(data(2, FILE.subarray(0, 512)));
      await tid.hears(/^ERROR 3 /);
    },
    outcome: /more than the 1000 bytes announced/,
  },
});

hostileCases("junk", {
  "no bytes, one, two and three": plain((tid) => {
    for (let length = 0; length < 4; length++) tid.say(Buffer.from([0, 3, 0, 1]).subarray(0, length));
  }),
  "opcodes that there are none of": plain((tid) => {
    for (const opcode of [0, 7, 8, 255, 0x300, 0xffff])
      tid.say(Buffer.from([opcode >> 8, opcode & 255, 0, 1]));
  }),
  "opcode and number in the wrong order of bytes": plain((tid) => tid.say(Buffer.from([3, 0, 1, 0, 65]))),
  requests: plain((tid) => tid.say(rrq("a"), request(2, "../../b", "octet"), rrq("a", "blksize", "8"))),
  "ACKs, as if it were a PUT": plain((tid) => tid.say(ack(0), ack(1), ack(2))),
  "nothing but junk, for ever": {
    server: async (server) => {
      const tid = await server.request();
      const timer = setInterval(() => tid.say(Buffer.from([0, 9, 1, 2])), 20);
      try {
        await server.requestPort.hears(/^ERROR 4 /);
      } finally {
        clearInterval(timer);
      }
    },
    outcome: /Illegal TFTP operation|Malformed/,
  },
});

const WINDOW = { blockSize: 100, windowSize: 4 };
const block = (number: number) => data(number, FILE.subarray((number - 1) * 100, number * 100));

/** Two windows of four, and a last one of three blocks (the last is empty), each sent by `send`. */
function windows(send: (tid: ScriptSocket, first: number) => Promise<void> | void): HostileCase {
  return {
    settings: WINDOW,
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("blksize", "100", "windowsize", "4"));
      await tid.hears(/^ACK 0$/);
      for (const first of [1, 5]) {
        await send(tid, first);
        await tid.hears(new RegExp(`^ACK ${first + 3}$`));
      }
      tid.say(block(9), block(10), data(11, ""));
      await tid.hears(/^ACK 11$/);
    },
    outcome: FILE,
  };
}

hostileCases("windows", {
  "in order": windows((tid, first) => tid.say(...[0, 1, 2, 3].map((at) => block(first + at)))),
  backwards: windows(async (tid, first) => {
    tid.say(block(first + 3));
    await tid.hears(new RegExp(`^ACK ${first - 1}$`));
    tid.say(block(first + 2), block(first + 1), block(first));
  }),
  "with a gap: one ACK names the last block in order": windows(async (tid, first) => {
    tid.say(block(first), block(first + 2), block(first + 3));
    await tid.hears(new RegExp(`^ACK ${first}$`));
    // What is left of the window; the client may have kept the rest.
    tid.say(block(first + 1), block(first + 2), block(first + 3));
  }),
  "every block twice": windows((tid, first) =>
    tid.say(...[0, 1, 2, 3].flatMap((at) => [block(first + at), block(first + at)])),
  ),
  "blocks beyond the window are not taken": windows((tid, first) =>
    tid.say(
      data(first + 4, "beyond"),
      ...[0, 1, 2, 3].map((at) => block(first + at)),
      data(first + 9, "far"),
    ),
  ),
  "junk and ERROR 5 of a stranger between": windows((tid, first) =>
    tid.say(block(first), Buffer.from([0, 0]), block(first + 1), ack(3), block(first + 2), block(first + 3)),
  ),
  "a flood of blocks far beyond": windows((tid, first) => {
    for (let at = 0; at < 100; at++) tid.say(data(first + 200 + at, Buffer.alloc(100)));
    tid.say(...[0, 1, 2, 3].map((at) => block(first + at)));
  }),
});

hostileCases("a PUT's server", {
  "acknowledges blocks that were never sent": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(ack(0));
      await tid.hears(/^DATA 1 \(512\)$/);
      tid.say(ack(2), ack(7), ack(65_535), ack(1));
      await tid.hears(/^DATA 2 \(488\)$/);
      tid.say(ack(3), ack(2));
    },
    outcome: "sent",
  },
  "acknowledges everything many times: no block leaves twice": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(ack(0), ack(0), ack(0));
      await tid.hears(/^DATA 1 \(512\)$/);
      tid.say(ack(0), ack(1), ack(1), ack(0), ack(1));
      await tid.hears(/^DATA 2 \(488\)$/);
      const sent = tid.log.filter((words) => words.startsWith("DATA")).join();
      if (sent !== "DATA 1 (512),DATA 2 (488)") throw new Error(`a duplicate ACK was answered: ${sent}`);
      tid.say(ack(2));
    },
    outcome: "sent",
  },
  "sends DATA": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(FIRST, ack(0));
      await tid.hears(/^DATA 1 \(512\)$/);
      tid.say(SECOND, FIRST, ack(1));
      await tid.hears(/^DATA 2 \(488\)$/);
      tid.say(ack(2));
    },
    outcome: "sent",
  },
  "acknowledges with longer packets": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(Buffer.concat([ack(0), Buffer.from("x")]));
      await tid.hears(/^DATA 1 \(512\)$/);
      tid.say(Buffer.concat([ack(1), Buffer.alloc(500)]));
      await tid.hears(/^DATA 2 \(488\)$/);
      tid.say(Buffer.concat([ack(2), Buffer.from("x")]));
    },
    outcome: "sent",
  },
  "has no room left at the last block": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(ack(0));
      await tid.hears(/^DATA 1 \(512\)$/);
      tid.say(ack(1));
      await tid.hears(/^DATA 2 \(488\)$/);
      tid.say(errorPacket(3, "Disk full"));
    },
    outcome: /^\(Server\) Disk full$/,
  },
});
