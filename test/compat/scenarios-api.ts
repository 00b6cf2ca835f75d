import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scenario } from "./scenarios.js";
import {
  ack,
  data,
  errorPacket,
  inWords,
  oack,
  rrq,
  type ScenarioWorld,
  type TftpModule,
  wrq,
} from "./world.js";

const STREAM_EVENTS = ["stats", "close", "end", "finish", "abort", "error"];

function clientOf(tftp: TftpModule, port: number, more = {}): TftpModule {
  return tftp.createClient({ host: "127.0.0.1", port, timeout: 300, retries: 1, ...more });
}

/** A GET stream whose reader reads; resolves when nothing more happens. */
async function follow(world: ScenarioWorld, stream: TftpModule, last: readonly string[]): Promise<void> {
  world.watch("stream", stream, STREAM_EVENTS);
  if (typeof stream.resume === "function") stream.resume();
  await new Promise<void>((resolve) => {
    for (const event of last) stream.on(event, () => setTimeout(resolve, 50));
  });
}

function file(world: ScenarioWorld, name: string, size: number): Buffer {
  const bytes = Buffer.alloc(size, name);
  writeFileSync(join(world.folder, name), bytes);
  return bytes;
}

/** What the API page promises to stay as it is. */
export const apiScenarios: readonly Scenario[] = [
  {
    name: "the error texts are constants of the module",
    async play(tftp, world) {
      for (const name of "ENOENT EACCESS ENOSPC EBADOP ETID EEXIST ENOUSER EDENY ESOCKET EBADMSG EABORT EFBIG ETIME EBADMODE EBADNAME EIO ENOGET ENOPUT ERBIG ECONPUT ECURPUT ECURGET".split(
        " ",
      )) {
        world.note(`${name} = ${tftp[name]}`);
      }
      world.note(`${typeof tftp.createClient} ${typeof tftp.createServer}`);
    },
  },
  {
    name: "factories take missing, null and odd options",
    async play(tftp, world) {
      for (const options of [
        undefined,
        null,
        {},
        { port: "x", retries: -1, timeout: Number.NaN, blockSize: 3, windowSize: 1e9 },
      ]) {
        world.call("client", () => tftp.createClient(options));
        world.call("server", () => tftp.createServer(options));
      }
      world.call("server with a listener", () => tftp.createServer(() => undefined));
      world.call("server with options null", () => tftp.createServer({}, null));
      world.call("a name for the server", () => tftp.createServer({ host: "example.com" }));
      world.call("an IPv6 address for the server", () => tftp.createServer({ host: "::1" }));
    },
  },
  {
    name: "a server keeps its configured host, port and root",
    async play(tftp, world) {
      const server = tftp.createServer({ host: "localhost", port: "1234", root: "" });
      world.note(`${server.host} ${server.port} ${server.root}`);
      const other = tftp.createServer();
      world.note(`${other.host} ${other.port} ${other.root}`);
    },
  },
  {
    name: "remote names are normalised, and refused when they leave the root",
    async play(tftp, world) {
      const peer = await world.peer();
      const client = clientOf(tftp, peer.port);
      for (const name of ["./a", "a//b", "/abs", "/../x", "a/../b"]) {
        const stream = client.createGetStream(name);
        stream.on("error", () => undefined);
        const { bytes } = await peer.next();
        world.note(inWords(bytes).split(" ").slice(0, 2).join(" "));
        stream.close();
      }
      for (const name of ["..", "../a", "a/../../b"]) world.call(name, () => client.createGetStream(name));
      world.call("a number", () => client.createGetStream(5));
      world.call("put without size", () => client.createPutStream("f", {}));
      world.call("put with size null", () => client.createPutStream("f", { size: null }));
    },
  },
  {
    name: "a GET of a file: stats, close, end",
    async play(tftp, world) {
      file(world, "f", 5000);
      const { port } = await world.server(tftp, {});
      const stream = clientOf(tftp, port).createGetStream("f");
      let bytes = 0;
      stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
      stream.on("stats", (stats: Record<string, unknown>) => {
        world.note(Object.keys(stats).join());
        world.note(
          `${stats["blockSize"]} ${stats["windowSize"]} ${stats["size"]} ${stats["retries"]} ${stats["timeout"]}`,
        );
      });
      stream.once("end", () => world.note(`${bytes} bytes`));
      world.watch("stream", stream, ["stats", "end", "error", "abort"]);
      stream.once("close", () => world.note("stream close"));
      await new Promise<void>((resolve) => stream.on("end", () => setTimeout(resolve, 100)));
    },
  },
  {
    name: "a PUT of a file: stats, close, finish",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {});
      const stream = clientOf(tftp, port).createPutStream("up", { size: 5 });
      world.watch("stream", stream, ["stats", "finish", "error", "abort"]);
      stream.once("close", () => world.note("stream close"));
      stream.write("he");
      stream.end("llo");
      await new Promise<void>((resolve) => stream.on("finish", () => setTimeout(resolve, 100)));
      world.note(readFileSync(join(world.folder, "up"), "utf8"));
    },
  },
  {
    name: "a PUT of an empty file",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {});
      const stream = clientOf(tftp, port).createPutStream("up", { size: 0 });
      world.watch("stream", stream, ["stats", "finish", "error", "abort"]);
      stream.end();
      await new Promise<void>((resolve) => stream.on("finish", () => setTimeout(resolve, 100)));
      world.note(`${readFileSync(join(world.folder, "up")).length} bytes`);
    },
  },
  {
    name: "an ERROR of the server: close, error with the prefix and the text",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f");
      const done = follow(world, stream, ["error"]);
      const { port } = await peer.next();
      peer.send(errorPacket(1, "No such thing"), port);
      await done;
    },
  },
  {
    name: "a silent server: the request 1 + retries times, then close and 'Timed out'",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port, { timeout: 100, retries: 2 }).createGetStream("f");
      const done = follow(world, stream, ["error"]);
      for (let i = 0; i < 3; i++) world.note(inWords((await peer.next()).bytes).slice(0, 5));
      await done;
    },
  },
  {
    name: "abort: the server gets one ERROR 'Aborted'; close, abort",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f");
      const done = follow(world, stream, ["abort"]);
      const { port } = await peer.next();
      peer.send(oack("blksize", "8", "windowsize", "1"), port);
      world.note(inWords((await peer.next()).bytes));
      stream.abort();
      stream.abort();
      stream.close();
      world.note(inWords((await peer.next()).bytes));
      await done;
    },
  },
  ...(
    [
      ["a text", "busy now"],
      ["an Error", new Error("broken")],
      ["an Error without a text", new Error("")],
      ["a number", 7],
      ["a text that has a code", "Disk full or allocation exceeded"],
    ] as const
  ).map(
    ([label, reason]): Scenario => ({
      name: `abort with ${label}`,
      async play(tftp, world) {
        const peer = await world.peer();
        const stream = clientOf(tftp, peer.port).createGetStream("f");
        const done = follow(world, stream, ["abort"]);
        const { port } = await peer.next();
        peer.send(oack("blksize", "8"), port);
        await peer.next();
        stream.abort(reason);
        world.note(inWords((await peer.next()).bytes));
        await done;
      },
    }),
  ),
  {
    name: "a refused OACK: ERROR 8 to the server, EDENY",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f", { userExtensions: { x: "1" } });
      stream.on("error", (error: { code?: string }) => world.note(`code ${error.code}`));
      const done = follow(world, stream, ["error"]);
      const { port } = await peer.next();
      peer.send(oack("blksize", "2000"), port);
      world.note(inWords((await peer.next()).bytes));
      await done;
    },
  },
  {
    name: "ERROR 8 first: the request is repeated without options, from a new port",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f");
      stream.on("data", (chunk: Buffer) => world.note(`data ${chunk}`));
      stream.once("end", () => world.note("end"));
      const first = await peer.next();
      peer.send(errorPacket(8, "no options please"), first.port);
      const second = await peer.next();
      world.note(`${inWords(second.bytes)}, new port ${first.port !== second.port}`);
      peer.send(data(1, "abc"), second.port);
      world.note(inWords((await peer.next()).bytes));
      await new Promise((resolve) => stream.on("end", resolve));
    },
  },
  {
    name: "ERROR 8 twice is EBADOP",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f");
      stream.on("error", (error: { code?: string }) => world.note(`code ${error.code}`));
      const done = follow(world, stream, ["error"]);
      for (let i = 0; i < 2; i++) peer.send(errorPacket(8, "no"), (await peer.next()).port);
      await done;
    },
  },
  {
    name: "a server without options: 512 x 1, size null",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f");
      stream.on("stats", (stats: Record<string, unknown>) =>
        world.note(`${stats["blockSize"]} ${stats["windowSize"]} ${stats["size"]}`),
      );
      stream.resume();
      const { port } = await peer.next();
      peer.send(data(1, "abc"), port);
      world.note(inWords((await peer.next()).bytes));
      await new Promise((resolve) => stream.on("end", resolve));
    },
  },
  {
    name: "a wrong sum is an error after close, and no end",
    async play(tftp, world) {
      file(world, "f", 100);
      const { port } = await world.server(tftp, {});
      for (const sums of [{ md5: "00" }, { sha1: "00" }]) {
        const stream = clientOf(tftp, port).createGetStream("f", sums);
        await follow(world, stream, ["error"]);
      }
    },
  },
  {
    name: "a request over 512 bytes is ERBIG",
    async play(tftp, world) {
      const stream = clientOf(tftp, 9).createGetStream("f", { userExtensions: { long: "x".repeat(500) } });
      await follow(world, stream, ["error"]);
    },
  },
  {
    name: "get with callbacks, in all its forms",
    async play(tftp, world) {
      const content = file(world, "f", 3000);
      const { port } = await world.server(tftp, {});
      const client = clientOf(tftp, port);
      const local = (name: string) => join(world.folder, name);
      const elsewhere = join(world.folder, "elsewhere");
      mkdirSync(elsewhere);
      process.chdir(elsewhere);
      const done = (label: string, name: string) => (resolve: () => void) => (error?: Error | null) => {
        world.note(`${label} ${error ? error.message : "fine"} ${readFileSync(local(name)).equals(content)}`);
        resolve();
      };
      await new Promise<void>((r) => world.note(String(client.get("f", local("g1"), done("get", "g1")(r)))));
      await new Promise<void>((r) => client.get("f", local("g2"), {}, done("get options", "g2")(r)));
      await new Promise<void>((r) => client.get("f", {}, done("get default name", "elsewhere/f")(r)));
    },
  },
  {
    name: "get and put refuse directories and missing files before any request",
    async play(tftp, world) {
      const client = clientOf(tftp, 9);
      const told = (label: string) => (resolve: () => void) => (error?: NodeJS.ErrnoException) => {
        world.note(`${label}: ${error?.code ?? error?.message}`);
        resolve();
      };
      await new Promise<void>((r) => client.get("f", world.folder, told("get into a directory")(r)));
      await new Promise<void>((r) => client.put(world.folder, "f", told("put of a directory")(r)));
      await new Promise<void>((r) => client.put(join(world.folder, "none"), "f", told("put of nothing")(r)));
      world.call("a name above", () => client.get("../x", "y", () => undefined));
    },
  },
  {
    name: "a failed get leaves no file",
    async play(tftp, world) {
      const { server, port } = await world.server(tftp, {});
      server.on("request", (req: TftpModule) => req.on("error", () => undefined));
      const local = join(world.folder, "never");
      await new Promise<void>((resolve) =>
        clientOf(tftp, port).get("none", local, (error: Error) => {
          world.note(error.message);
          world.note(String(existsSync(local)));
          resolve();
        }),
      );
    },
  },
  {
    name: "a request event: req and res, this is the server, stats before anything is sent",
    async play(tftp, world) {
      const peer = await world.peer();
      const { server, port } = await world.server(tftp, {});
      server.on("request", function (this: unknown, req: TftpModule) {
        world.note(
          `${this === server} ${req.method} ${req.file} ${req.stats.blockSize} ${req.stats.windowSize} ${req.stats.size}`,
        );
        world.note(JSON.stringify(req.stats.userExtensions));
        req.on("error", () => undefined);
      });
      peer.send(rrq("./dir//x", "blksize", "100", "mine", "7"), port);
      await peer.next();
      peer.send(wrq("/up", "tsize", "3", "windowsize", "2"), port);
      const { port: transferPort } = await peer.next();
      peer.send(errorPacket(0, "never mind"), transferPort);
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
  },
  {
    name: "a GET of a missing file: ERROR 1; close, abort, error",
    async play(tftp, world) {
      const peer = await world.peer();
      const { server, port } = await world.server(tftp, {});
      server.on("request", (req: TftpModule) => {
        for (const event of ["close", "abort"]) req.on(event, () => world.note(`req ${event}`));
        req.on("error", (error: NodeJS.ErrnoException) => world.note(`req error ${error.code}`));
      });
      peer.send(rrq("none"), port);
      world.note(inWords((await peer.next()).bytes));
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
  },
  {
    name: "a listener that answers by hand: setSize, write, end",
    async play(tftp, world) {
      const peer = await world.peer();
      const { port } = await world.server(tftp, {}, ((req: TftpModule, res: TftpModule) => {
        req.once("close", () => world.note("req close"));
        res.on("finish", () => world.note("res finish"));
        res.setSize(5);
        world.call("twice", () => res.setSize(5));
        res.write("he");
        res.end("llo");
      }) as never);
      peer.send(rrq("any", "tsize", "0"), port);
      const first = await peer.next();
      world.note(inWords(first.bytes));
      peer.send(ack(0), first.port);
      const collected: Buffer[] = [];
      for (let block = 1; block === 1 || (collected.at(-1) ?? Buffer.alloc(0)).length === 512; block++) {
        const { bytes } = await peer.next();
        collected.push(bytes.subarray(4));
        peer.send(ack(block), first.port);
      }
      world.note(Buffer.concat(collected).toString());
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
  },
  {
    name: "a listener that reads a PUT: data, close, end",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, ((req: TftpModule, res: TftpModule) => {
        const chunks: Buffer[] = [];
        world.call("setSize on a PUT", () => res.setSize(1));
        req.on("data", (chunk: Buffer) => chunks.push(chunk));
        req.once("close", () => world.note("req close"));
        req.on("end", () => world.note(`req end ${Buffer.concat(chunks)}`));
      }) as never);
      const stream = clientOf(tftp, port).createPutStream("up", { size: 5 });
      stream.end("hello");
      await new Promise<void>((resolve) => stream.on("finish", () => setTimeout(resolve, 100)));
    },
  },
  {
    name: "user extensions go there and back for a GET",
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, ((_req: TftpModule, res: TftpModule) => {
        res.setUserExtensions({ user: "hello", unasked: "x", tsize: "9" });
        res.setSize(0);
        res.end();
      }) as never);
      const stream = clientOf(tftp, port).createGetStream("f", { userExtensions: { user: "me", num: 2 } });
      stream.on("stats", (stats: { userExtensions: object }) =>
        world.note(JSON.stringify(stats.userExtensions)),
      );
      stream.resume();
      await new Promise<void>((resolve) => stream.on("end", () => setTimeout(resolve, 50)));
    },
  },
  {
    name: "req.abort in a listener sends its text",
    async play(tftp, world) {
      const peer = await world.peer();
      const { port } = await world.server(tftp, {}, ((req: TftpModule) => {
        world.watch("req", req, ["close", "abort", "error"]);
        req.abort(tftp.EACCESS);
      }) as never);
      peer.send(rrq("f"), port);
      world.note(inWords((await peer.next()).bytes));
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
  },
  {
    name: "two GETs of one file at a time are fine, a PUT beside a PUT is not",
    async play(tftp, world) {
      file(world, "f", 100);
      const { port } = await world.server(tftp, {});
      const [a, b, c, d] = await Promise.all([world.peer(), world.peer(), world.peer(), world.peer()]);
      a.send(rrq("f"), port);
      b.send(rrq("f"), port);
      world.note(inWords((await a.next()).bytes));
      world.note(inWords((await b.next()).bytes));
      c.send(wrq("new"), port);
      world.note(inWords((await c.next()).bytes));
      d.send(wrq("new"), port);
      world.note(inWords((await d.next()).bytes));
      d.send(rrq("new"), port);
      world.note(inWords((await d.next()).bytes));
    },
  },
  {
    name: "close: no new requests, running transfers go on, twice is fine",
    async play(tftp, world) {
      const content = file(world, "f", 2000);
      const peer = await world.peer();
      const { server, port } = await world.server(tftp, {});
      server.on("close", () => world.note("server close"));
      peer.send(rrq("f"), port);
      const first = await peer.next();
      server.close();
      server.close();
      const got = [first.bytes.subarray(4)];
      for (let block = 1; block <= 4; block++) {
        peer.send(ack(block), first.port);
        if (block < 4) got.push((await peer.next()).bytes.subarray(4));
      }
      world.note(`${Buffer.concat(got).equals(content)}`);
    },
  },
];
