import { createReadStream, readdirSync } from "node:fs";
import type { FakePeer } from "../fake-peer.js";
import { data, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type ScenarioWorld } from "../world.js";

const EVENTS = ["stats", "close", "end", "finish", "abort", "error"];

/** What the peer hears of a client that was stopped before it began. */
async function noteRequest(world: ScenarioWorld, peer: FakePeer): Promise<void> {
  const heard = await peer.hear(250);
  world.note(heard.length === 0 ? "no request" : `a request: ${heard[0]?.slice(0, 5)}`);
}

/** Where the original's client breaks by itself, without any help of the network. */
export const clientBugScenarios: readonly Scenario[] = [
  {
    name: "abort of a GET before its socket exists",
    differs: {
      because: ["B1"],
      original: ["abort: throws 'Cannot read properties of null (reading 'send')'", "no request", "the end"],
      ours: ["abort: undefined", "GET close", "GET abort", "no request", "the end"],
    },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port).createGetStream("f");
      world.watch("GET", stream, EVENTS);
      world.call("abort", () => stream.abort());
      await noteRequest(world, peer);
    },
  },
  {
    name: "get into a directory that is not there",
    differs: {
      because: ["B1"],
      original: [/^process died: 'Cannot read properties of (null|undefined)/],
      ours: [
        "get: later 'ENOENT: no such file or directory, open 'FOLDER/none/f'' (ENOENT)",
        "no request",
        "the end",
      ],
    },
    async play(tftp, world) {
      const peer = await world.peer();
      // A name takes longer to look up than a file to open: there is no socket yet when that fails.
      const client = world.client(tftp, peer.port, { host: "no-such-host.invalid" });
      await world.calledBack("get", (done) => client.get("f", world.path("none/f"), done));
      await noteRequest(world, peer);
    },
  },
  {
    name: "abort of a PUT before its first write, and a write later",
    differs: {
      because: ["B2"],
      original: ["abort: undefined", "a request: WRQ f", "the end"],
      ours: ["abort: undefined", "PUT close", "PUT abort", "no request", "the end"],
    },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createPutStream("f", { size: 3 });
      world.watch("PUT", stream, EVENTS);
      world.call("abort", () => stream.abort());
      await world.quiet();
      if (!stream.destroyed) stream.write("abc");
      await noteRequest(world, peer);
    },
  },
  {
    name: "close of a GET and of a PUT before their sockets exist",
    differs: {
      because: ["B3"],
      original: ["close: undefined", "a request: RRQ f", "close: undefined", "a request: WRQ f", "the end"],
      ours: [
        "close: undefined",
        "GET close",
        "no request",
        "close: undefined",
        "PUT close",
        "no request",
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const method of ["GET", "PUT"]) {
        const peer = await world.peer();
        const client = world.client(tftp, peer.port, { timeout: 2000 });
        const stream =
          method === "GET" ? client.createGetStream("f") : client.createPutStream("f", { size: 3 });
        world.watch(method, stream, EVENTS);
        if (method === "PUT") stream.write("abc");
        world.call("close", () => stream.close());
        await noteRequest(world, peer);
        peer.close();
      }
    },
  },
  {
    name: "a host name that nobody knows, and a pipe into a PUT",
    differs: {
      because: ["B4"],
      original: ["PUT close", /^process died: 'Cannot read properties of (null|undefined)/],
      ours: [
        "PUT close",
        "PUT error 'Cannot resolve the domain name \"no-such-host.invalid\"' (ENOTFOUND)",
        "the end",
      ],
    },
    async play(tftp, world) {
      world.file("mine", "abc");
      const stream = tftp.createClient({ host: "no-such-host.invalid" }).createPutStream("f", { size: 3 });
      world.watch("PUT", stream, EVENTS);
      createReadStream(world.path("mine")).pipe(stream);
      await world.settle(stream, ["error"], 5000);
    },
  },
  {
    name: "a host name that nobody knows, and put",
    differs: {
      because: ["B4"],
      original: [/^process died: 'Cannot read properties of (null|undefined)/],
      ours: ["put: later 'Cannot resolve the domain name \"no-such-host.invalid\"' (ENOTFOUND)", "the end"],
    },
    async play(tftp, world) {
      world.file("mine", "abc");
      const client = tftp.createClient({ host: "no-such-host.invalid" });
      await world.calledBack("put", (done) => client.put(world.path("mine"), "f", done), 5000);
    },
  },
  {
    name: "close of a running GET",
    differs: {
      because: ["B5"],
      original: ["GET stats {10 keys}", "close: undefined", "GET close", "GET end", "wire: ", "the end"],
      ours: ["GET stats {10 keys}", "close: undefined", "GET close", "wire: ", "the end"],
    },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createGetStream("f").resume();
      world.watchOnce("GET", stream, EVENTS);
      const { port } = await peer.next();
      await peer.ask(port, oack("blksize", "8", "windowsize", "1"));
      await peer.ask(port, data(1, "12345678"));
      world.call("close", () => stream.close());
      await pause(100);
      world.note(`wire: ${(await peer.hear(50)).join()}`);
    },
  },
  {
    name: "a failed get where a file was",
    differs: {
      because: ["B13", "D6"],
      original: ["get: later '(Server) File not found'", "gone", "files: ", "the end"],
      ours: ["get: later '(Server) File not found' (ENOENT)", "old content", "files: old", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp);
      world.file("old", "old content");
      await world.calledBack("get", (done) => world.client(tftp, port).get("none", world.path("old"), done));
      world.note(world.content("old"));
      world.note(`files: ${readdirSync(world.folder).join()}`);
    },
  },
  {
    name: "a put stream without options",
    differs: {
      because: ["B16"],
      original: [
        /^undefined: throws 'Cannot read properties/,
        /^null: throws 'Cannot read properties/,
        "the end",
      ],
      ours: ["undefined: throws 'Missing file size'", "null: throws 'Missing file size'", "the end"],
    },
    async play(tftp, world) {
      for (const options of [undefined, null]) {
        world.call(`${options}`, () => world.client(tftp, 9).createPutStream("f", options));
      }
    },
  },
  ...[null, undefined].map(
    (options): Scenario => ({
      name: `put with ${options} for options`,
      differs: {
        because: ["B17"],
        original: [/^process died: 'Cannot read properties of (null|undefined)/],
        ours: ["put: later", "content", "the end"],
      },
      async play(tftp, world) {
        const { port } = await world.server(tftp);
        world.file("mine", "content");
        await world.calledBack("put", (done) =>
          world.client(tftp, port).put(world.path("mine"), "up", options, done),
        );
        world.note(world.content("up"));
      },
    }),
  ),
  {
    name: "a PUT with fewer bytes than announced",
    differs: {
      because: ["B23"],
      original: [
        "PUT stats {10 keys}",
        "PUT finish",
        "PUT close",
        "PUT error '(Server) cb is not a function' (TypeError)",
        "on the server: gone",
        "the end",
      ],
      ours: [
        "PUT stats {10 keys}",
        "PUT close",
        "PUT error 'Wrong size: 3 bytes were written, 10 were announced' (ESIZE)",
        "on the server: gone",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp);
      const stream = world.client(tftp, port).createPutStream("up", { size: 10 });
      world.watchOnce("PUT", stream, EVENTS);
      stream.end("abc");
      await pause(1200);
      await world.quiet();
      world.note(`on the server: ${world.content("up")}`);
    },
  },
  {
    name: "a PUT with more bytes than announced",
    differs: {
      because: ["B23"],
      original: ["PUT stats {10 keys}", "PUT close", "PUT finish", "on the server: abc", "the end"],
      ours: [
        "PUT stats {10 keys}",
        "PUT close",
        "PUT error 'Wrong size: more than the 3 bytes announced were written' (ESIZE)",
        "on the server: gone",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp);
      const stream = world.client(tftp, port).createPutStream("up", { size: 3 });
      world.watchOnce("PUT", stream, EVENTS);
      stream.write("abc");
      stream.end("def");
      await pause(1200);
      await world.quiet();
      world.note(`on the server: ${world.content("up")}`);
    },
  },
  {
    name: "a size that is given as text",
    differs: {
      because: ["D1"],
      original: [
        "PUT close",
        "PUT error '(Server) The request has been denied' (EDENY)",
        "on the server: gone",
        "the end",
      ],
      ours: ["PUT stats {10 keys}", "PUT close", "PUT finish", "on the server: abc", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp);
      const stream = world.client(tftp, port).createPutStream("up", { size: "3" });
      world.watchOnce("PUT", stream, EVENTS);
      stream.end("abc");
      await world.settle(stream, ["finish", "error"]);
      world.note(`on the server: ${world.content("up")}`);
    },
  },
  {
    name: "sizes that are none",
    differs: {
      because: ["sizes"],
      original: [
        "size -1: an object",
        "size 1.5: an object",
        "size many: an object",
        "size NaN: an object",
        "the end",
      ],
      ours: [
        "size -1: throws 'The file size must be a whole number of bytes from 0 on, -1 was given'",
        "size 1.5: throws 'The file size must be a whole number of bytes from 0 on, 1.5 was given'",
        "size many: throws 'The file size must be a whole number of bytes from 0 on, many was given'",
        "size NaN: throws 'The file size must be a whole number of bytes from 0 on, NaN was given'",
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const size of [-1, 1.5, "many", Number.NaN]) {
        world.call(`size ${size}`, () => world.client(tftp, 9).createPutStream("f", { size }));
      }
    },
  },
  {
    name: "a PUT of size 0 with bytes",
    differs: {
      because: ["B23"],
      original: ["PUT close", "error TypeError", "error undefined", "on the server: gone", "the end"],
      ours: ["PUT close", "error ESIZE", "on the server: gone", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp);
      const stream = world.client(tftp, port).createPutStream("up", { size: 0 });
      world.watchOnce("PUT", stream, ["close", "finish"]);
      stream.on("error", (error: NodeJS.ErrnoException) => world.note(`error ${error.code}`));
      stream.write("abc");
      stream.end();
      await pause(1200);
      await world.quiet();
      world.note(`on the server: ${world.content("up")}`);
    },
  },
];
