import { Readable } from "node:stream";
import { ack, inWords, inWordsBlotted, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type ScenarioWorld, type TftpModule } from "../world.js";

const EVENTS = ["stats", "close", "finish", "abort", "error"];
const OVER = ["finish", "abort", "error"];

/** Plays a whole PUT through a stream and notes what came of it. */
async function putWhole(
  world: ScenarioWorld,
  tftp: TftpModule,
  label: string,
  size: number,
  write: (stream: TftpModule) => void,
): Promise<void> {
  const { server, port } = await world.server(tftp);
  const stream = world.client(tftp, port).createPutStream("up", { size });
  world.watchOnce(label, stream, EVENTS);
  write(stream);
  await world.settle(stream, OVER);
  // The original acknowledges the last block before it is on the disk.
  for (let looks = 0; looks < 100 && world.content("up").length < size; looks++) await pause(10);
  const content = world.content("up");
  world.note(`${label}: ${content.length > 40 ? `${content.length} bytes, ${content.slice(-9)}` : content}`);
  server.close();
}

/** What a PUT takes, and how it tells. */
export const putStreamScenarios: readonly Scenario[] = [
  {
    name: "a PUT: stats, close, finish",
    async play(tftp, world) {
      await putWhole(world, tftp, "one end", 5, (stream) => stream.end("hello"));
      await putWhole(world, tftp, "in pieces", 5, (stream) => {
        stream.write("he");
        stream.write(Buffer.from("l"));
        stream.end("lo");
      });
      await putWhole(world, tftp, "an empty file", 0, (stream) => stream.end());
    },
  },
  {
    name: "chunks of any length, in any encoding, corked or not",
    async play(tftp, world) {
      const content = Buffer.alloc(10_000, "abcdefg");
      await putWhole(world, tftp, "one byte at a time", 2000, (stream) => {
        for (let at = 0; at < 2000; at++) stream.write(content.subarray(at, at + 1));
        stream.end();
      });
      await putWhole(world, tftp, "larger than windows", 10_000, (stream) => stream.end(content));
      await putWhole(world, tftp, "around a block", 10_000, (stream) => {
        stream.write(content.subarray(0, 1467));
        stream.write(content.subarray(1467, 1469));
        stream.write(content.subarray(1469, 8000));
        stream.end(content.subarray(8000));
      });
      for (const [label, size] of [
        ["a whole number of blocks", 2936],
        ["a whole window", 5872],
      ] as const) {
        await putWhole(world, tftp, label, size, (stream) => stream.end(content.subarray(0, size)));
      }
      await putWhole(world, tftp, "hex", 3, (stream) => stream.end("616263", "hex"));
      await putWhole(world, tftp, "UTF-8", 2, (stream) => stream.end("ü"));
      await putWhole(world, tftp, "corked", 6, (stream) => {
        stream.cork();
        stream.write("abc");
        stream.write("def");
        process.nextTick(() => {
          stream.uncork();
          stream.end();
        });
      });
      await putWhole(world, tftp, "a slow writer", 6, (stream) => {
        stream.write("abc");
        setTimeout(() => stream.end("def"), 100);
      });
    },
  },
  {
    name: "the request of a PUT leaves at the first write, or at end() when the size is 0",
    async play(tftp, world) {
      const peer = await world.peer();
      const client = world.client(tftp, peer.port, { timeout: 2000 });
      const one = client.createPutStream("one", { size: 1 });
      world.note(`before the write: ${inWords((await peer.nextWithin(100))?.bytes)}`);
      one.write("x");
      world.note(`after the write: ${inWordsBlotted((await peer.next()).bytes)}`);
      one.close();
      const none = client.createPutStream("none", { size: 0 });
      world.note(`before the end: ${inWords((await peer.nextWithin(100))?.bytes)}`);
      none.end();
      world.note(`after the end: ${inWordsBlotted((await peer.next()).bytes)}`);
      none.close();
    },
  },
  {
    name: "the size of a PUT has to be given",
    async play(tftp, world) {
      const client = world.client(tftp, 9);
      for (const options of [{}, { size: null }, { size: undefined }, { userExtensions: {} }]) {
        world.call(`createPutStream ${JSON.stringify(options)}`, () => client.createPutStream("f", options));
      }
    },
  },
  {
    name: "stats of a PUT: the size is what both agree on",
    async play(tftp, world) {
      for (const [label, answer] of [
        ["with tsize", oack("blksize", "100", "tsize", "3", "mine", "ok")],
        ["without tsize", oack("windowsize", "2")],
        ["without options", ack(0)],
      ] as const) {
        const peer = await world.peer();
        const client = world.client(tftp, peer.port);
        const stream = client.createPutStream("f", { size: 3, userExtensions: { mine: "?" } });
        stream.on("stats", (stats: Record<string, unknown>) => {
          const ports = `${stats["localPort"] === port} ${stats["remotePort"] === peer.port}`;
          world.note(`${label}: ${JSON.stringify({ ...stats, localPort: "", remotePort: "" })} ${ports}`);
        });
        stream.end("abc");
        const { port } = await peer.next();
        world.note(await peer.ask(port, answer));
        peer.send(ack(1), port);
        await world.settle(stream, OVER);
        peer.close();
      }
    },
  },
  {
    name: "windows of a PUT: so many blocks, then the ACK is waited for",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createPutStream("f", { size: 28 });
      stream.end("1234567812345678123456781234");
      const { port } = await peer.next();
      peer.send(oack("blksize", "8", "windowsize", "2"), port);
      for (const block of [2, 4]) {
        world.note(await peer.hearDistinct());
        peer.send(ack(block), port);
      }
      await world.settle(stream, OVER);
      world.note(await peer.nextAnswer(50));
    },
  },
  {
    name: "finish comes when the server has acknowledged the last block, not before",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createPutStream("f", { size: 3 });
      world.watchOnce("PUT", stream, EVENTS);
      stream.end("abc");
      const { port } = await peer.next();
      world.note(await peer.ask(port, oack("blksize", "8")));
      await pause(100);
      world.note("the last ACK");
      peer.send(ack(1), port);
      await world.settle(stream, OVER);
    },
  },
  {
    name: "taking the source of a running PUT away aborts it",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createPutStream("f", { size: 100 });
      world.watchOnce("PUT", stream, EVENTS);
      const source = new Readable({ read: () => undefined });
      source.push(Buffer.alloc(20));
      source.pipe(stream);
      const { port } = await peer.next();
      world.note(await peer.ask(port, oack("blksize", "8", "windowsize", "1")));
      source.unpipe(stream);
      await world.settle(stream, OVER, 500);
      world.note((await peer.hear(50)).filter((words) => !words.startsWith("DATA")).join());
    },
  },
  {
    name: "a PUT of one whole block to a server without options",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createPutStream("f", { size: 512 });
      world.watchOnce("PUT", stream, EVENTS);
      stream.end(Buffer.alloc(512));
      const { port } = await peer.next();
      world.note(await peer.ask(port, ack(0)));
      world.note(await peer.ask(port, ack(1)));
      peer.send(ack(2), port);
      await world.settle(stream, OVER);
    },
  },
];
