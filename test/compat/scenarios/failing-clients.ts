import { readdirSync } from "node:fs";
import { ack, data, errorPacket, inWords, rrq, wrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type TftpModule } from "../world.js";
import { watchedServer } from "./by-hand.js";

/** Clients that stop, fall silent or talk nonsense. */
export const failingClientScenarios: readonly Scenario[] = [
  {
    name: "a client that says ERROR 0: its text, without code or prefix",
    async play(tftp, world) {
      world.file("f", 5000);
      const { port } = await watchedServer(world, tftp, { timeout: 3000 });
      for (const request of [rrq("f"), wrq("up")]) {
        const peer = await world.peer();
        peer.send(request, port);
        const { port: transferPort } = await peer.next();
        peer.send(errorPacket(0, "never mind"), transferPort);
        await pause(50);
        await world.quiet();
        world.note(await peer.nextAnswer(50));
      }
    },
  },
  {
    name: "an upload that breaks off leaves nothing",
    async play(tftp, world) {
      const { port } = await world.server(tftp, { timeout: 100, retries: 1 });
      for (const name of ["stopped", "silent"]) {
        const peer = await world.peer();
        peer.send(wrq(name), port);
        const { port: transferPort } = await peer.next();
        world.note(await peer.ask(transferPort, data(1, Buffer.alloc(512))));
        if (name === "stopped") peer.send(errorPacket(0, "enough"), transferPort);
      }
      await pause(1000);
      world.note(`left: ${readdirSync(world.folder).join()}`);
    },
  },
  {
    name: "a client that says an ERROR with a number",
    differs: {
      because: ["D6"],
      original: ["req close", "req error my disk is full undefined", "the end"],
      ours: ["req close", "req error my disk is full ENOSPC", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 5000);
      const { port } = await watchedServer(world, tftp, { timeout: 3000 });
      const peer = await world.peer();
      peer.send(rrq("f"), port);
      const { port: transferPort } = await peer.next();
      peer.send(errorPacket(3, "my disk is full"), transferPort);
      await pause(50);
      await world.quiet();
    },
  },
  {
    name: "a client that falls silent in the middle: 'Timed out', no ERROR",
    differs: {
      because: ["D6"],
      original: [
        "DATA 2 (512)",
        "req close",
        "req error Timed out undefined",
        "ERRORs: 0",
        "ACK 1",
        "req close",
        "req error Timed out undefined",
        "ERRORs: 0",
        "the end",
      ],
      ours: [
        "DATA 2 (512)",
        "req close",
        "req error Timed out ETIME",
        "ERRORs: 0",
        "ACK 1",
        "req close",
        "req error Timed out ETIME",
        "ERRORs: 0",
        "the end",
      ],
    },
    async play(tftp, world) {
      world.file("f", 5000);
      for (const method of ["GET", "PUT"]) {
        const { port } = await watchedServer(world, tftp, { timeout: 100, retries: 1 });
        const peer = await world.peer();
        peer.send(method === "GET" ? rrq("f") : wrq("up"), port);
        const { port: transferPort } = await peer.next();
        world.note(await peer.ask(transferPort, method === "GET" ? ack(1) : data(1, Buffer.alloc(512))));
        const heard = await peer.hear(700);
        await world.quiet();
        world.note(`ERRORs: ${heard.filter((words) => words.startsWith("ERROR")).length}`);
      }
    },
  },
  {
    name: "how often a silent client is asked before the transfer fails",
    differs: {
      because: ["unproven"],
      original: ["DATA 1 (10),DATA 1 (10),DATA 1 (10),DATA 1 (10),DATA 1 (10),DATA 1 (10)", "the end"],
      ours: ["DATA 1 (10),DATA 1 (10),DATA 1 (10)", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 10);
      const { port } = await world.server(tftp, { timeout: 50, retries: 5 });
      const peer = await world.peer();
      peer.send(rrq("f"), port);
      world.note((await peer.hear(2500)).join());
    },
  },
  {
    name: "packets of a client that do not belong into its transfer",
    differs: {
      because: ["junk"],
      original: [
        "DATA into a GET error 'Illegal TFTP operation' (EBADOP)",
        "ERROR 4 Illegal TFTP operation",
        "an unknown operation error 'Illegal TFTP operation' (EBADOP)",
        "ERROR 4 Illegal TFTP operation",
        "ACK into a PUT error 'Illegal TFTP operation' (EBADOP)",
        "ERROR 4 Illegal TFTP operation",
        "the end",
      ],
      ours: ["DATA 2 (88)", "DATA 2 (88)", "ACK 1", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 600);
      for (const [label, request, junk, next] of [
        ["DATA into a GET", rrq("f"), data(1, "abc"), ack(1)],
        ["an unknown operation", rrq("f"), Buffer.from([0, 9, 0, 0]), ack(1)],
        ["ACK into a PUT", wrq("up"), ack(0), data(1, Buffer.alloc(512))],
      ] as const) {
        const { server, port } = await world.server(tftp, { timeout: 3000 });
        server.on("request", (req: TftpModule) => world.watch(label, req, ["error"]));
        const peer = await world.peer();
        peer.send(request, port);
        const first = await peer.next();
        peer.send(junk, first.port);
        await pause(15);
        peer.send(next, first.port);
        const reply = inWords((await peer.nextWithin(500))?.bytes);
        await world.quiet();
        world.note(reply);
      }
    },
  },
  {
    name: "a client that aborts, as the server sees it",
    async play(tftp, world) {
      world.file("f", 300_000);
      const { port } = await watchedServer(world, tftp, { timeout: 3000 });
      const get = world.client(tftp, port).createGetStream("f");
      get.once("data", () => get.abort("had enough"));
      await world.settle(get, ["abort"]);
      const put = world.client(tftp, port).createPutStream("up", { size: 300_000 });
      put.write(Buffer.alloc(20_000));
      put.once("stats", () => setTimeout(() => put.abort("and so on"), 50));
      await world.settle(put, ["abort"]);
      await world.quiet(150);
    },
  },
  {
    name: "two requests one after the other from one port",
    async play(tftp, world) {
      world.file("f", 10);
      const { port } = await watchedServer(world, tftp, { timeout: 3000 });
      const peer = await world.peer();
      for (let i = 0; i < 2; i++) {
        peer.send(rrq("f"), port);
        const first = await peer.next();
        world.note(inWords(first.bytes));
        peer.send(ack(1), first.port);
        await pause(50);
        await world.quiet();
      }
      for (let i = 0; i < 2; i++) {
        peer.send(wrq("up"), port);
        const first = await peer.next();
        const last = await peer.ask(first.port, data(1, "abc"));
        await world.quiet();
        world.note(`${inWords(first.bytes)}, ${last}`);
      }
    },
  },
  {
    name: "another request from the port of a client that has not answered yet",
    differs: {
      because: ["superseded"],
      original: ["DATA 1 (10)", "DATA 1 (20)", "the end"],
      ours: [
        "DATA 1 (10)",
        "req close",
        "req error Superseded by another request EABORT",
        "DATA 1 (20)",
        "the end",
      ],
    },
    async play(tftp, world) {
      world.file("f", 10);
      world.file("g", 20);
      const { port } = await watchedServer(world, tftp, { timeout: 3000 });
      const peer = await world.peer();
      world.note(await peer.ask(port, rrq("f")));
      const second = await peer.ask(port, rrq("g"));
      await world.quiet();
      world.note(second);
    },
  },
];
