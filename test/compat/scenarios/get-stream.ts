import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { data, inWords, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type ScenarioWorld, type TftpModule } from "../world.js";

const EVENTS = ["stats", "close", "end", "abort", "error"];
const OVER = ["end", "abort", "error"];

/** A running server with a file of 5,000 bytes, and a client of it. */
async function setUp(tftp: TftpModule, world: ScenarioWorld) {
  const content = world.file("f", 5000);
  const { port } = await world.server(tftp);
  return { content, port, client: world.client(tftp, port) };
}

/** What a GET delivers, and how it tells. */
export const getStreamScenarios: readonly Scenario[] = [
  {
    name: "a GET: stats, data, close, end",
    async play(tftp, world) {
      const { client, content } = await setUp(tftp, world);
      for (const options of [undefined, null, {}]) {
        const stream = client.createGetStream("f", options);
        world.watchOnce("GET", stream, EVENTS);
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => {
          if (chunks.push(chunk) === 1) world.note("data");
        });
        await world.settle(stream, OVER);
        world.note(`whole: ${Buffer.concat(chunks).equals(content)}`);
      }
    },
  },
  {
    name: "the ten keys of stats and their values",
    async play(tftp, world) {
      for (const answer of [
        oack("blksize", "100", "windowsize", "2", "tsize", "12345", "rollover", "0", "mine", "ok"),
        oack("blksize", "1468"),
        oack("windowsize", "4", "tsize", "0"),
        data(1, "abc"),
      ]) {
        const peer = await world.peer();
        const client = world.client(tftp, peer.port, { timeout: 2000, retries: 7 });
        const stream = client.createGetStream("f", { userExtensions: { mine: "?", other: "?" } });
        stream.on("stats", (stats: Record<string, unknown>) => {
          const ports = `${stats["localPort"] === port} ${stats["remotePort"] === peer.port}`;
          world.note(`${JSON.stringify({ ...stats, localPort: "", remotePort: "" })} ${ports}`);
        });
        const { port } = await peer.next();
        peer.send(answer, port);
        world.note(inWords((await peer.next()).bytes));
        stream.close();
        peer.close();
      }
    },
  },
  {
    name: "stats comes before any data, and listeners that are added then get all of it",
    async play(tftp, world) {
      const { client } = await setUp(tftp, world);
      const stream = client.createGetStream("f");
      world.watchOnce("GET", stream, EVENTS);
      let bytes = 0;
      stream.once("stats", () => {
        stream.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
        });
      });
      await world.settle(stream, OVER);
      world.note(`${bytes} bytes`);
    },
  },
  {
    name: "readers of every sort get the whole file",
    async play(tftp, world) {
      const { client, content } = await setUp(tftp, world);
      const check = (label: string, got: Buffer) => world.note(`${label}: ${got.equals(content)}`);

      const late = client.createGetStream("f");
      const lateChunks: Buffer[] = [];
      await pause(100);
      late.on("data", (chunk: Buffer) => lateChunks.push(chunk));
      await world.settle(late, OVER);
      check("a listener that comes late", Buffer.concat(lateChunks));

      const paused = client.createGetStream("f");
      const pausedChunks: Buffer[] = [];
      paused.on("data", (chunk: Buffer) => {
        pausedChunks.push(chunk);
        paused.pause();
        setTimeout(() => paused.resume(), 5);
      });
      await world.settle(paused, OVER);
      check("pause and resume", Buffer.concat(pausedChunks));

      const readable = client.createGetStream("f");
      const readChunks: Buffer[] = [];
      readable.on("readable", () => {
        for (let chunk = readable.read(); chunk !== null; chunk = readable.read()) readChunks.push(chunk);
      });
      await world.settle(readable, OVER);
      check("readable and read()", Buffer.concat(readChunks));

      const encoded = client.createGetStream("f");
      encoded.setEncoding("hex");
      let hex = "";
      encoded.on("data", (chunk: string) => {
        hex += chunk;
      });
      await world.settle(encoded, OVER);
      check("setEncoding", Buffer.from(hex, "hex"));

      const piped = client.createGetStream("f");
      const file = createWriteStream(world.path("copy"));
      piped.pipe(file);
      await world.settle(file, ["finish", "error"]);
      check("pipe", Buffer.from(world.content("copy"), "latin1"));
    },
  },
  {
    name: "a GET of an empty file",
    async play(tftp, world) {
      world.file("empty", 0);
      const { port } = await world.server(tftp);
      const stream = world.client(tftp, port).createGetStream("empty");
      world.watchOnce("GET", stream, EVENTS);
      stream.on("stats", ({ size }: { size: unknown }) => world.note(`size ${size}`));
      stream.on("data", () => world.note("data"));
      await world.settle(stream, OVER);
    },
  },
  {
    name: "sums that are right: in any case, sha1 before md5, empty ones are none",
    async play(tftp, world) {
      const { client, content } = await setUp(tftp, world);
      const md5 = createHash("md5").update(content).digest("hex");
      const sha1 = createHash("sha1").update(content).digest("hex");
      for (const [label, sums] of [
        ["md5", { md5 }],
        ["MD5", { md5: md5.toUpperCase() }],
        ["sha1", { sha1 }],
        ["SHA1", { sha1: sha1.toUpperCase() }],
        ["sha1 right, md5 wrong", { sha1, md5: "00" }],
        ["both empty", { sha1: "", md5: "" }],
        ["sha1 empty", { sha1: "", md5 }],
        ["null", { sha1: null, md5: undefined }],
      ] as const) {
        const stream = client.createGetStream("f", sums).resume();
        world.watchOnce(label, stream, EVENTS);
        await world.settle(stream, OVER);
      }
    },
  },
  {
    name: "sums that are wrong: close, error, no end",
    async play(tftp, world) {
      const { client, content } = await setUp(tftp, world);
      const md5 = createHash("md5").update(content).digest("hex");
      for (const [label, sums] of [
        ["md5", { md5: "00" }],
        ["sha1", { sha1: "00" }],
        ["sha1 wrong, md5 right", { sha1: "00", md5 }],
      ] as const) {
        const stream = client.createGetStream("f", sums).resume();
        world.watchOnce(label, stream, EVENTS);
        await world.settle(stream, OVER);
      }
    },
  },
  {
    name: "a server without options: 512 x 1 in lock-step",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port).createGetStream("f").resume();
      world.watchOnce("GET", stream, EVENTS);
      const { port } = await peer.next();
      world.note(await peer.ask(port, data(1, Buffer.alloc(512))));
      peer.send(data(2, "abc"), port);
      await world.settle(stream, OVER);
      world.note(await peer.nextAnswer(50));
    },
  },
  {
    name: "windows of a GET: an ACK for each, and for the last block",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createGetStream("f").resume();
      const { port } = await peer.next();
      world.note(await peer.ask(port, oack("blksize", "8", "windowsize", "3")));
      for (const block of [1, 2]) peer.send(data(block, "12345678"), port);
      world.note(await peer.ask(port, data(3, "12345678")));
      peer.send(data(4, "12345678"), port);
      peer.send(data(5, ""), port);
      await world.settle(stream, OVER);
      world.note((await peer.hear(50)).join());
    },
  },
  {
    name: "everything that client and server say for one GET",
    differs: {
      because: ["oack-order"],
      original: [
        "server OACK blksize 1000 windowsize 2 tsize 5000 rollover 0",
        "client ACK 0",
        "server DATA 1 (1000)",
        "server DATA 2 (1000)",
        "client ACK 2",
        "server DATA 3 (1000)",
        "server DATA 4 (1000)",
        "client ACK 4",
        "server DATA 5 (1000)",
        "server DATA 6 (0)",
        "client ACK 6",
        "whole: true",
        "the end",
      ],
      ours: [
        "server OACK blksize 1000 windowsize 2 rollover 0 tsize 5000",
        "client ACK 0",
        "server DATA 1 (1000)",
        "server DATA 2 (1000)",
        "client ACK 2",
        "server DATA 3 (1000)",
        "server DATA 4 (1000)",
        "client ACK 4",
        "server DATA 5 (1000)",
        "server DATA 6 (0)",
        "client ACK 6",
        "whole: true",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { content, port } = await setUp(tftp, world);
      const [toClient, toServer] = [await world.peer(), await world.peer()];
      const client = world.client(tftp, toClient.port, { blockSize: 1000, windowSize: 2, timeout: 2000 });
      const stream = client.createGetStream("f");
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      // Through a proxy that writes down who says what.
      const request = await toClient.next();
      toServer.send(request.bytes, port);
      for (let words = ""; !words.startsWith("DATA 6 "); ) {
        const heard = await toServer.next();
        words = inWords(heard.bytes).replace(/ timeout \d+/, "");
        world.note(`server ${words}`);
        toClient.send(heard.bytes, request.port);
        // The first block of a window is not acknowledged.
        if (/DATA [135] /.test(words)) continue;
        const { bytes } = await toClient.next();
        world.note(`client ${inWords(bytes)}`);
        toServer.send(bytes, heard.port);
      }
      await world.quiet();
      world.note(`whole: ${Buffer.concat(chunks).equals(content)}`);
    },
  },
  {
    name: "a GET that nobody reads",
    differs: {
      because: ["unread"],
      original: ["GET stats {10 keys}", "GET close", "the end"],
      ours: ["GET stats {10 keys}", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 100);
      const { port } = await world.server(tftp);
      const stream = world.client(tftp, port).createGetStream("f");
      world.watchOnce("GET", stream, EVENTS);
      await pause(300);
    },
  },
];
