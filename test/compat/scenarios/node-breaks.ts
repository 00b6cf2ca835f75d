import { createReadStream } from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { data, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type ScenarioWorld, type TftpModule } from "../world.js";

async function outcomeOf(world: ScenarioWorld, label: string, run: () => Promise<string>): Promise<void> {
  try {
    world.note(`${label}: ${await run()}`);
  } catch (error) {
    world.note(`${label}: ${(error as NodeJS.ErrnoException).code} ${(error as Error).message}`);
  }
}

/** What newer versions of Node broke. */
export const nodeBreakScenarios: readonly Scenario[] = [
  {
    name: "how often close is emitted, by client and server",
    differs: {
      because: ["N1"],
      original: [
        "GET close",
        "GET end",
        "GET close",
        "req of the PUT close",
        "req of the PUT close",
        "PUT close,finish,close",
        "the end",
      ],
      ours: ["GET close", "GET end", "req of the PUT close", "PUT close,finish", "the end"],
    },
    async play(tftp, world) {
      world.file("f", "abc");
      const { server, port } = await world.server(tftp);
      server.on("request", (req: TftpModule) => {
        if (req.method === "PUT") req.on("close", () => world.note("req of the PUT close"));
      });
      const get = world.client(tftp, port).createGetStream("f").resume();
      world.watch("GET", get, ["close", "end"]);
      await world.settle(get, ["end"]);
      const put = world.client(tftp, port).createPutStream("up", { size: 3 });
      const events: string[] = [];
      for (const event of ["close", "finish"]) put.on(event, () => events.push(event));
      put.end("abc");
      await world.settle(put, ["finish"]);
      await pause(100);
      world.note(`PUT ${events.join()}`);
    },
  },
  {
    name: "what Node warns of during a GET and a PUT",
    differs: {
      because: ["N5"],
      original: ["warnings: DeprecationWarning DEP0005", "the end"],
      ours: ["warnings: ", "the end"],
    },
    async play(tftp, world) {
      const warnings = new Set<string>();
      process.on("warning", ({ name, code }: NodeJS.ErrnoException) => warnings.add(`${name} ${code}`));
      world.file("f", "abc");
      const { port } = await world.server(tftp);
      const get = world.client(tftp, port).createGetStream("f").resume();
      await world.settle(get, ["end", "error"]);
      const put = world.client(tftp, port).createPutStream("up", { size: 3 });
      put.end("abc");
      await world.settle(put, ["finish", "error"]);
      world.note(`warnings: ${[...warnings].join()}`);
    },
  },
  // Smaller ones depend on the buffers of streams, which grew with Node 22.
  ...[65_536, 131_072].map(
    (size): Scenario => ({
      name: `put of a file of ${size} bytes`,
      differs: {
        because: ["N2"],
        original: ["put: never called back", "whole on the server: true", "the end"],
        ours: ["put: later", "whole on the server: true", "the end"],
      },
      async play(tftp, world) {
        const { port } = await world.server(tftp);
        const content = world.file("mine", size).toString("latin1");
        const client = world.client(tftp, port);
        await world.calledBack("put", (done) => client.put(world.path("mine"), "up", done), 2000);
        world.note(`whole on the server: ${world.content("up") === content}`);
      },
    }),
  ),
  {
    name: "a client and servers without a host, and with ::1",
    differs: {
      because: ["N3"],
      original: ["undefined: fine", "::1: Timed out", "the end"],
      ours: ["undefined: fine", "::1: fine", "the end"],
    },
    async play(tftp, world) {
      world.file("f", "abc");
      // The resolver names one of the two first, and the original asks no other.
      for (const host of [undefined, "::1"]) {
        const { port } = await world.server(tftp, { host });
        const client = tftp.createClient({ port, timeout: 400, retries: 1 });
        let outcome = "never called back";
        await new Promise<void>((resolve) => {
          client.get("f", world.path("got"), (error?: Error) => {
            outcome = error ? error.message : "fine";
            resolve();
          });
        });
        world.note(`${host}: ${outcome}`);
      }
    },
  },
  {
    name: "for await over a GET",
    differs: {
      because: ["N4"],
      original: ["for await: ERR_STREAM_PREMATURE_CLOSE Premature close", "the end"],
      ours: ["for await: 3000 bytes", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 3000);
      const { port } = await world.server(tftp);
      await outcomeOf(world, "for await", async () => {
        let bytes = 0;
        for await (const chunk of world.client(tftp, port).createGetStream("f")) bytes += chunk.length;
        return `${bytes} bytes`;
      });
    },
  },
  {
    name: "stream.pipeline from a file into a PUT",
    differs: {
      because: ["N4"],
      original: ["pipeline: ERR_STREAM_PREMATURE_CLOSE Premature close", "the end"],
      ours: ["pipeline: 3000 bytes", "the end"],
    },
    async play(tftp, world) {
      world.file("mine", 3000);
      const { port } = await world.server(tftp);
      await outcomeOf(world, "pipeline", async () => {
        const stream = world.client(tftp, port).createPutStream("up", { size: 3000 });
        await pipeline(createReadStream(world.path("mine")), stream);
        return `${world.content("up").length} bytes`;
      });
    },
  },
  {
    name: "stream.pipeline from a GET into a file",
    differs: {
      because: ["N4"],
      original: ["pipeline: ERR_STREAM_PREMATURE_CLOSE Premature close", "the end"],
      ours: ["pipeline: 3000 bytes", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 3000);
      const { port } = await world.server(tftp);
      await outcomeOf(world, "pipeline", async () => {
        const chunks: Buffer[] = [];
        const sink = new Writable({
          write: (chunk, _encoding, done) => {
            chunks.push(chunk);
            done();
          },
        });
        await pipeline(world.client(tftp, port).createGetStream("f"), sink);
        return `${Buffer.concat(chunks).length} bytes`;
      });
    },
  },
  {
    name: "destroy of a running GET",
    differs: {
      because: ["N4"],
      original: ["the server hears nothing", "and then ACK 1", "the end"],
      ours: ["the server hears Aborted", "and then silence", "the end"],
    },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createGetStream("f").resume();
      const { port } = await peer.next();
      await peer.ask(port, oack("blksize", "8", "windowsize", "1"));
      stream.destroy();
      const heard = await peer.nextWithin(100);
      world.note(
        heard === null ? "the server hears nothing" : `the server hears ${heard.bytes.subarray(4, -1)}`,
      );
      peer.send(data(1, "12345678"), port);
      world.note(`and then ${await peer.nextAnswer(100)}`);
    },
  },
];
