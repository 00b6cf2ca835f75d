import assert from "node:assert/strict";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { decode, encodeAck, encodeRequest } from "../../src/engine/index.js";
import { createClient, type Stats } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { assertPortIsFree, freePort } from "../helpers/ports.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };

async function nextPacket(socket: Socket) {
  const [bytes, from] = (await once(socket, "message")) as [Buffer, RemoteInfo];
  return { packet: decode(Uint8Array.from(bytes)), port: from.port };
}

// Where threads can't share a port, these are the same three times.
for (const workers of [0, 1, 2]) {
  test(
    `on a single port, many clients get and put at the same time (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      const content = sampleBytes(300_000);
      await writeFile(join(root, "f"), content);
      const { port, server } = await startServer(context, { root, singlePort: true, workers });
      const ports = new Set<number>();
      const onStats = (stats: Stats): void => void ports.add(stats.remotePort);
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const client = createClient({
            host: "127.0.0.1",
            port,
            windowSize: (index % 4) * 5 + 1,
            timeout: 20_000,
          });
          const copy = join(root, `copy${index}`);
          await client.get("f", copy, { onStats });
          assert.ok((await readFile(copy)).equals(content));
          if (index % 2 === 0) return;
          await client.put(copy, `up${index}`, { onStats });
          assert.ok((await readFile(join(root, `up${index}`))).equals(content));
        }),
      );
      assert.deepEqual([...ports], [port]);
      while (server.transferCount > 0) await once(server, "transferEnd");
    },
  );

  test(
    `on a single port, a repeated request is absorbed and a stray ACK is ERROR 5 (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      await writeFile(join(root, "f"), sampleBytes(700));
      const { port, server } = await startServer(context, { root, singlePort: true, workers });
      let started = 0;
      server.on("transferStart", () => started++);
      const socket = createSocket("udp4");
      context.after(() => socket.close());
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
      const say = (bytes: Uint8Array): void => socket.send(bytes, port, "127.0.0.1");
      const request = encodeRequest({ method: "GET", fileName: "f", mode: "octet", options: [] });

      say(request);
      const first = await nextPacket(socket);
      assert.deepEqual([first.packet.kind, first.port], ["data", port]);
      say(request);
      assert.equal((await nextPacket(socket)).packet.kind, "data");
      say(encodeAck(1));
      const second = (await nextPacket(socket)).packet;
      assert.ok(second.kind === "data" && second.wireBlock === 2);
      const ended = once(server, "transferEnd");
      say(encodeAck(2));
      await ended;
      assert.equal(started, 1);

      // The same port may ask again, and a late copy of its last ACK has no answer that could end that.
      say(encodeAck(2));
      say(request);
      assert.equal((await nextPacket(socket)).packet.kind, "data");
      assert.equal(started, 2);

      const stranger = createSocket("udp4");
      context.after(() => stranger.close());
      stranger.send(encodeAck(2), port, "127.0.0.1");
      const answer = (await nextPacket(stranger)).packet;
      assert.ok(answer.kind === "error" && answer.errorCode === 5);
    },
  );

  test(
    `a server on a single port that is closed brings its transfers to their end (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      const content = sampleBytes(2_000_000);
      await writeFile(join(root, "f"), content);
      const { port, server } = await startServer(context, { root, singlePort: true, workers });
      const stream = createClient({ host: "127.0.0.1", port, timeout: 20_000 }).createGetStream("f");
      await once(stream, "readable");
      const drained = server.close();
      assert.equal(server.address(), null);
      let bytes = 0;
      for await (const chunk of stream) bytes += (chunk as Buffer).length;
      assert.equal(bytes, content.length);
      await drained;
      // Nobody has the port any more.
      await assertPortIsFree(port);
    },
  );

  test(
    `a server on a single port that listens again waits for the transfers of before (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      const content = sampleBytes(2_000_000);
      await writeFile(join(root, "f"), content);
      const port = await freePort();
      const { server } = await startServer(context, { root, port, singlePort: true, workers });
      server.on("error", (error) => assert.fail(error));
      const events: string[] = [];
      server.on("listening", () => events.push("listening"));
      server.on("transferEnd", () => events.push("end"));
      const client = createClient({ host: "127.0.0.1", port, timeout: 20_000 });
      const stream = client.createGetStream("f");
      await once(stream, "readable");
      // Closed while it waits, too: the last word counts.
      for (let round = 0; round < 3; round++) {
        void server.close();
        server.listen();
        assert.equal(server.address(), null);
      }
      let bytes = 0;
      for await (const chunk of stream) bytes += (chunk as Buffer).length;
      assert.equal(bytes, content.length);
      if (!events.includes("listening")) await once(server, "listening");
      assert.deepEqual(events, ["end", "listening"]);
      assert.equal(server.address()?.port, port);
      await client.get("f", join(root, "again"));
      assert.ok((await readFile(join(root, "again"))).equals(content));
      // And with nothing under way, at once.
      await server.close();
      server.listen();
      await once(server, "listening");
    },
  );

  test(
    `on a single port, uploads that a reload allows arrive whole (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      const options = { host: "127.0.0.1", port: 0, root, singlePort: true, workers };
      const { server, port } = await startServer(context, { ...options, denyPUT: true });
      await server.reload({ ...options, blockSize: 8192 });
      const client = createClient({ host: "127.0.0.1", port, blockSize: 8192, timeout: 20_000 });
      // The socket was made for requests and ACKs; the second file is one datagram, if the server has it so.
      for (const size of [50_000, 1200]) {
        const content = sampleBytes(size);
        await writeFile(join(root, "local"), content);
        await client.put(join(root, "local"), "stored");
        assert.ok((await readFile(join(root, "stored"))).equals(content), `${size} bytes`);
      }
    },
  );
}
