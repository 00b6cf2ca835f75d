import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { ack, rrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type ScenarioWorld, type TftpModule } from "../world.js";

/** A server that is not listening yet, watched. */
async function quietServer(world: ScenarioWorld, tftp: TftpModule, options: object = {}) {
  const port = await world.freePort();
  const server = tftp.createServer({ host: "127.0.0.1", port, root: world.folder, ...options });
  world.watch("server", server, ["listening", "close", "error"]);
  return { server, port };
}

/** Starting and stopping. */
export const serverScenarios: readonly Scenario[] = [
  {
    name: "listen and close: events without arguments, later, `this` is the server",
    async play(tftp, world) {
      const { server } = await quietServer(world, tftp);
      for (const event of ["listening", "close"]) {
        server.on(event, function (this: unknown) {
          world.note(`this is the server: ${this === server}`);
        });
      }
      world.call("listen", () => server.listen());
      await once(server, "listening");
      server.close();
      world.note("close has returned");
      await world.settle(server, ["close"]);
    },
  },
  {
    name: "what close returns",
    differs: {
      because: ["additions"],
      original: ["close: undefined", "the end"],
      ours: ["close: an object", "the end"],
    },
    async play(tftp, world) {
      const server = tftp.createServer({ host: "127.0.0.1", root: world.folder });
      world.call("close", () => server.close());
    },
  },
  {
    name: "a root that is missing or no directory: error, no listening",
    async play(tftp, world) {
      world.file("file", "x");
      for (const root of ["none", "file", "file/below"]) {
        const { server } = await quietServer(world, tftp, { root: world.path(root) });
        server.listen();
        await world.settle(server, ["error", "listening"]);
      }
    },
  },
  {
    name: "a port that is taken: error EADDRINUSE",
    async play(tftp, world) {
      const { port } = await world.server(tftp);
      const server = tftp.createServer({ host: "127.0.0.1", port, root: world.folder });
      server.on("listening", () => world.note("listening"));
      server.on("error", (error: NodeJS.ErrnoException) => world.note(`${error.code} ${error.syscall}`));
      server.listen();
      await world.settle(server, ["error", "listening"]);
    },
  },
  {
    name: "close: one event, however often it is called",
    async play(tftp, world) {
      const { server } = await quietServer(world, tftp);
      server.listen();
      await once(server, "listening");
      server.close();
      server.close();
      await world.settle(server, ["close"]);
      server.close();
      await world.quiet();
    },
  },
  {
    name: "close before listen",
    async play(tftp, world) {
      const { server } = await quietServer(world, tftp);
      server.close();
      server.close();
      await world.settle(server, ["close"]);
    },
  },
  {
    name: "close: the port is free at once, running transfers go on, new requests are not heard",
    async play(tftp, world) {
      const content = world.file("f", 2000);
      const peer = await world.peer();
      const { server, port } = await world.server(tftp, { timeout: 3000 });
      peer.send(rrq("f"), port);
      const first = await peer.next();
      server.close();
      await once(server, "close");
      const socket = createSocket("udp4");
      socket.bind(port, "127.0.0.1");
      await once(socket, "listening");
      world.note("the port is free");
      socket.close();
      await once(socket, "close");
      const got = [first.bytes.subarray(4)];
      for (let block = 1; block < 4; block++) {
        peer.send(ack(block), first.port);
        got.push((await peer.next()).bytes.subarray(4));
      }
      peer.send(ack(4), first.port);
      world.note(`whole: ${Buffer.concat(got).equals(content)}`);
      const other = await world.peer();
      world.note(await other.ask(port, rrq("f"), 150));
    },
  },
  {
    name: "the root is read at every request",
    async play(tftp, world) {
      for (const folder of ["a", "b"]) {
        mkdirSync(world.path(folder));
        world.file(`${folder}/f`, folder.repeat(folder === "a" ? 1 : 20));
      }
      const { server, port } = await world.server(tftp, { root: world.path("a") });
      world.note(await (await world.peer()).ask(port, rrq("f")));
      server.root = world.path("b");
      world.note(await (await world.peer()).ask(port, rrq("f")));
      server.root = `${world.folder}/b/../a/`;
      world.note(await (await world.peer()).ask(port, rrq("f")));
    },
  },
  {
    name: "listen twice",
    differs: {
      because: ["B18"],
      original: ["server listening", "process died: 'Socket is already bound' (ERR_SOCKET_ALREADY_BOUND)"],
      ours: [
        "server error 'The server is listening already' (ERR_SERVER_ALREADY_LISTEN)",
        "server listening",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { server } = await quietServer(world, tftp);
      server.listen();
      server.listen();
      await world.settle(server, ["listening"]);
      server.removeAllListeners("close");
      server.close();
    },
  },
  {
    name: "listen after close",
    differs: {
      because: ["B19"],
      original: [
        "server listening",
        "server close",
        "process died: 'Not running' (ERR_SOCKET_DGRAM_NOT_RUNNING)",
      ],
      ours: ["server listening", "server close", "server listening", "server close", "the end"],
    },
    async play(tftp, world) {
      const { server } = await quietServer(world, tftp);
      server.listen();
      await once(server, "listening");
      server.close();
      await once(server, "close");
      server.listen();
      await world.settle(server, ["listening"]);
      server.close();
      await world.quiet();
    },
  },
  {
    name: "a port above 65535",
    differs: {
      because: ["B20"],
      original: ["server listening", "somebody is on port 4464", "the end"],
      ours: [
        "server error 'The port must be between 0 and 65535, 70000 was given' (ERR_SOCKET_BAD_PORT)",
        "nobody is on port 4464",
        "the end",
      ],
    },
    async play(tftp, world) {
      // An address of its own: both implementations play at the same time.
      const host = `127.1.${(process.pid >> 8) & 255}.${process.pid & 255}`;
      const { server } = await quietServer(world, tftp, { host, port: 70_000 });
      server.listen();
      await world.settle(server, ["error", "listening"]);
      const socket = createSocket("udp4");
      const outcome = once(socket, "listening").then(
        () => "nobody is on port 4464",
        () => "somebody is on port 4464",
      );
      socket.bind(4464, host);
      world.note(await outcome);
      socket.close();
    },
  },
  {
    name: "port 0 of a server",
    differs: {
      because: ["port-0"],
      original: ["port 69, address is undefined", "the end"],
      ours: [
        "port 0, address is function",
        "server listening",
        "127.0.0.1 IPv4, a port of the kernel's choice: true",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { server } = await quietServer(world, tftp, { port: 0 });
      world.note(`port ${server.port}, address is ${typeof server.address}`);
      if (server.port !== 0) return;
      server.listen();
      await once(server, "listening");
      const { address, family, port } = server.address();
      world.note(`${address} ${family}, a port of the kernel's choice: ${port > 1023}`);
      server.removeAllListeners("close");
      server.close();
    },
  },
  {
    name: "servers on every address, on localhost and on ::1",
    async play(tftp, world) {
      world.file("f", 10);
      for (const [host, address] of [
        ["0.0.0.0", "127.0.0.1"],
        ["localhost", "127.0.0.1"],
        ["::1", "::1"],
        ["::", "::1"],
        ["::", "127.0.0.1"],
      ] as const) {
        const { server, port } = await world.server(tftp, { host });
        const client = world.client(tftp, port, { host: address });
        await world.calledBack(`${host} asked at ${address}`, (done) =>
          client.get("f", world.path("got"), done),
        );
        server.close();
      }
    },
  },
  {
    name: "close right behind listen",
    differs: {
      because: ["B19"],
      original: ["server close", "process died: 'Not running' (ERR_SOCKET_DGRAM_NOT_RUNNING)"],
      ours: ["server close", "the end"],
    },
    async play(tftp, world) {
      const { server } = await quietServer(world, tftp);
      server.listen();
      server.close();
      await pause(200);
    },
  },
];
