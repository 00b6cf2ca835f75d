import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };
const RRQ = "\0\x01f\0octet\0blksize\x00512\0";
const ACK_0 = Buffer.from([0, 4, 0, 0]);

/** A client that asks, answers the OACK so that it is proven, and then stands still. */
async function standing(context: { after(end: () => void): void }, port: number) {
  const socket: Socket = createSocket("udp4");
  context.after(() => socket.close());
  const answers: Buffer[] = [];
  let tid = 0;
  socket.on("message", (bytes: Buffer, peer) => {
    answers.push(bytes);
    tid = peer.port;
    if (bytes[1] === 6) socket.send(ACK_0, peer.port, "127.0.0.1");
  });
  socket.send(RRQ, port, "127.0.0.1");
  return {
    answers,
    /** Resolves with the first answer of this kind. */
    until: async (opcode: number): Promise<Buffer> => {
      for (;;) {
        const found = answers.find((bytes) => bytes[1] === opcode);
        if (found !== undefined) return found;
        await once(socket, "message");
      }
    },
    leave: () => socket.send(Buffer.from("\0\x05\0\0gone\0"), tid, "127.0.0.1"),
  };
}

for (const workers of [0, 2]) {
  test(
    `a request waits for a place; a full queue is said (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      await writeFile(join(root, "f"), sampleBytes(100_000));
      const limits = { maxTransfers: 2, maxQueuedRequests: 1 };
      const { server, port } = await startServer(context, { root, workers, ...limits });
      const first = await standing(context, port);
      await first.until(3);
      const second = await standing(context, port);
      await second.until(3);
      const waiting = await standing(context, port);
      const tooMany = await standing(context, port);
      assert.equal((await tooMany.until(5)).toString("latin1", 4), "Server busy, try again later\0");
      assert.deepEqual([waiting.answers.length, server.transferCount], [0, 2]);
      first.leave();
      await waiting.until(3);
      assert.equal(server.transferCount, 2);
    },
  );

  test(`one address has no more than its share (${workers} workers)`, TIME_LIMIT, async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "f"), sampleBytes(100_000));
    const { server, port } = await startServer(context, { root, workers, maxTransfersPerClient: 1 });
    const first = await standing(context, port);
    await first.until(3);
    const second = await standing(context, port);
    const other = createSocket("udp4");
    context.after(() => other.close());
    other.bind(0, "127.0.0.2");
    await once(other, "listening");
    other.send(RRQ, port, "127.0.0.1");
    const [answer] = await once(other, "message");
    assert.equal((answer as Buffer)[1], 6, "another address is served past the one that waits");
    assert.deepEqual([second.answers.length, server.transferCount], [0, 2]);
    first.leave();
    await second.until(3);
  });
}
