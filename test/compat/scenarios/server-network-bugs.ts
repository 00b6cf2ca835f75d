import { ack, data, errorPacket, inWords, rrq, wrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type TftpModule } from "../world.js";

const OVER = ["end", "finish", "abort", "error"];

/** What loss, repetition and strangers make of the original's server, and of both ends at once. */
export const serverNetworkBugScenarios: readonly Scenario[] = [
  {
    name: "the last ACK of a PUT is lost",
    differs: {
      because: ["B24"],
      original: ["ACK 1", "silence", "the end"],
      ours: ["ACK 1", "ACK 1", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp);
      const peer = await world.peer();
      peer.send(wrq("up"), port);
      const first = await peer.next();
      world.note(await peer.ask(first.port, data(1, "abc")));
      await pause(100);
      world.note(await peer.ask(first.port, data(1, "abc"), 300));
    },
  },
  {
    name: "a GET of a file whose 65,536th block is its last",
    differs: {
      because: ["B26"],
      original: ["get: later 'Timed out'", "whole: false", "the end"],
      ours: ["get: later", "whole: true", "the end"],
    },
    async play(tftp, world) {
      const content = world.file("f", 65_535 * 8 + 3).toString("latin1");
      const { port } = await world.server(tftp, { timeout: 500 });
      const client = world.client(tftp, port, { blockSize: 8, windowSize: 4, timeout: 500 });
      await world.calledBack("get", (done) => client.get("f", world.path("got"), done), 10_000);
      world.note(`whole: ${world.content("got") === content}`);
    },
  },
  {
    name: "a PUT of a file whose 65,536th block is its last",
    differs: {
      because: ["B26"],
      original: ["PUT finish", "the server saw an error", "whole: false", "the end"],
      ours: ["PUT finish", "whole: true", "the end"],
    },
    async play(tftp, world) {
      const content = Buffer.alloc(65_535 * 8 + 3, "rollover");
      const { server, port } = await world.server(tftp, { timeout: 500 });
      server.on("request", (req: TftpModule) => req.on("error", () => world.note("the server saw an error")));
      const client = world.client(tftp, port, { blockSize: 8, windowSize: 4, timeout: 500 });
      const stream = client.createPutStream("up", { size: content.length });
      world.watchOnce("PUT", stream, ["finish", "error"]);
      stream.end(content);
      await world.settle(stream, OVER, 10_000);
      await pause(1300);
      world.note(`whole: ${world.content("up") === content.toString("latin1")}`);
    },
  },
  ...[0, 1].map(
    (length): Scenario => ({
      name: `a datagram of ${length} bytes at a transfer's port`,
      differs: {
        because: ["B28"],
        original: ["DATA 1 (512)", /^process died: .*ERR_BUFFER_OUT_OF_BOUNDS/],
        ours: ["DATA 1 (512)", "DATA 2 (88)", "the end"],
      },
      async play(tftp, world) {
        world.file("f", 600);
        const { port } = await world.server(tftp, { timeout: 2000 });
        const [peer, stranger] = [await world.peer(), await world.peer()];
        peer.send(rrq("f"), port);
        const first = await peer.next();
        world.note(inWords(first.bytes));
        for (const sender of [peer, stranger]) sender.send(Buffer.alloc(length), first.port);
        await pause(15);
        world.note(await peer.ask(first.port, ack(1)));
      },
    }),
  ),
  {
    name: "a stranger's ERROR at a transfer's port",
    differs: {
      because: ["B29"],
      original: ["DATA 1 (512)", "the stranger hears silence", "silence", "the end"],
      ours: ["DATA 1 (512)", "the stranger hears silence", "DATA 2 (88)", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 600);
      const { port } = await world.server(tftp, { timeout: 2000 });
      const [peer, stranger] = [await world.peer(), await world.peer()];
      peer.send(rrq("f"), port);
      const first = await peer.next();
      world.note(inWords(first.bytes));
      world.note(`the stranger hears ${await stranger.ask(first.port, errorPacket(0, "go away"), 50)}`);
      world.note(await peer.ask(first.port, ack(1), 200));
    },
  },
  {
    name: "a stranger's DATA at the port of a PUT",
    differs: {
      because: ["B29"],
      original: ["the stranger hears silence", "the client hears ACK 1", "evil", "the end"],
      ours: ["the stranger hears ERROR 5 Unknown transfer ID", "the client hears ACK 1", "good", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp, { timeout: 2000 });
      const [peer, stranger] = [await world.peer(), await world.peer()];
      peer.send(wrq("up"), port);
      const first = await peer.next();
      world.note(`the stranger hears ${await stranger.ask(first.port, data(1, "evil"), 100)}`);
      world.note(`the client hears ${await peer.ask(first.port, data(1, "good"), 300)}`);
      await pause(50);
      world.note(world.content("up"));
    },
  },
  {
    name: "an ACK that comes twice, in lock-step",
    differs: {
      because: ["B30"],
      original: ["DATA 2 (512), DATA 3 (512)", "the end"],
      ours: ["DATA 2 (512)", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 5000);
      const { port } = await world.server(tftp, { timeout: 3000 });
      const peer = await world.peer();
      peer.send(rrq("f"), port);
      const first = await peer.next();
      peer.send(ack(1), first.port);
      peer.send(ack(1), first.port);
      world.note(await peer.hearDistinct());
    },
  },
  {
    name: "a whole GET by a client that says every ACK twice",
    differs: {
      because: ["B30"],
      original: ["req close", "more than twice the 6 blocks there are", "the end"],
      ours: ["req close", "hardly more than the 6 blocks there are", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 5 * 512 + 1);
      const { server, port } = await world.server(tftp, { timeout: 3000 });
      server.on("request", (req: TftpModule) => world.watchOnce("req", req, ["close", "error"]));
      const peer = await world.peer();
      peer.send(rrq("f"), port);
      let blocks = 0;
      for (;;) {
        const heard = await peer.nextWithin(100);
        if (heard === null) break;
        if (heard.bytes[1] === 3) blocks++;
        const block = heard.bytes.readUInt16BE(2);
        peer.send(ack(block), heard.port);
        peer.send(ack(block), heard.port);
      }
      await world.quiet();
      world.note(
        blocks > 15 ? "more than twice the 6 blocks there are" : "hardly more than the 6 blocks there are",
      );
    },
  },
  {
    name: "a RRQ that is repeated while its answer is awaited",
    differs: {
      because: ["B39"],
      original: [
        "request",
        "request",
        "OACK blksize 100, then OACK blksize 100",
        "from one port: false",
        "the end",
      ],
      ours: ["request", "OACK blksize 100, then OACK blksize 100", "from one port: true", "the end"],
    },
    async play(tftp, world) {
      world.file("f", "abc");
      const { server, port } = await world.server(tftp, { timeout: 3000 });
      server.on("request", () => world.note("request"));
      const peer = await world.peer();
      peer.send(rrq("f", "blksize", "100"), port);
      const first = await peer.next();
      peer.send(rrq("f", "blksize", "100"), port);
      const second = await peer.nextWithin(300);
      await world.quiet();
      world.note(`${inWords(first.bytes)}, then ${inWords(second?.bytes)}`);
      world.note(`from one port: ${second?.port === first.port}`);
    },
  },
  {
    name: "a WRQ that is repeated while its answer is awaited",
    differs: {
      because: ["B39"],
      original: ["ACK 0, then ERROR 0 Concurrent PUT request over the same file", "the end"],
      ours: ["ACK 0, then ACK 0", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp, { timeout: 3000 });
      const peer = await world.peer();
      peer.send(wrq("up"), port);
      const first = await peer.next();
      peer.send(wrq("up"), port);
      const second = await peer.nextWithin(300);
      world.note(`${inWords(first.bytes)}, then ${inWords(second?.bytes)}`);
    },
  },
  {
    name: "a block that comes twice to a PUT",
    differs: {
      because: ["duplicate-data"],
      original: ["ACK 1", "ACK 2", "513 bytes", "the end"],
      ours: ["ACK 1,ACK 1", "ACK 2", "513 bytes", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp, { timeout: 2000 });
      const peer = await world.peer();
      peer.send(wrq("up"), port);
      const first = await peer.next();
      peer.send(data(1, Buffer.alloc(512, "1")), first.port);
      peer.send(data(1, Buffer.alloc(512, "1")), first.port);
      world.note((await peer.hear(50)).join());
      world.note(await peer.ask(first.port, data(2, "2")));
      await pause(100);
      world.note(`${world.content("up").length} bytes`);
    },
  },
];
