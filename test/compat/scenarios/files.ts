import { mkdirSync, readdirSync } from "node:fs";
import type { FakePeer } from "../fake-peer.js";
import { ack, data, errorPacket, inWordsBlotted, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import type { ScenarioWorld, TftpModule } from "../world.js";

type Callback = (error?: Error | null) => void;

/** A peer that answers each request with an ERROR. */
async function refusingPeer(
  world: ScenarioWorld,
  onRequest: (words: string) => void = () => undefined,
): Promise<FakePeer> {
  const peer = await world.peer();
  peer.socket.on("message", (bytes, { port }) => {
    onRequest(inWordsBlotted(bytes).replace(/ octet.*/, ""));
    peer.send(errorPacket(0, "not today"), port);
  });
  return peer;
}

/** `get` and `put` with callbacks. */
export const fileScenarios: readonly Scenario[] = [
  {
    name: "get in all its forms",
    async play(tftp, world) {
      mkdirSync(world.path("dir"));
      mkdirSync(world.path("elsewhere"));
      const content = world.file("dir/f", 3000).toString("latin1");
      const { port } = await world.server(tftp);
      const client = world.client(tftp, port);
      process.chdir(world.path("elsewhere"));
      const userExtensions = { mine: 1 };
      const forms: readonly (readonly [string, string, (done: Callback) => unknown])[] = [
        ["(remote, cb)", "f", (done) => client.get("dir/f", done)],
        ["(remote, local, cb)", "a", (done) => client.get("dir/f", "a", done)],
        ["(remote, options, cb)", "f", (done) => client.get("dir/f", { userExtensions }, done)],
        ["(remote, null, cb)", "f", (done) => client.get("dir/f", null, done)],
        ["(remote, local, options, cb)", "b", (done) => client.get("dir/f", "b", { userExtensions }, done)],
        ["(remote, local, null, cb)", "c", (done) => client.get("dir/f", "c", null, done)],
        ["(remote, local, undefined, cb)", "d", (done) => client.get("dir/f", "d", undefined, done)],
        ["of a name to normalise", "f", (done) => client.get("./x/../dir//f", done)],
      ];
      for (const [label, local, start] of forms) {
        await world.calledBack(label, start);
        world.note(`whole: ${world.content(`elsewhere/${local}`) === content}`);
      }
      world.note(readdirSync(".").sort().join());
    },
  },
  {
    // Of an empty file, as the original calls back for others by luck only (N2).
    name: "put in all its forms, of an empty file",
    async play(tftp, world) {
      mkdirSync(world.path("local"));
      world.file("local/mine", "");
      const { server, port } = await world.server(tftp);
      server.on("request", (req: TftpModule) =>
        world.note(`${req.method} ${req.file} ${JSON.stringify(req.stats.userExtensions)}`),
      );
      const client = world.client(tftp, port);
      process.chdir(world.folder);
      const userExtensions = { mine: 1 };
      const forms: readonly (readonly [string, (done: Callback) => unknown])[] = [
        ["(local, cb)", (done) => client.put("local/mine", done)],
        ["(local, remote, cb)", (done) => client.put("local/mine", "a", done)],
        ["(local, options, cb)", (done) => client.put("local/mine", { userExtensions }, done)],
        ["(local, remote, options, cb)", (done) => client.put("local/mine", "b", { userExtensions }, done)],
      ];
      for (const [label, start] of forms) await world.calledBack(label, start);
      world.note(readdirSync(".").sort().join());
    },
  },
  {
    name: "put calls back when the last block is acknowledged",
    async play(tftp, world) {
      world.file("mine", "");
      const peer = await world.peer();
      const outcome = world.calledBack("put", (done) =>
        world.client(tftp, peer.port, { timeout: 2000 }).put(world.path("mine"), "up", done),
      );
      const { port } = await peer.next();
      world.note(await peer.ask(port, ack(0)));
      await world.quiet();
      world.note("the last ACK");
      peer.send(ack(1), port);
      await outcome;
    },
  },
  {
    name: "get and put call back once with the error of the server, and leave no file",
    async play(tftp, world) {
      world.file("mine", 1000);
      const peer = await refusingPeer(world);
      const client = world.client(tftp, peer.port);
      await world.calledBack("put", (done) => client.put(world.path("mine"), "up", done));
      await world.calledBack("get", (done) => client.get("f", world.path("local"), done));
      world.note(readdirSync(world.folder).join());
    },
  },
  {
    name: "local files that get and put can't use: no request",
    async play(tftp, world) {
      world.file("file", "x");
      const peer = await refusingPeer(world, (words) => world.note(`request ${words}`));
      const client = world.client(tftp, peer.port);
      await world.calledBack("get into a directory", (done) => client.get("f", world.folder, done));
      await world.calledBack("get below a file", (done) => client.get("f", world.path("file/x"), done));
      await world.calledBack("put of a directory", (done) => client.put(world.folder, "f", done));
      await world.calledBack("put of nothing", (done) => client.put(world.path("none"), "f", done));
      await world.calledBack("put below a file", (done) => client.put(world.path("file/x"), "f", done));
    },
  },
  {
    name: "a get that breaks off in the middle: the error, no file",
    async play(tftp, world) {
      const peer = await world.peer();
      const client = world.client(tftp, peer.port);
      const outcome = world.calledBack("get", (done) => client.get("f", world.path("local"), done));
      const { port } = await peer.next();
      await peer.ask(port, oack("blksize", "8", "windowsize", "1"));
      world.note(await peer.ask(port, data(1, "12345678")));
      peer.send(errorPacket(0, "enough"), port);
      await outcome;
      world.note(readdirSync(world.folder).join());
    },
  },
  {
    name: "a get with a wrong sum: the error, no file",
    async play(tftp, world) {
      world.file("f", 100);
      mkdirSync(world.path("local"));
      const { port } = await world.server(tftp);
      const client = world.client(tftp, port);
      for (const sums of [{ md5: "00" }, { sha1: "00" }]) {
        await world.calledBack("get", (done) => client.get("f", world.path("local/f"), sums, done));
        world.note(readdirSync(world.path("local")).join());
      }
    },
  },
  {
    name: "a get into a file that is there replaces it",
    async play(tftp, world) {
      world.file("f", "new");
      world.file("local", "old and longer");
      const { port } = await world.server(tftp);
      await world.calledBack("get", (done) => world.client(tftp, port).get("f", world.path("local"), done));
      world.note(world.content("local"));
    },
  },
  {
    name: "local names that are no text, and remote ones of put",
    async play(tftp, world) {
      const client = world.client(tftp, 9);
      process.chdir(world.folder);
      const never = () => world.note("called back");
      const noteCode = (label: string, act: () => unknown) => {
        try {
          world.note(`${label}: ${act()}`);
        } catch (error) {
          world.note(`${label}: throws ${(error as NodeJS.ErrnoException).code}`);
        }
      };
      for (const name of [5, null, {}]) {
        const label = JSON.stringify(name);
        noteCode(`get into ${label}`, () => client.get("remote", name, { md5: "00" }, never));
        noteCode(`put of ${label}`, () => client.put(name, "remote", {}, never));
        noteCode(`put into ${label}`, () => client.put("local", name, {}, never));
      }
      await world.quiet(200);
    },
  },
];
