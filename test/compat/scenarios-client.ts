import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Scenario } from "./scenarios.js";
import { data, errorPacket, inWords, oack, pause, type ScenarioWorld, type TftpModule } from "./world.js";

const EVENTS = ["close", "end", "finish", "abort", "error"];

function clientOf(tftp: TftpModule, port: number, more = {}): TftpModule {
  return tftp.createClient({ host: "127.0.0.1", port, timeout: 300, retries: 1, ...more });
}

/** Answers the request of a GET with an OACK and reads ACK 0. */
async function beginGet(world: ScenarioWorld, tftp: TftpModule, windowSize: number) {
  const peer = await world.peer();
  const stream = clientOf(tftp, peer.port, { windowSize: 8, blockSize: 8 }).createGetStream("f");
  const { port } = await peer.next();
  peer.send(oack("blksize", "8", "windowsize", String(windowSize)), port);
  await peer.next();
  return { peer, stream, port };
}

async function collect(stream: TftpModule): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    stream.once("end", () => resolve(`end ${Buffer.concat(chunks)}`));
    stream.once("error", (error: Error) => resolve(`error ${error.message}`));
  });
}

export const clientBugs: readonly Scenario[] = [
  {
    name: "abort of a GET before its socket exists",
    differs: { id: "B1", ours: ["abort: fine", "stream close", "stream abort"] },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f");
      world.watch("stream", stream, EVENTS);
      world.call("abort", () => stream.abort());
      await pause(300);
    },
  },
  {
    name: "abort of a PUT before its first write",
    differs: { id: "B2", ours: ["stream close", "stream abort", "the server hears nothing"] },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createPutStream("f", { size: 3 });
      world.watch("stream", stream, EVENTS);
      stream.abort();
      await pause(50);
      if (!stream.destroyed) stream.write("abc");
      const heard = await peer.nextWithin(200);
      world.note(heard === null ? "the server hears nothing" : inWords(heard.bytes).slice(0, 5));
    },
  },
  {
    name: "close of a GET before its socket exists",
    differs: { id: "B3", ours: ["stream close", "the server hears nothing"] },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f");
      world.watch("stream", stream, EVENTS);
      stream.close();
      const heard = await peer.nextWithin(200);
      world.note(heard === null ? "the server hears nothing" : inWords(heard.bytes).slice(0, 5));
    },
  },
  {
    name: "a host name that nobody knows, and a PUT by pipe",
    differs: {
      id: "B4",
      ours: ["stream close", 'stream error Cannot resolve the domain name "no-such-host.invalid"'],
    },
    async play(tftp, world) {
      const local = join(world.folder, "f");
      writeFileSync(local, "abc");
      const stream = tftp.createClient({ host: "no-such-host.invalid" }).createPutStream("f", { size: 3 });
      world.watch("stream", stream, EVENTS);
      createReadStream(local).pipe(stream);
      await new Promise((resolve) => stream.once("error", resolve));
      await pause(100);
    },
  },
  {
    name: "close of a running GET",
    differs: { id: "B5", ours: ["stream close"] },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 1);
      world.watch("stream", stream, ["close", "end", "error", "abort"]);
      stream.resume();
      peer.send(data(1, "12345678"), port);
      await peer.next();
      stream.close();
      await pause(100);
    },
  },
  {
    name: "a window whose blocks arrive in another order",
    differs: { id: "B6", ours: ["end 11111111222222223333"] },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 2);
      const outcome = collect(stream);
      peer.send(data(2, "22222222"), port);
      await pause(20);
      peer.send(data(1, "11111111"), port);
      await pause(50);
      peer.send(data(3, "3333"), port);
      world.note(await outcome);
    },
  },
  {
    name: "a block that is lost inside a window",
    differs: { id: "B7", ours: ["ACK 1", "ACK 5", "end 11111111222222223333333344444444555555556666"] },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 4);
      const outcome = collect(stream);
      peer.send(data(1, "11111111"), port);
      peer.send(data(3, "33333333"), port);
      world.note(inWords((await peer.next()).bytes));
      peer.send(data(2, "22222222"), port);
      peer.send(data(3, "33333333"), port);
      peer.send(data(4, "44444444"), port);
      peer.send(data(5, "55555555"), port);
      world.note(inWords((await peer.next()).bytes));
      peer.send(data(6, "6666"), port);
      world.note(await outcome);
    },
  },
  {
    name: "the timeout option on the wire",
    differs: { id: "B9", ours: ["timeout 3"] },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port, { timeout: 3000 }).createGetStream("f");
      world.note(/timeout \d+/.exec(inWords((await peer.next()).bytes))?.[0] ?? "none");
      stream.close();
    },
  },
  {
    name: "a stranger writes to a client",
    differs: { id: "B11", ours: ["stranger gets ERROR 5 Unknown transfer ID", "end 111111112222"] },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 1);
      const outcome = collect(stream);
      const stranger = await world.peer();
      peer.send(data(1, "11111111"), port);
      await peer.next();
      stranger.send(data(2, "evil"), port);
      const answer = await stranger.nextWithin(200);
      world.note(`stranger gets ${inWords(answer?.bytes)}`);
      peer.send(data(2, "2222"), port);
      world.note(await outcome);
    },
  },
  {
    name: "a failed get where a file was",
    differs: { id: "B13", ours: ["(Server) File not found", "old content"] },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {});
      const local = join(world.folder, "old");
      writeFileSync(local, "old content");
      await new Promise<void>((resolve) =>
        clientOf(tftp, port).get("none", local, (error: Error) => {
          world.note(error.message);
          world.note(existsSync(local) ? readFileSync(local, "utf8") : "gone");
          resolve();
        }),
      );
    },
  },
  {
    name: "an OACK that comes twice",
    differs: { id: "B14", ours: ["ACK 0", "end abc"] },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 1);
      const outcome = collect(stream);
      peer.send(oack("blksize", "8", "windowsize", "1"), port);
      world.note(inWords((await peer.next()).bytes));
      peer.send(data(1, "abc"), port);
      world.note(await outcome);
    },
  },
  {
    name: "an OACK with an option that nobody asked",
    differs: { id: "B15", ours: ["error (Server) The request has been denied EDENY"] },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createGetStream("f");
      const failed = new Promise<void>((resolve) =>
        stream.once("error", (error: Error & { code?: string }) => {
          world.note(`error ${error.message} ${error.code}`);
          resolve();
        }),
      );
      peer.send(oack("unasked", "1"), (await peer.next()).port);
      await failed;
    },
  },
  {
    name: "a put stream without options",
    differs: { id: "B16", ours: ["put: throws Missing file size"] },
    async play(tftp, world) {
      world.call("put", () => clientOf(tftp, 9).createPutStream("f"));
    },
  },
  {
    name: "put with null for options",
    differs: { id: "B17", ours: ["fine", "content"] },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {});
      const local = join(world.folder, "mine");
      writeFileSync(local, "content");
      await new Promise<void>((resolve) =>
        clientOf(tftp, port).put(local, "up", null, (error?: Error) => {
          world.note(error ? error.message : "fine");
          resolve();
        }),
      );
      world.note(readFileSync(join(world.folder, "up"), "utf8"));
    },
  },
  {
    name: "a PUT with fewer bytes than announced",
    differs: {
      id: "B23",
      ours: [
        "stream close",
        "stream error Wrong size: 3 bytes were written, 10 were announced",
        "ERROR 0 Not the announced size",
      ],
    },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = clientOf(tftp, peer.port).createPutStream("f", { size: 10 });
      world.watch("stream", stream, EVENTS);
      stream.write("abc");
      const { port } = await peer.next();
      peer.send(oack("blksize", "8"), port);
      await pause(50);
      stream.end();
      await pause(100);
      for (let heard = await peer.nextWithin(50); heard !== null; heard = await peer.nextWithin(50)) {
        world.note(inWords(heard.bytes));
      }
    },
  },
  {
    name: "the last ACK of a GET is lost",
    differs: { id: "B24", ours: ["end abc", "ACK 1", "ACK 1"] },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 1);
      const outcome = collect(stream);
      peer.send(data(1, "abc"), port);
      world.note(await outcome);
      world.note(inWords((await peer.next()).bytes));
      peer.send(data(1, "abc"), port);
      world.note(inWords((await peer.nextWithin(300))?.bytes));
    },
  },
  {
    name: "a file whose 65,536th block is its last",
    differs: { id: "B26", ours: ["fine true"] },
    async play(tftp, world) {
      const content = Buffer.alloc(65_535 * 8 + 3, "rollover");
      writeFileSync(join(world.folder, "f"), content);
      const { port } = await world.server(tftp, {});
      const local = join(world.folder, "got");
      await new Promise<void>((resolve) =>
        clientOf(tftp, port, { blockSize: 8, windowSize: 4 }).get("f", local, (error?: Error) => {
          world.note(error ? error.message : `fine ${readFileSync(local).equals(content)}`);
          resolve();
        }),
      );
    },
  },
  {
    name: "how often a GET and a PUT emit close",
    differs: { id: "N1", ours: ["close", "end", "close", "finish"] },
    async play(tftp, world) {
      writeFileSync(join(world.folder, "f"), "abc");
      const { port } = await world.server(tftp, {});
      const get = clientOf(tftp, port).createGetStream("f");
      for (const event of ["close", "end"]) get.on(event, () => world.note(event));
      get.resume();
      await new Promise((resolve) => get.once("end", resolve));
      await pause(100);
      const put = clientOf(tftp, port).createPutStream("up", { size: 3 });
      for (const event of ["close", "finish"]) put.on(event, () => world.note(event));
      put.end("abc");
      await new Promise((resolve) => put.once("finish", resolve));
      await pause(100);
    },
  },
  {
    name: "put of files of 16 KiB and 64 KiB calls back",
    differs: { id: "N2", ours: ["16384 called back", "65536 called back"] },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {});
      for (const size of [16_384, 65_536]) {
        const local = join(world.folder, `mine-${size}`);
        writeFileSync(local, Buffer.alloc(size));
        const called = await Promise.race([
          new Promise((resolve) => clientOf(tftp, port).put(local, `up-${size}`, () => resolve(true))),
          pause(2000),
        ]);
        world.note(`${size} ${called === true ? "called back" : "never called back"}`);
      }
    },
  },
  {
    name: "a default client and servers on 127.0.0.1 and ::1",
    differs: { id: "N3", ours: ["localhost: fine", "::1: fine"] },
    async play(tftp, world) {
      writeFileSync(join(world.folder, "f"), "abc");
      // The resolver names one of the two first, and the original asks no other.
      for (const host of ["localhost", "::1"]) {
        const { port } = await world.server(tftp, { host });
        const local = join(world.folder, "got");
        await new Promise<void>((resolve) =>
          tftp.createClient({ port, timeout: 400, retries: 1 }).get("f", local, (error?: Error) => {
            world.note(`${host}: ${error ? error.message : "fine"}`);
            resolve();
          }),
        );
      }
    },
  },
  {
    name: "stream.pipeline and for await",
    differs: { id: "N4", ours: ["for await 3000", "pipeline fine 3000"] },
    async play(tftp, world) {
      const local = join(world.folder, "f");
      writeFileSync(local, Buffer.alloc(3000));
      const { port } = await world.server(tftp, {});
      let bytes = 0;
      try {
        for await (const chunk of clientOf(tftp, port).createGetStream("f"))
          bytes += (chunk as Buffer).length;
        world.note(`for await ${bytes}`);
      } catch (error) {
        world.note(`for await ${(error as Error).message}`);
      }
      try {
        await pipeline(createReadStream(local), clientOf(tftp, port).createPutStream("up", { size: 3000 }));
        world.note(`pipeline fine ${readFileSync(join(world.folder, "up")).length}`);
      } catch (error) {
        world.note(`pipeline ${(error as Error).message}`);
      }
    },
  },
  {
    name: "a size that is given as text",
    differs: { id: "D1", ours: ["stream close", "stream finish"] },
    async play(tftp, world) {
      const { port } = await world.server(tftp, {});
      const stream = clientOf(tftp, port).createPutStream("up", { size: "3" });
      for (const event of ["finish", "error"])
        stream.on(event, (e?: Error) => world.note(`stream ${event}${e ? ` ${e.message}` : ""}`));
      stream.once("close", () => world.note("stream close"));
      stream.end("abc");
      await pause(500);
    },
  },
  {
    name: "codes of errors that come from ERROR packets and from silence",
    differs: { id: "D6", ours: ["ENOENT (Server) gone", "ETIME Timed out"] },
    async play(tftp, world) {
      const peer = await world.peer();
      const failure = (stream: TftpModule) =>
        new Promise<void>((resolve) =>
          stream.once("error", (error: Error & { code?: string }) => {
            world.note(`${error.code} ${error.message}`);
            resolve();
          }),
        );
      const first = failure(clientOf(tftp, peer.port).createGetStream("f"));
      peer.send(errorPacket(1, "gone"), (await peer.next()).port);
      await first;
      await failure(clientOf(tftp, peer.port, { timeout: 50 }).createGetStream("f"));
    },
  },
  {
    name: "remote names beyond ASCII",
    differs: { id: "D14", ours: ["call: fine", "RRQ with its bytes true"] },
    async play(tftp, world) {
      const peer = await world.peer();
      let stream: TftpModule = null;
      world.call("call", () => {
        stream = clientOf(tftp, peer.port).createGetStream("ünï-日本.bin");
      });
      if (stream === null) return;
      const { bytes } = await peer.next();
      world.note(`RRQ with its bytes ${bytes.includes(Buffer.from("ünï-日本.bin"))}`);
      stream.close();
    },
  },
];
