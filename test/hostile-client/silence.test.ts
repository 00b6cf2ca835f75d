import assert from "node:assert/strict";
import { ack, data, oack } from "../compat/packets.js";
import { sampleBytes } from "../helpers/files.js";
import { type HostileCase, hostileCases } from "./hostile.js";
import type { ScriptSocket } from "./hostile-server.js";

const FILE = sampleBytes(1000);
const FIRST = data(1, FILE.subarray(0, 512));
const SECOND = data(2, FILE.subarray(512));

/** With patience of 1.2 s; packets for it are counted, because repetition is bounded too. */
const IMPATIENT = { timeout: 400, retries: 2 };

function silentAfter(steps: (tid: ScriptSocket) => Promise<void>, upload?: Buffer): HostileCase {
  let tid: ScriptSocket | null = null;
  return {
    settings: IMPATIENT,
    ...(upload === undefined ? {} : { upload }),
    server: async (server) => {
      tid = await server.request();
      await steps(tid);
    },
    outcome: /^Timed out$/,
    afterwards: (server) => {
      const packets = server.requestPort.log.length + (tid?.log.length ?? 0);
      assert.ok(packets <= 16, `${packets} packets for a server that fell silent`);
    },
  };
}

/** Says the same for longer than the client may stay, whatever it answers. */
async function repeating(say: () => void, tid: ScriptSocket, answer: RegExp): Promise<void> {
  const timer = setInterval(say, 50);
  try {
    await tid.hears(answer);
    await new Promise((resolve) => setTimeout(resolve, 4000));
  } finally {
    clearInterval(timer);
  }
}

hostileCases("silence", {
  "from the start": {
    ...silentAfter(async () => undefined),
    afterwards: (server) => {
      const requests = server.requestPort.log;
      assert.equal(new Set(requests).size, 1, "the same request each time");
      assert.ok(requests.length >= 2 && requests.length <= 4, `${requests.length} requests`);
    },
  },
  "after the OACK": silentAfter(async (tid) => {
    tid.say(oack("blksize", "512"));
    await tid.hears(/^ACK 0$/);
  }),
  "after DATA 1": silentAfter(async (tid) => {
    tid.say(FIRST);
    await tid.hears(/^ACK 1$/);
  }),
  "in the middle of a window": silentAfter(async (tid) => {
    tid.say(oack("blksize", "512", "windowsize", "4"));
    await tid.hears(/^ACK 0$/);
    tid.say(FIRST);
  }),
  "of a PUT's server from the start": silentAfter(async () => undefined, FILE),
  "of a PUT's server after the OACK": silentAfter(async (tid) => {
    tid.say(oack("blksize", "600"));
    await tid.hears(/^DATA 1 \(600\)$/);
  }, FILE),
  "of a PUT's server instead of the last ACK is no success": silentAfter(async (tid) => {
    tid.say(ack(0));
    await tid.hears(/^DATA 1 /);
    tid.say(ack(1));
    await tid.hears(/^DATA 2 /);
  }, FILE),
  "behind OACKs without end": {
    settings: IMPATIENT,
    server: async (server) => {
      const tid = await server.request();
      await repeating(() => tid.say(oack("blksize", "512")), tid, /^ACK 0$/);
    },
    outcome: /^Timed out$/,
  },
  "behind DATA 1 without end": {
    settings: IMPATIENT,
    server: async (server) => {
      const tid = await server.request();
      await repeating(() => tid.say(FIRST), tid, /^ACK 1$/);
    },
    outcome: /^Timed out$/,
  },
  "behind ACK 0 without end": {
    settings: IMPATIENT,
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      await repeating(() => tid.say(ack(0)), tid, /^DATA 1 /);
    },
    outcome: /^Timed out$/,
  },
});

hostileCases("loss", {
  "of the first request": {
    server: async (server) => {
      await server.requestPort.hears(/^RRQ /);
      const tid = await server.request();
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "of ACK 0: it comes again by itself": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(oack("blksize", "512"));
      await tid.hears(/^ACK 0$/);
      await tid.hears(/^ACK 0$/);
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "of an ACK: the repeated block gets it again": {
    server: async (server) => {
      const tid = await server.request();
      for (let copy = 0; copy < 3; copy++) {
        tid.say(FIRST);
        await tid.hears(/^ACK 1$/);
      }
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "of DATA of a PUT: it comes again": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(ack(0));
      await tid.hears(/^DATA 1 /);
      await tid.hears(/^DATA 1 /);
      tid.say(ack(1));
      await tid.hears(/^DATA 2 /);
      await tid.hears(/^DATA 2 /);
      tid.say(ack(2));
    },
    outcome: "sent",
  },
  "a server that takes half of the patience for every block": {
    settings: { timeout: 1000, retries: 2 },
    server: async (server) => {
      const tid = await server.request();
      for (let block = 1; block <= 4; block++) {
        await new Promise((resolve) => setTimeout(resolve, 1500));
        tid.say(data(block, block === 4 ? "" : FILE.subarray(0, 512)));
        await tid.hears(new RegExp(`^ACK ${block}$`));
      }
    },
    outcome: Buffer.concat([1, 2, 3].map(() => FILE.subarray(0, 512))),
  },
});
