import assert from "node:assert/strict";
import { ack, data, errorPacket, oack } from "../compat/packets.js";
import { sampleBytes } from "../helpers/files.js";
import { type HostileCase, hostileCases } from "./hostile.js";
import type { HostileServer, ScriptSocket } from "./hostile-server.js";

const FILE = sampleBytes(1000);
const FIRST = data(1, FILE.subarray(0, 512));
const SECOND = data(2, FILE.subarray(512));

/** A stranger says this in the middle; he gets one ERROR 5 for each (or nothing), and the file arrives. */
function disturbed(strange: Uint8Array, answer: RegExp | null, address = "127.0.0.1"): HostileCase {
  let stranger: ScriptSocket | null = null;
  return {
    server: async (server) => {
      const tid = await server.request();
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      stranger = await server.tid(address);
      stranger.say(strange);
      if (answer !== null) await stranger.hears(answer);
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
    afterwards: () => {
      if (answer === null) assert.deepEqual(stranger?.log, []);
    },
  };
}

/** Somebody else is faster than the server that was asked. */
function faster(strange: Uint8Array, from: (server: HostileServer) => Promise<ScriptSocket>): HostileCase {
  return {
    server: async (server) => {
      const tid = await server.request();
      const stranger = await from(server);
      stranger.say(strange);
      await stranger.hears(/^ERROR 5 /);
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  };
}

const TID = /^ERROR 5 Unknown transfer ID$/;

hostileCases("strangers", {
  "DATA from another port": disturbed(data(2, "forged"), TID),
  "ERROR from another port gets no answer": disturbed(errorPacket(2, "go away"), null),
  "OACK from another port": disturbed(oack("blksize", "8"), TID),
  "an ACK from another port": disturbed(ack(2), TID),
  "an empty datagram from another port": disturbed(Buffer.alloc(0), TID),
  "4096 bytes from another port": disturbed(Buffer.alloc(4096, 3), TID),
  "DATA from another address": disturbed(data(2, "forged"), TID, "127.0.0.2"),
  "ERROR from another address": disturbed(errorPacket(1, "not found"), null, "127.0.0.2"),
  "DATA as the first answer from another address": faster(FIRST, (server) => server.tid("127.0.0.2")),
  "OACK as the first answer from another address": faster(oack("blksize", "8"), (server) =>
    server.tid("127.0.0.3"),
  ),
  "ERROR as the first answer from another address": {
    server: async (server) => {
      const tid = await server.request();
      (await server.tid("127.0.0.2")).say(errorPacket(1, "not found"));
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "a thousand of them do not make an echo": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      const stranger = await server.tid();
      for (let at = 0; at < 1000; at++) stranger.say(data(at, "x"));
      await stranger.hears(TID);
      // Behind a thousand packets the block may find no room.
      const repeating = setInterval(() => tid.say(SECOND), 200);
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/).finally(() => clearInterval(repeating));
    },
    outcome: FILE,
    afterwards: () => undefined,
  },
});

hostileCases("TIDs", {
  "a second answer from a second port: the first counts, the other gets ERROR 5": {
    server: async (server) => {
      const first = await server.request();
      const second = await server.tid();
      first.say(oack("blksize", "512"));
      await first.hears(/^ACK 0$/);
      second.say(oack("blksize", "512"));
      await second.hears(TID);
      first.say(FIRST);
      await first.hears(/^ACK 1$/);
      first.say(SECOND);
      await first.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "a server that moves to another port is a stranger": {
    server: async (server) => {
      const tid = await server.request();
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      const moved = await server.tid();
      moved.say(SECOND);
      await moved.hears(TID);
    },
    outcome: /^Timed out$/,
  },
  "answers from the request port are as good": {
    server: async (server) => {
      await server.request();
      server.requestPort.say(FIRST);
      await server.requestPort.hears(/^ACK 1$/);
      server.requestPort.say(SECOND);
      await server.requestPort.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "over IPv6": {
    address: "::1",
    server: async (server) => {
      const tid = await server.request();
      tid.say(FIRST);
      await tid.hears(/^ACK 1$/);
      tid.say(SECOND);
      await tid.hears(/^ACK 2$/);
    },
    outcome: FILE,
  },
  "of a PUT: an ACK of a stranger does not move it": {
    upload: FILE,
    server: async (server) => {
      const tid = await server.request();
      tid.say(ack(0));
      await tid.hears(/^DATA 1 /);
      const stranger = await server.tid();
      stranger.say(ack(1), ack(2));
      await stranger.hears(TID);
      tid.say(ack(1));
      await tid.hears(/^DATA 2 \(488\)$/);
      tid.say(ack(2));
    },
    outcome: "sent",
  },
});
