import { ack, data, errorPacket, inWordsBlotted, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause } from "../world.js";
import { answered, EVENTS, OVER, requested } from "./client-steps.js";

/** How a client tells what went wrong, and when it asks again. */
export const clientErrorScenarios: readonly Scenario[] = [
  {
    name: "ERROR packets with number 0: the prefix and the text, no code, no stats",
    async play(tftp, world) {
      await answered(world, tftp, "GET", "GET", errorPacket(0, "Something else"));
      await answered(world, tftp, "PUT", "PUT", errorPacket(0, "Something else"));
      await answered(world, tftp, "without a text", "GET", errorPacket(0, ""));
      await answered(world, tftp, "of 4 bytes", "GET", Buffer.from([0, 5, 0, 0]));
      await answered(world, tftp, "a number that nobody knows", "GET", errorPacket(99, "text 99"));
    },
  },
  {
    name: "ERROR packets with numbers",
    differs: {
      because: ["D6"],
      original: [
        "1 close",
        "1 error '(Server) text 1'",
        "1: silence",
        "2 close",
        "2 error '(Server) text 2'",
        "2: silence",
        "3 close",
        "3 error '(Server) text 3'",
        "3: silence",
        "4 close",
        "4 error '(Server) text 4'",
        "4: silence",
        "5 close",
        "5 error '(Server) text 5'",
        "5: silence",
        "6 close",
        "6 error '(Server) text 6'",
        "6: silence",
        "7 close",
        "7 error '(Server) text 7'",
        "7: silence",
        "PUT close",
        "PUT error '(Server) text 6'",
        "PUT: silence",
        "the end",
      ],
      ours: [
        "1 close",
        "1 error '(Server) text 1' (ENOENT)",
        "1: silence",
        "2 close",
        "2 error '(Server) text 2' (EACCESS)",
        "2: silence",
        "3 close",
        "3 error '(Server) text 3' (ENOSPC)",
        "3: silence",
        "4 close",
        "4 error '(Server) text 4' (EBADOP)",
        "4: silence",
        "5 close",
        "5 error '(Server) text 5' (ETID)",
        "5: silence",
        "6 close",
        "6 error '(Server) text 6' (EEXIST)",
        "6: silence",
        "7 close",
        "7 error '(Server) text 7' (ENOUSER)",
        "7: silence",
        "PUT close",
        "PUT error '(Server) text 6' (EEXIST)",
        "PUT: silence",
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const number of [1, 2, 3, 4, 5, 6, 7]) {
        await answered(world, tftp, `${number}`, "GET", errorPacket(number, `text ${number}`));
      }
      await answered(world, tftp, "PUT", "PUT", errorPacket(6, "text 6"));
    },
  },
  {
    name: "an ERROR in the middle",
    async play(tftp, world) {
      for (const method of ["GET", "PUT"] as const) {
        const { peer, port, stream } = await requested(world, tftp, method, { timeout: 2000 });
        world.watchOnce(method, stream, EVENTS);
        world.note(await peer.ask(port, oack("blksize", "8", "windowsize", "1")));
        peer.send(errorPacket(0, "enough"), port);
        await world.settle(stream, OVER);
        world.note((await peer.hear(50)).filter((words) => !words.startsWith("DATA")).join());
      }
    },
  },
  {
    name: "silence: the server is told nothing",
    differs: {
      because: ["D6"],
      original: [
        "GET close",
        "GET error 'Timed out'",
        "silence",
        "PUT close",
        "PUT error 'Timed out'",
        "silence",
        "the end",
      ],
      ours: [
        "GET close",
        "GET error 'Timed out' (ETIME)",
        "silence",
        "PUT close",
        "PUT error 'Timed out' (ETIME)",
        "silence",
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const method of ["GET", "PUT"] as const) {
        const { peer, stream } = await requested(world, tftp, method, { timeout: 100 });
        world.watchOnce(method, stream, EVENTS);
        await world.settle(stream, OVER);
        world.note(await peer.nextAnswer(50));
      }
    },
  },
  {
    name: "a name that can't be looked up",
    differs: {
      because: ["D6"],
      original: [
        "GET close",
        "GET error 'Cannot resolve the domain name \"no-such-host.invalid\"'",
        "the end",
      ],
      ours: [
        "GET close",
        "GET error 'Cannot resolve the domain name \"no-such-host.invalid\"' (ENOTFOUND)",
        "the end",
      ],
    },
    async play(tftp, world) {
      const stream = tftp.createClient({ host: "no-such-host.invalid" }).createGetStream("f").resume();
      world.watchOnce("GET", stream, EVENTS);
      await world.settle(stream, OVER, 6000);
    },
  },
  {
    name: "ERROR 8 first: the request is repeated once without options, from another port",
    async play(tftp, world) {
      for (const method of ["GET", "PUT"] as const) {
        const { peer, port, stream } = await requested(world, tftp, method, { timeout: 2000 });
        world.watchOnce(method, stream, EVENTS);
        peer.send(errorPacket(8, "no options please"), port);
        const second = await peer.next();
        world.note(`${inWordsBlotted(second.bytes)}, another port ${second.port !== port}`);
        const over = world.settle(stream, OVER);
        peer.send(method === "GET" ? data(1, "abc") : ack(0), second.port);
        const reply = await peer.nextAnswer(500);
        if (method === "PUT") peer.send(ack(1), second.port);
        await over;
        world.note(reply);
      }
    },
  },
  {
    name: "ERROR 8 twice: EBADOP",
    async play(tftp, world) {
      for (const method of ["GET", "PUT"] as const) {
        const { peer, port, stream } = await requested(world, tftp, method);
        world.watchOnce(method, stream, EVENTS);
        peer.send(errorPacket(8, "no"), port);
        peer.send(errorPacket(8, "no"), (await peer.next()).port);
        await world.settle(stream, OVER);
        world.note(await peer.nextAnswer(50));
      }
    },
  },
  {
    name: "ERROR 8 after the OACK is an error like others",
    differs: {
      because: ["D6"],
      original: [
        "GET stats {10 keys}",
        "ACK 0",
        "GET close",
        "GET error '(Server) changed my mind'",
        "the end",
      ],
      ours: [
        "GET stats {10 keys}",
        "ACK 0",
        "GET close",
        "GET error '(Server) changed my mind' (EDENY)",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { peer, port, stream } = await requested(world, tftp, "GET");
      world.watchOnce("GET", stream, EVENTS);
      world.note(await peer.ask(port, oack("blksize", "8")));
      peer.send(errorPacket(8, "changed my mind"), port);
      await world.settle(stream, OVER);
    },
  },
  {
    name: "a PUT of more than 33553920 bytes to a server without options: EFBIG",
    async play(tftp, world) {
      for (const size of [33_553_920, 33_553_921]) {
        const peer = await world.peer();
        const stream = world.client(tftp, peer.port).createPutStream("f", { size });
        world.watchOnce(`${size}`, stream, EVENTS);
        stream.write(Buffer.alloc(600));
        const { port } = await peer.next();
        const over = world.settle(stream, OVER);
        peer.send(ack(0), port);
        const reply = await peer.nextAnswer(500);
        if (size === 33_553_920) peer.send(errorPacket(0, "enough"), port);
        await over;
        world.note(reply);
      }
    },
  },
  {
    name: "an error that nobody listens for ends the process",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, (req) => req.abort("not you"));
      world.client(tftp, port).createGetStream("f").resume();
      await pause(1000);
    },
  },
];
