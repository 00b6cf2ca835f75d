import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { ack, data, errorPacket, inWords, rrq, wrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type ScenarioWorld, type TftpModule } from "../world.js";

/** A PUT after its first block of many; `req` is watched. */
async function runningPut(world: ScenarioWorld, tftp: TftpModule, onRequest: (req: TftpModule) => void) {
  const { server, port } = await world.server(tftp, { timeout: 2000 });
  server.on("request", (req: TftpModule) => {
    for (const event of ["close", "end", "abort"]) req.once(event, () => world.note(`req ${event}`));
    req.on("error", (error: Error) => world.note(`req error ${error.message}`));
    onRequest(req);
  });
  const peer = await world.peer();
  peer.send(wrq("up"), port);
  const first = await peer.next();
  await peer.ask(first.port, data(1, Buffer.alloc(512, "n")));
  return { peer, transferPort: first.port };
}

/** A folder in which nobody may make files: root is bound by no permission but those of the kernel's own. */
function forbiddenFolder(world: ScenarioWorld): string {
  if (process.getuid?.() === 0 && existsSync("/sys")) return "/sys";
  mkdirSync(world.path("forbidden"));
  chmodSync(world.path("forbidden"), 0o500);
  return world.path("forbidden");
}

/** Where the original's server breaks by itself. */
export const serverBugScenarios: readonly Scenario[] = [
  {
    name: "a PUT where the system says EACCES",
    differs: {
      because: ["B10", "refused-first"],
      original: ["ACK 0, ERROR 0 I/O error", "the end"],
      ours: ["ERROR 2 Access violation", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp, { root: forbiddenFolder(world) });
      const peer = await world.peer();
      peer.send(wrq("nobody-makes-this"), port);
      world.note((await peer.hear(200)).join(", "));
    },
  },
  {
    name: "the address that answers come from",
    differs: { because: ["B22"], original: ["127.0.0.1", "the end"], ours: ["127.0.0.2", "the end"] },
    async play(tftp, world) {
      world.file("f", "abc");
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
    name: "a PUT while one of two readers is left",
    differs: {
      because: ["B32"],
      original: ["DATA 1 (512)", "ACK 0", "0 bytes are left for the reader", "the end"],
      ours: [
        "DATA 1 (512)",
        "ERROR 0 The requested file is being read by another request",
        "5000 bytes are left for the reader",
        "the end",
      ],
    },
    async play(tftp, world) {
      world.file("f", 5000);
      const { port } = await world.server(tftp, { timeout: 3000 });
      const [a, b] = [await world.peer(), await world.peer()];
      world.note(await a.ask(port, rrq("f")));
      b.send(rrq("f"), port);
      const second = await b.next();
      b.send(errorPacket(0, "enough"), second.port);
      await pause(50);
      world.note(await (await world.peer()).ask(port, wrq("f")));
      await pause(50);
      world.note(`${world.content("f").length} bytes are left for the reader`);
    },
  },
  {
    name: "a PUT beside a reader of the same file under another spelling",
    differs: {
      because: ["B32"],
      original: ["DATA 1 (512)", "ACK 0", "the end"],
      ours: ["DATA 1 (512)", "ERROR 0 The requested file is being read by another request", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 5000);
      const { port } = await world.server(tftp, { timeout: 3000 });
      world.note(await (await world.peer()).ask(port, rrq("f")));
      world.note(await (await world.peer()).ask(port, wrq("/f")));
    },
  },
  {
    name: "abort of a running PUT by a listener",
    differs: {
      because: ["B33"],
      original: ["req close", "req abort", "ERROR 0 enough", "left: up", "the end"],
      ours: ["req close", "req abort", "ERROR 0 enough", "left: ", "the end"],
    },
    async play(tftp, world) {
      const { peer } = await runningPut(world, tftp, (req) => setTimeout(() => req.abort("enough"), 100));
      await pause(200);
      await world.quiet();
      world.note(await peer.nextAnswer(50));
      world.note(`left: ${readdirSync(world.folder).join()}`);
    },
  },
  {
    name: "abort of a PUT while the request event is told",
    differs: {
      because: ["B33"],
      original: ["ERROR 0 not here, ACK 0", "the end"],
      ours: ["ERROR 0 not here", "the end"],
    },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {}, (req) => req.abort("not here"));
      const peer = await world.peer();
      peer.send(wrq("up"), port);
      world.note((await peer.hear(100)).join(", "));
    },
  },
  {
    name: "close of a running PUT by a listener",
    differs: {
      because: ["B5"],
      original: ["req close", "req end", "left: up", "the end"],
      ours: ["req close", "left: ", "the end"],
    },
    async play(tftp, world) {
      await runningPut(world, tftp, (req) => setTimeout(() => req.close(), 100));
      await pause(200);
      await world.quiet();
      world.note(`left: ${readdirSync(world.folder).join()}`);
    },
  },
  {
    name: "a PUT that the client breaks off, over a file that was there",
    differs: {
      because: ["B13"],
      original: ["req close", "req error stop", "afterwards:  gone", "the end"],
      ours: ["req close", "req error stop", "afterwards: up old content", "the end"],
    },
    async play(tftp, world) {
      world.file("up", "old content");
      const { peer, transferPort } = await runningPut(world, tftp, () => undefined);
      peer.send(errorPacket(0, "stop"), transferPort);
      await pause(100);
      await world.quiet();
      world.note(`afterwards: ${readdirSync(world.folder).join()} ${world.content("up").slice(0, 11)}`);
    },
  },
  {
    name: "an upload before it is complete",
    differs: {
      because: ["whole-uploads"],
      original: ["visible while it runs: true", "req close", "req end", /^with the last ACK: /, "the end"],
      ours: [
        "visible while it runs: false",
        "req close",
        "req end",
        "with the last ACK: 515 bytes",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { peer, transferPort } = await runningPut(world, tftp, () => undefined);
      const visible = () => /^n/.test(world.content("up"));
      for (let tries = 0; tries < 40 && !visible(); tries++) await pause(10);
      world.note(`visible while it runs: ${visible()}`);
      peer.send(data(2, "end"), transferPort);
      // ACK 1 may have been repeated while the client was slow.
      while ((await peer.nextAnswer(1000)) === "ACK 1");
      world.note(`with the last ACK: ${world.content("up").length} bytes`);
      await world.quiet();
    },
  },
  {
    name: "the time-out that the client asked for",
    differs: {
      because: ["B9"],
      original: ["req.stats.timeout 100", "OACK blksize 512", "given up at once", "the end"],
      ours: ["req.stats.timeout 1000", "OACK timeout 1 blksize 512", "given up after 2 x 1 s", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 2000);
      const { server, port } = await world.server(tftp, { timeout: 100, retries: 1 });
      const startMs = performance.now();
      const failed = new Promise<void>((resolve) => {
        server.on("request", (req: TftpModule) => {
          world.note(`req.stats.timeout ${req.stats.timeout}`);
          req.on("error", () => {
            const waitedMs = performance.now() - startMs;
            world.note(`given up ${waitedMs < 1000 ? "at once" : "after 2 x 1 s"}`);
            resolve();
          });
        });
      });
      const peer = await world.peer();
      peer.send(rrq("f", "timeout", "1", "blksize", "512"), port);
      const first = await peer.next();
      world.note(inWords(first.bytes));
      peer.send(ack(0), first.port);
      await failed;
    },
  },
];
