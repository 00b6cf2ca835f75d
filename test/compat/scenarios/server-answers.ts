import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { ack, data, errorPacket, inWords, rrq, wrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type ScenarioWorld, type TftpModule } from "../world.js";

type Listener = (this: TftpModule, req: TftpModule, res: TftpModule) => void;

/** Lets a listener answer one GET of a client of the same implementation. */
async function fetched(world: ScenarioWorld, tftp: TftpModule, listener: Listener): Promise<void> {
  const serverSide: string[] = [];
  const { server, port } = await world.server(tftp, { timeout: 1000 }, function (req, res) {
    req.once("close", () => serverSide.push("req close"));
    res.on("finish", () => serverSide.push("res finish"));
    listener.call(this, req, res);
  });
  const stream = world.client(tftp, port, { timeout: 1000 }).createGetStream("f");
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("stats", ({ size }: { size: unknown }) => world.note(`size ${size}`));
  await world.settle(stream, ["end", "error", "abort"]);
  const content = Buffer.concat(chunks);
  const text = content.length > 40 ? createHash("md5").update(content).digest("hex") : content.toString();
  world.note(`got ${content.length} bytes: ${text}`);
  world.note(serverSide.join());
  server.close();
}

/** Listeners that answer by hand. */
export const serverAnswerScenarios: readonly Scenario[] = [
  {
    name: "setSize, write, end",
    async play(tftp, world) {
      await fetched(world, tftp, (_req, res) => {
        world.call("setSize", () => res.setSize(5));
        res.write("he");
        res.end("llo");
      });
    },
  },
  {
    name: "write before setSize",
    async play(tftp, world) {
      await fetched(world, tftp, (_req, res) => {
        res.write("he");
        setTimeout(() => {
          res.setSize(5);
          res.end("llo");
        }, 50);
      });
    },
  },
  {
    name: "setSize(0) and end() send an empty file",
    async play(tftp, world) {
      await fetched(world, tftp, (_req, res) => {
        res.setSize(0);
        res.end();
      });
      await fetched(world, tftp, (_req, res) => {
        res.setSize(0);
        setTimeout(() => res.end(), 50);
      });
    },
  },
  {
    name: "a pipe into res, from a file and in small pieces",
    async play(tftp, world) {
      const content = world.file("large", 200_000);
      await fetched(world, tftp, (_req, res) => {
        res.setSize(content.length);
        createReadStream(world.path("large")).pipe(res);
      });
      await fetched(world, tftp, (_req, res) => {
        res.setSize(2000);
        for (let at = 0; at < 2000; at += 10) res.write(content.subarray(at, at + 10));
        res.end();
      });
    },
  },
  {
    name: "setSize twice, on a PUT, and after abort",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, (req, res) => {
        if (req.method === "PUT") {
          world.call("on a PUT", () => res.setSize(5));
        } else {
          world.call("once", () => res.setSize(5));
          world.call("twice", () => res.setSize(5));
          req.abort("enough");
          world.call("after abort", () => res.setSize(5));
        }
      });
      await (await world.peer()).ask(port, rrq("f"));
      await (await world.peer()).ask(port, wrq("up", "tsize", "3"));
      await world.quiet();
    },
  },
  {
    name: "a GET that nobody answers stays open, without a packet",
    async play(tftp, world) {
      const { port } = await world.server(tftp, { timeout: 50 }, (req) => {
        for (const event of ["close", "error", "abort"]) req.once(event, () => world.note(`req ${event}`));
        setTimeout(() => {
          world.note("answered at last");
          req.abort("at last");
        }, 400);
      });
      const peer = await world.peer();
      const heard = await peer.ask(port, rrq("f"), 1000);
      await world.quiet();
      world.note(heard);
    },
  },
  {
    name: "user extensions there and back for a GET: only names that were asked and are free",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, (req, res) => {
        world.note(JSON.stringify(req.stats.userExtensions));
        res.setUserExtensions({ user: "hello", num: 7, unasked: "x", tsize: "9", blksize: 8 });
        res.setSize(3);
        res.end("abc");
      });
      const userExtensions = { user: "me", num: 2, third: "" };
      const stream = world.client(tftp, port).createGetStream("f", { userExtensions }).resume();
      stream.on("stats", (stats: TftpModule) => {
        world.note(JSON.stringify(stats.userExtensions));
        world.note(`${stats.blockSize} ${stats.size}`);
      });
      await world.settle(stream, ["end", "error"]);
    },
  },
  {
    name: "user extensions of a PUT",
    differs: {
      because: ["B8"],
      original: ["OACK tsize 3", "the end"],
      ours: ["OACK user hello tsize 3", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, function (req, res) {
        res.setUserExtensions({ user: "hello", unasked: "x" });
        this.requestListener(req, res);
      });
      world.note(await (await world.peer()).ask(port, wrq("up", "user", "me", "tsize", "3")));
    },
  },
  {
    name: "a listener that reads a PUT: data, close, end",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, (req) => {
        const chunks: Buffer[] = [];
        req.on("data", (chunk: Buffer) => chunks.push(chunk));
        req.once("close", () => world.note("req close"));
        req.on("end", () => world.note(`req end ${Buffer.concat(chunks)}`));
      });
      world.client(tftp, port).createPutStream("up", { size: 5 }).end("hello");
      await pause(150);
      await world.quiet();
    },
  },
  {
    name: "a listener that reads along while the default listener stores",
    async play(tftp, world) {
      const { server, port } = await world.server(tftp);
      server.on("request", (req: TftpModule) => {
        const chunks: Buffer[] = [];
        req.on("data", (chunk: Buffer) => chunks.push(chunk));
        req.on("end", () => world.note(`req end ${Buffer.concat(chunks)}`));
      });
      const stream = world.client(tftp, port).createPutStream("up", { size: 5 });
      stream.end("hello");
      await world.settle(stream, ["finish", "error"]);
      world.note(world.content("up"));
    },
  },
  {
    name: "writing into res of a PUT",
    differs: {
      because: ["put-response"],
      original: [/^write: throws /, "the end"],
      ours: ["write: true", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, (req, res) => {
        world.call("write", () => res.write("x"));
        req.abort();
      });
      await (await world.peer()).ask(port, wrq("up"));
      await world.quiet();
    },
  },
  {
    name: "abort and close of a GET by its listener",
    async play(tftp, world) {
      for (const request of [rrq("f"), rrq("f", "blksize", "8")]) {
        for (const act of ["abort", "close"]) {
          const { server, port } = await world.server(tftp, {}, (req) => {
            for (const event of ["close", "end", "abort"]) req.once(event, () => world.note(`req ${event}`));
            world.call(act, () => req[act]());
            world.call(`${act} again`, () => req[act]("again"));
          });
          const heard = await (await world.peer()).ask(port, request, 200);
          await world.quiet();
          world.note(`wire: ${heard}`);
          server.close();
        }
      }
    },
  },
  {
    name: "abort of a running GET by its listener: one ERROR, close, abort",
    async play(tftp, world) {
      world.file("f", 5000);
      const { server, port } = await world.server(tftp, { timeout: 2000 });
      let abort = (): void => undefined;
      server.on("request", (req: TftpModule) => {
        for (const event of ["close", "end", "abort", "error"])
          req.once(event, () => world.note(`req ${event}`));
        abort = () => req.abort("maintenance");
      });
      const peer = await world.peer();
      peer.send(rrq("f"), port);
      const { port: transferPort } = await peer.next();
      world.note(await peer.ask(transferPort, ack(1)));
      abort();
      await world.quiet();
      const heard = await peer.hear(50);
      world.note(heard.filter((words) => !words.startsWith("DATA")).join());
    },
  },
  {
    name: "same-file rules: two readers are fine, everything beside a writer is not",
    async play(tftp, world) {
      world.file("read", 5000);
      const { port } = await world.server(tftp, { timeout: 3000 });
      const ask = async (request: Buffer) => (await world.peer()).ask(port, request);
      const reader = await world.peer();
      reader.send(rrq("read"), port);
      const first = await reader.next();
      world.note(await reader.ask(first.port, ack(1)));
      world.note(await ask(rrq("read")));
      world.note(await ask(rrq("./read")));
      world.note(await ask(wrq("read")));
      const writer = await world.peer();
      writer.send(wrq("written"), port);
      const second = await writer.next();
      world.note(await writer.ask(second.port, data(1, Buffer.alloc(512))));
      world.note(await ask(wrq("written")));
      world.note(await ask(wrq("x/../written")));
      world.note(await ask(rrq("written")));
      world.note(await ask(rrq("read")));
    },
  },
  {
    name: "a request whose client never says a word",
    differs: {
      because: ["forged"],
      original: [
        "ACK 0",
        "ERROR 0 The requested file is being written by another request",
        "ERROR 0 Concurrent PUT request over the same file",
        "the end",
      ],
      ours: ["ACK 0", "ERROR 1 File not found", "ACK 0", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp, { timeout: 3000 });
      const ask = async (request: Buffer) => (await world.peer()).ask(port, request);
      world.note(await ask(wrq("f")));
      await pause(500);
      world.note(await ask(rrq("f")));
      world.note(await ask(wrq("f")));
    },
  },
  {
    name: "a file is free again when its transfer has ended, well or not",
    async play(tftp, world) {
      world.file("f", 10);
      const { port } = await world.server(tftp, { timeout: 3000 });
      const reader = await world.peer();
      reader.send(rrq("f"), port);
      reader.send(ack(1), (await reader.next()).port);
      await pause(50);
      const writer = await world.peer();
      writer.send(wrq("f"), port);
      const second = await writer.next();
      world.note(inWords(second.bytes));
      writer.send(errorPacket(0, "changed my mind"), second.port);
      await pause(50);
      const again = await world.peer();
      again.send(wrq("f"), port);
      const third = await again.next();
      world.note(inWords(third.bytes));
      world.note(await again.ask(third.port, data(1, "new")));
      await pause(50);
      world.note(await (await world.peer()).ask(port, rrq("f")));
    },
  },
  {
    name: "a PUT that its listener does not read",
    differs: {
      because: ["unread"],
      original: ["PUT close", "PUT finish", "req: close", "the end"],
      ours: ["PUT close", "PUT finish", "req: ", "the end"],
    },
    async play(tftp, world) {
      const serverSide: string[] = [];
      const { port } = await world.server(tftp, {}, (req) => {
        for (const event of ["close", "end", "abort"]) req.once(event, () => serverSide.push(event));
      });
      const stream = world.client(tftp, port).createPutStream("up", { size: 5 });
      world.watchOnce("PUT", stream, ["close", "finish", "error"]);
      stream.end("hello");
      await world.settle(stream, ["finish", "error"]);
      world.note(`req: ${serverSide.join()}`);
    },
  },
  {
    name: "close of a PUT while the request event is told",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, (req) => {
        for (const event of ["close", "end", "abort"]) req.once(event, () => world.note(`req ${event}`));
        req.close();
      });
      const peer = await world.peer();
      peer.send(wrq("up"), port);
      world.note(`wire: ${(await peer.hear(150)).join()}`);
    },
  },
  ...(
    [
      ["less", "abc", 10],
      ["more", "abcdef", 3],
    ] as const
  ).map(
    ([label, content, size]): Scenario => ({
      name: `a listener that writes ${label} than it has announced`,
      differs: {
        because: ["B23"],
        original: [
          "GET error '(Server) cb is not a function'",
          "req close, req error (TypeError)",
          "the end",
        ],
        ours: ["GET error '(Server) Not the announced size'", "req close, req error (ESIZE)", "the end"],
      },
      async play(tftp, world) {
        const serverSide: string[] = [];
        const { port } = await world.server(tftp, {}, (req, res) => {
          req.once("close", () => serverSide.push("req close"));
          req.on("error", ({ code }: NodeJS.ErrnoException) => serverSide.push(`req error (${code})`));
          res.setSize(size);
          res.end(content);
        });
        const stream = world.client(tftp, port).createGetStream("f").resume();
        world.watch("GET", stream, ["end", "error"]);
        await pause(800);
        await world.quiet();
        world.note(serverSide.join(", "));
      },
    }),
  ),
];
