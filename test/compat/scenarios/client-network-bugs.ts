import { ack, data, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type ScenarioWorld, type TftpModule } from "../world.js";

/** A GET of a client in blocks of 8 bytes, after its ACK 0. */
async function beginGet(world: ScenarioWorld, tftp: TftpModule, windowSize: number) {
  const peer = await world.peer();
  const client = world.client(tftp, peer.port, { windowSize: 8, timeout: 400 });
  const stream = client.createGetStream("f");
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => world.note(`end: ${Buffer.concat(chunks)}`));
  stream.on("error", (error: Error) => world.note(`error: ${error.message}`));
  const { port } = await peer.next();
  await peer.ask(port, oack("blksize", "8", "windowsize", String(windowSize)));
  return { peer, stream, port };
}

/** A PUT of a client of 8 x 8 bytes and one more, in windows of 4, after its first window. */
async function beginPut(world: ScenarioWorld, tftp: TftpModule) {
  const peer = await world.peer();
  const client = world.client(tftp, peer.port, { timeout: 2000 });
  const stream = client.createPutStream("f", { size: 65 });
  world.watchOnce("PUT", stream, ["finish", "error"]);
  stream.end("11111111222222223333333344444444555555556666666677777777888888889");
  const { port } = await peer.next();
  peer.send(oack("blksize", "8", "windowsize", "4"), port);
  for (let i = 0; i < 4; i++) await peer.next();
  return { peer, stream, port };
}

const OVER = ["end", "finish", "abort", "error"];

/** What loss, repetition and strangers make of the original's client. */
export const clientNetworkBugScenarios: readonly Scenario[] = [
  {
    name: "a window whose blocks arrive in another order",
    differs: {
      because: ["B6"],
      original: ["end: 22222222111111113333", "the end"],
      ours: ["end: 11111111222222223333", "the end"],
    },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 2);
      peer.send(data(2, "22222222"), port);
      await pause(20);
      peer.send(data(1, "11111111"), port);
      await pause(50);
      peer.send(data(3, "3333"), port);
      await world.settle(stream, OVER);
    },
  },
  {
    name: "a block that is lost inside a window of a GET, by a sender that goes on behind the ACK",
    differs: {
      because: ["B7"],
      original: ["error: Timed out", "last ACK: 1", "the end"],
      ours: ["end: 1111111122222222333333334444444455555555666666667", "last ACK: 7", "the end"],
    },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 4);
      const blocks = ["11111111", "22222222", "33333333", "44444444", "55555555", "66666666", "7"];
      const from = async (first: number, last: number, but = 0) => {
        for (let block = first; block <= last; block++) {
          if (block !== but) peer.send(data(block, blocks[block - 1] ?? ""), port);
          await pause(2);
        }
      };
      // An RFC 7440 sender: after an ACK inside the window it sends a window from there.
      await from(1, 4, 2);
      let acknowledged = 0;
      while (acknowledged < 7) {
        const heard = await peer.nextWithin(1500);
        if (heard === null || heard.bytes[1] !== 4) break;
        acknowledged = heard.bytes.readUInt16BE(2);
        await from(acknowledged + 1, Math.min(acknowledged + 4, 7));
      }
      await world.quiet(200);
      world.note(`last ACK: ${acknowledged}`);
      stream.close();
    },
  },
  {
    name: "an ACK inside the window of a PUT",
    differs: {
      because: ["B7"],
      original: ["DATA 3 (8), DATA 4 (8), DATA 5 (8), DATA 6 (8), DATA 7 (8), DATA 8 (8)", "the end"],
      ours: ["DATA 3 (8), DATA 4 (8), DATA 5 (8), DATA 6 (8)", "the end"],
    },
    async play(tftp, world) {
      const { peer, port } = await beginPut(world, tftp);
      peer.send(ack(2), port);
      world.note(await peer.hearDistinct());
    },
  },
  {
    name: "a stranger's datagrams at a client",
    differs: {
      because: ["B11"],
      original: [
        "the stranger hears silence",
        "the server hears ERROR 0 Invalid remote socket",
        "end: 111111112222",
        "the end",
      ],
      ours: [
        "the stranger hears ERROR 5 Unknown transfer ID",
        "the server hears silence",
        "end: 111111112222",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 1);
      const stranger = await world.peer();
      await peer.ask(port, data(1, "11111111"));
      world.note(`the stranger hears ${await stranger.ask(port, data(2, "evil"), 200)}`);
      world.note(`the server hears ${await peer.nextAnswer(50)}`);
      peer.send(data(2, "2222"), port);
      await world.settle(stream, OVER);
    },
  },
  {
    name: "an OACK that comes twice, to a GET and to a PUT",
    differs: {
      because: ["B14"],
      original: [
        "error: (Server) Illegal TFTP operation",
        "ERROR 4 Illegal TFTP operation",
        "PUT error '(Server) Illegal TFTP operation' (EBADOP)",
        "ERRORs: ERROR 4 Illegal TFTP operation",
        "the end",
      ],
      ours: ["ACK 0", "end: abc", "ERRORs: ", "the end"],
    },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 1);
      world.note(await peer.ask(port, oack("blksize", "8", "windowsize", "1")));
      peer.send(data(1, "abc"), port);
      await pause(50);
      await world.quiet();
      stream.close();
      const put = await beginPut(world, tftp);
      put.peer.send(oack("blksize", "8", "windowsize", "4"), put.port);
      await pause(15);
      put.peer.send(ack(4), put.port);
      await world.quiet(100);
      const heard = await put.peer.hear(30);
      world.note(`ERRORs: ${heard.filter((words) => words.startsWith("ERROR")).join()}`);
      put.stream.close();
    },
  },
  {
    name: "the last ACK of a GET is lost",
    differs: {
      because: ["B24"],
      original: ["end: abc", "ACK 1", "silence", "the end"],
      ours: ["end: abc", "ACK 1", "ACK 1", "the end"],
    },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 1);
      peer.send(data(1, "abc"), port);
      await world.settle(stream, OVER);
      world.note(await peer.nextAnswer(100));
      world.note(await peer.ask(port, data(1, "abc"), 300));
    },
  },
  {
    name: "a block that comes twice to a GET",
    differs: {
      because: ["duplicate-data"],
      original: ["ACK 1", "end: 111111112", "the end"],
      ours: ["ACK 1,ACK 1", "end: 111111112", "the end"],
    },
    async play(tftp, world) {
      const { peer, stream, port } = await beginGet(world, tftp, 1);
      peer.send(data(1, "11111111"), port);
      peer.send(data(1, "11111111"), port);
      world.note((await peer.hear(50)).join());
      peer.send(data(2, "2"), port);
      await world.settle(stream, OVER);
    },
  },
];
