import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scenario } from "./scenarios.js";
import {
  ack,
  data,
  errorPacket,
  type FakePeer,
  inWords,
  pause,
  rrq,
  type ScenarioWorld,
  type TftpModule,
  wrq,
} from "./world.js";

function put(world: ScenarioWorld, name: string, content: string | Buffer): void {
  writeFileSync(join(world.folder, name), content);
}

/** Sends a request and returns the first answer in words. */
async function ask(peer: FakePeer, port: number, request: Buffer, ms = 500): Promise<string> {
  peer.send(request, port);
  const answer = await peer.nextWithin(ms);
  return answer === null ? "silence" : inWords(answer.bytes);
}

/** Datagrams that come within a time. */
async function hear(peer: FakePeer, ms: number): Promise<string[]> {
  const heard: string[] = [];
  for (let next = await peer.nextWithin(ms); next !== null; next = await peer.nextWithin(ms))
    heard.push(inWords(next.bytes));
  return heard;
}

export const serverBugs: readonly Scenario[] = [
  {
    name: "user extensions answered for a PUT",
    differs: { id: "B8", ours: ["OACK user hello"] },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, ((req: TftpModule, res: TftpModule) => {
        req.on("error", () => undefined);
        res.setUserExtensions({ user: "hello" });
      }) as never);
      world.note(await ask(await world.peer(), port, wrq("up", "user", "me")));
    },
  },
  {
    name: "a PUT where the system says EACCES",
    differs: { id: "B10", ours: ["ERROR 2 Access violation"] },
    async play(tftp, world) {
      // Nobody, not even root, creates files there.
      const { server, port } = await world.server(tftp, { root: "/sys" });
      server.on("request", (req: TftpModule) => req.on("error", () => undefined));
      const answer = await ask(await world.peer(), port, wrq("nobody-creates-this"));
      world.note(answer.startsWith("ACK") ? "ACK 0 first" : answer);
    },
  },
  {
    name: "files named ..data and constructor",
    differs: { id: "B12", ours: ["DATA 1 (3)", "DATA 1 (3)"] },
    async play(tftp, world) {
      put(world, "..data", "abc");
      put(world, "constructor", "abc");
      const { port } = await world.server(tftp, {});
      world.note(await ask(await world.peer(), port, rrq("..data")));
      world.note(await ask(await world.peer(), port, rrq("constructor")));
    },
  },
  {
    name: "listen twice",
    differs: { id: "B18", ours: ["server error The server is listening already"] },
    async play(tftp, world) {
      const { server } = await world.server(tftp, {});
      server.listen();
      await pause(200);
    },
  },
  {
    name: "listen after close",
    differs: { id: "B19", ours: ["closed", "listening again"] },
    async play(tftp, world) {
      const { server } = await world.server(tftp, {});
      server.on("close", () => world.note("closed"));
      server.close();
      await pause(50);
      server.on("listening", () => world.note("listening again"));
      server.listen();
      await pause(200);
      server.removeAllListeners("close");
    },
  },
  {
    name: "port 70000",
    differs: { id: "B20", ours: ["error The port must be between 0 and 65535, 70000 was given"] },
    async play(tftp, world) {
      const server = tftp.createServer({ host: "127.0.0.1", port: 70_000, root: world.folder });
      server.on("error", (error: Error) => world.note(`error ${error.message}`));
      server.on("listening", () => world.note("listening"));
      server.listen();
      await pause(200);
      server.close();
    },
  },
  {
    name: "the default listener after close",
    differs: { id: "B21", ours: ["ERROR 0 Aborted"] },
    async play(tftp, world) {
      put(world, "f", "abc");
      const { server, port } = await world.server(tftp, {}, function (
        this: TftpModule,
        req: TftpModule,
        res: TftpModule,
      ) {
        req.on("error", () => undefined);
        setTimeout(() => {
          this.close();
          this.requestListener(req, res);
        }, 50);
      } as never);
      void server;
      world.note(await ask(await world.peer(), port, rrq("f")));
    },
  },
  {
    name: "the address that answers come from",
    differs: { id: "B22", ours: ["127.0.0.2"] },
    async play(tftp, world) {
      put(world, "f", "abc");
      const { port } = await world.server(tftp, { host: "127.0.0.2" });
      const socket = createSocket("udp4");
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
      socket.send(rrq("f"), port, "127.0.0.2");
      const [, from] = (await once(socket, "message")) as [Buffer, { address: string }];
      world.note(from.address);
      socket.close();
    },
  },
  {
    name: "a datagram without a byte at a transfer's port",
    differs: { id: "B28", ours: ["DATA 1 (512)", "DATA 2 (88)"] },
    async play(tftp, world) {
      put(world, "f", Buffer.alloc(600));
      const { port } = await world.server(tftp, {});
      const peer = await world.peer();
      peer.send(rrq("f"), port);
      const first = await peer.next();
      world.note(inWords(first.bytes));
      peer.send(Buffer.alloc(0), first.port);
      peer.send(Buffer.alloc(1), first.port);
      await pause(50);
      peer.send(ack(1), first.port);
      world.note(inWords((await peer.nextWithin(500))?.bytes));
    },
  },
  {
    name: "an ERROR from a stranger at a transfer's port",
    differs: { id: "B29", ours: ["DATA 1 (512)", "DATA 2 (88)"] },
    async play(tftp, world) {
      put(world, "f", Buffer.alloc(600));
      const { server, port } = await world.server(tftp, {});
      server.on("request", (req: TftpModule) => req.on("error", () => undefined));
      const [peer, stranger] = [await world.peer(), await world.peer()];
      peer.send(rrq("f"), port);
      const first = await peer.next();
      world.note(inWords(first.bytes));
      stranger.send(errorPacket(0, "go away"), first.port);
      await pause(50);
      peer.send(ack(1), first.port);
      world.note(inWords((await peer.nextWithin(200))?.bytes));
    },
  },
  {
    name: "an ACK that comes twice",
    differs: { id: "B30", ours: ["DATA 1 (512)", "DATA 2 (512)"] },
    async play(tftp, world) {
      put(world, "f", Buffer.alloc(5000));
      const { server, port } = await world.server(tftp, { timeout: 3000 });
      server.on("request", (req: TftpModule) => req.on("error", () => undefined));
      const peer = await world.peer();
      peer.send(rrq("f"), port);
      const first = await peer.next();
      world.note(inWords(first.bytes));
      // A slow client: its round trip of 200 ms keeps retransmissions out of what is heard below.
      await pause(200);
      peer.send(ack(1), first.port);
      peer.send(ack(1), first.port);
      world.note(inWords((await peer.next()).bytes));
      for (const line of await hear(peer, 100)) world.note(line);
    },
  },
  {
    name: "an ERROR at the request port",
    differs: { id: "B31", ours: ["silence"] },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {});
      world.note(await ask(await world.peer(), port, errorPacket(0, "are you a server too?"), 300));
    },
  },
  {
    name: "a PUT while one of two readers is left, under another spelling",
    differs: {
      id: "B32",
      ours: ["DATA 1 (512)", "DATA 1 (512)", /being read by another/, /being read by another/],
    },
    async play(tftp, world) {
      put(world, "f", Buffer.alloc(5000));
      const { server, port } = await world.server(tftp, { timeout: 3000 });
      server.on("request", (req: TftpModule) => req.on("error", () => undefined));
      const [a, b] = [await world.peer(), await world.peer()];
      world.note(await ask(a, port, rrq("f")));
      b.send(rrq("f"), port);
      const second = await b.next();
      world.note(inWords(second.bytes));
      b.send(errorPacket(0, "enough"), second.port);
      await pause(50);
      world.note(await ask(await world.peer(), port, wrq("f")));
      world.note(await ask(await world.peer(), port, wrq("/f")));
    },
  },
  {
    name: "req.abort of a running PUT",
    differs: { id: "B33", ours: ["req close", "req abort", "left: "] },
    async play(tftp, world) {
      const { server, port } = await world.server(tftp, {});
      server.on("request", (req: TftpModule) => {
        world.watch("req", req, ["close", "abort", "error"]);
        setTimeout(() => req.abort(), 100);
      });
      const peer = await world.peer();
      peer.send(wrq("up"), port);
      const first = await peer.next();
      peer.send(data(1, Buffer.alloc(512)), first.port);
      await pause(300);
      world.note(`left: ${readdirSync(world.folder).join()}`);
    },
  },
  {
    name: "a PUT that the client breaks off, over a file that was there",
    differs: { id: "D19", ours: ["while it runs: old content", "afterwards: old content"] },
    async play(tftp, world) {
      put(world, "up", "old content");
      const { server, port } = await world.server(tftp, {});
      server.on("request", (req: TftpModule) => req.on("error", () => undefined));
      const peer = await world.peer();
      const read = () => {
        try {
          return readFileSync(join(world.folder, "up"), "utf8").slice(0, 20);
        } catch {
          return "gone";
        }
      };
      peer.send(wrq("up"), port);
      const first = await peer.next();
      peer.send(data(1, Buffer.alloc(512, "n")), first.port);
      await peer.next();
      await pause(50);
      world.note(`while it runs: ${read()}`);
      peer.send(errorPacket(0, "stop"), first.port);
      await pause(100);
      world.note(`afterwards: ${read()}`);
    },
  },
  {
    name: "option names in capitals",
    differs: { id: "B34", ours: ["OACK blksize 100"] },
    async play(tftp, world) {
      put(world, "f", "abc");
      const { port } = await world.server(tftp, {});
      world.note(await ask(await world.peer(), port, rrq("f", "BLKSIZE", "100")));
    },
  },
  {
    name: "a request that is repeated while its answer is awaited",
    differs: { id: "B39", ours: ["OACK blksize 100", "one transfer"] },
    async play(tftp, world) {
      put(world, "f", "abc");
      const { port } = await world.server(tftp, { timeout: 3000 });
      const peer = await world.peer();
      peer.send(rrq("f", "blksize", "100"), port);
      const first = await peer.next();
      world.note(inWords(first.bytes));
      peer.send(rrq("f", "blksize", "100"), port);
      const second = await peer.nextWithin(500);
      world.note(second?.port === first.port ? "one transfer" : "two transfers");
    },
  },
  {
    name: "netascii and mail",
    differs: { id: "D11", ours: ["DATA 1 (6)", "ERROR 4 Invalid transfer mode"] },
    async play(tftp, world) {
      put(world, "f", "a\nb\r");
      const { port } = await world.server(tftp, {});
      const request = (mode: string) => Buffer.from(`\0\x01f\0${mode}\0`);
      world.note(await ask(await world.peer(), port, request("netascii")));
      world.note(await ask(await world.peer(), port, request("mail")));
    },
  },
  {
    name: "refusals and their numbers",
    differs: {
      id: "D13",
      ours: [
        "ERROR 4 Malformed TFTP message",
        "ERROR 4 Illegal TFTP operation",
        "ERROR 2 Invalid filename",
        "ERROR 4 Invalid transfer mode",
        "DATA 1 (3)",
        "ERROR 2 Cannot PUT files",
      ],
    },
    async play(tftp, world) {
      put(world, "f", "abc");
      const { port } = await world.server(tftp, { denyPUT: true });
      for (const request of [
        Buffer.from("\0\x01name-without-end"),
        Buffer.from("\0\x03\0\x01abcdefgh"),
        rrq("../../etc/passwd"),
        Buffer.from("\0\x01f\0binary\0"),
        rrq("f", "blksize", "0x258"),
        wrq("up"),
      ]) {
        world.note(await ask(await world.peer(), port, request));
      }
    },
  },
  {
    name: "port 0",
    differs: { id: "D16", ours: ["a port of the kernel's choice true"] },
    async play(tftp, world) {
      const server = tftp.createServer({ host: "127.0.0.1", port: 0, root: world.folder });
      server.on("error", (error: Error) => world.note(`error ${error.message}`));
      if (server.port !== 0) {
        world.note(`port ${server.port}`);
        return;
      }
      server.listen();
      await once(server, "listening");
      world.note(`a port of the kernel's choice ${server.address().port > 1023}`);
      server.close();
    },
  },
  {
    name: "a symbolic link that leads out of the root",
    differs: { id: "D18", ours: ["ERROR 2 Access violation"] },
    async play(tftp, world) {
      symlinkSync("/etc/hostname", join(world.folder, "link"));
      const { server, port } = await world.server(tftp, {});
      server.on("request", (req: TftpModule) => req.on("error", () => undefined));
      world.note(await ask(await world.peer(), port, rrq("link")));
    },
  },
];
