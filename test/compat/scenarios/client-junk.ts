import { ack, data, oack, rrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { answered, EVENTS, OVER, requested } from "./client-steps.js";

/** Servers that talk nonsense. */
export const clientJunkScenarios: readonly Scenario[] = [
  {
    name: "answers that are none to a GET: the server is told, the error has a code",
    async play(tftp, world) {
      await answered(world, tftp, "ACK", "GET", ack(0));
      await answered(world, tftp, "RRQ", "GET", rrq("f"));
      await answered(world, tftp, "an unknown operation", "GET", Buffer.from([0, 9, 0, 0]));
      await answered(world, tftp, "one byte", "GET", Buffer.from([0]));
      await answered(world, tftp, "an OACK without end", "GET", Buffer.from("\0\x06blksize\x00008"));
    },
  },
  {
    name: "answers that are none to a PUT: the server is told, the error has a code",
    async play(tftp, world) {
      await answered(world, tftp, "DATA", "PUT", data(1, "abc"));
      await answered(world, tftp, "an unknown operation", "PUT", Buffer.from([0, 9, 0, 0]));
      await answered(world, tftp, "one byte", "PUT", Buffer.from([0]));
    },
  },
  {
    name: "broken first answers of a server without options",
    differs: {
      because: ["junk"],
      original: [
        "DATA without a number stats {10 keys}",
        "DATA without a number close",
        "DATA without a number error '(Server) Malformed TFTP message' (EBADMSG)",
        "DATA without a number: ERROR 0 Malformed TFTP message",
        "DATA 2 stats {10 keys}",
        "DATA 2 close",
        "DATA 2 error 'Timed out'",
        "DATA 2: ACK 0",
        "ACK 1 stats {10 keys}",
        "ACK 1 close",
        "ACK 1 error '(Server) Malformed TFTP message' (EBADMSG)",
        "ACK 1: DATA 1 (20)",
        "the end",
      ],
      ours: [
        "DATA without a number close",
        "DATA without a number error '(Server) Malformed TFTP message' (EBADMSG)",
        "DATA without a number: ERROR 0 Malformed TFTP message",
        "DATA 2 close",
        "DATA 2 error '(Server) Malformed TFTP message' (EBADMSG)",
        "DATA 2: ERROR 0 Malformed TFTP message",
        "ACK 1 close",
        "ACK 1 error '(Server) Malformed TFTP message' (EBADMSG)",
        "ACK 1: ERROR 0 Malformed TFTP message",
        "the end",
      ],
    },
    async play(tftp, world) {
      await answered(world, tftp, "DATA without a number", "GET", Buffer.from([0, 3, 0]));
      await answered(world, tftp, "DATA 2", "GET", data(2, "abc"));
      await answered(world, tftp, "ACK 1", "PUT", ack(1));
    },
  },
  {
    name: "a block that is longer than agreed: EBADMSG at once",
    async play(tftp, world) {
      const { peer, port, stream } = await requested(world, tftp, "GET", { timeout: 2000 });
      world.watchOnce("GET", stream, EVENTS);
      world.note(await peer.ask(port, oack("blksize", "8", "windowsize", "1")));
      peer.send(data(1, "123456789"), port);
      await world.settle(stream, OVER, 1000);
      world.note(await peer.nextAnswer(50));
    },
  },
  {
    name: "packets in the middle that do not belong there",
    differs: {
      because: ["junk"],
      original: [
        "ACK stats {10 keys}",
        "ACK close",
        "ACK error '(Server) Illegal TFTP operation' (EBADOP)",
        "ERROR 4 Illegal TFTP operation",
        "an unknown operation stats {10 keys}",
        "an unknown operation close",
        "an unknown operation error '(Server) Illegal TFTP operation' (EBADOP)",
        "ERROR 4 Illegal TFTP operation",
        "one byte stats {10 keys}",
        "one byte close",
        "one byte error '(Server) Malformed TFTP message' (EBADMSG)",
        "ERROR 0 Malformed TFTP message",
        "the end",
      ],
      ours: [
        "ACK stats {10 keys}",
        "ACK close",
        "ACK end",
        "ACK 1",
        "an unknown operation stats {10 keys}",
        "an unknown operation close",
        "an unknown operation end",
        "ACK 1",
        "one byte stats {10 keys}",
        "one byte close",
        "one byte end",
        "ACK 1",
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const [label, junk] of [
        ["ACK", ack(0)],
        ["an unknown operation", Buffer.from([0, 9, 0, 0])],
        ["one byte", Buffer.from([7])],
      ] as const) {
        const { peer, port, stream } = await requested(world, tftp, "GET", { timeout: 2000 });
        world.watchOnce(label, stream, EVENTS);
        await peer.ask(port, oack("blksize", "8", "windowsize", "1"));
        peer.send(junk, port);
        peer.send(data(1, "abc"), port);
        await world.settle(stream, OVER);
        world.note(await peer.nextAnswer(50));
        peer.close();
      }
    },
  },
  {
    name: "packets in the middle that do not belong there, and then silence",
    async play(tftp, world) {
      const { peer, port, stream } = await requested(world, tftp, "GET", { timeout: 100 });
      world.watchOnce("GET", stream, EVENTS);
      await peer.ask(port, oack("blksize", "8", "windowsize", "1"));
      peer.send(Buffer.from([0, 9, 0, 0]), port);
      await world.settle(stream, OVER);
      const heard = await peer.hear(50);
      world.note(heard.filter((words) => words !== "ACK 0").join());
    },
  },
  {
    name: "an ERROR of 3 bytes is not answered",
    async play(tftp, world) {
      const { peer, port, stream } = await requested(world, tftp, "GET");
      world.watchOnce("GET", stream, EVENTS);
      peer.send(Buffer.from([0, 5, 0]), port);
      await world.settle(stream, OVER);
      world.note(await peer.nextAnswer(50));
    },
  },
];
