import { ack, data, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import type { ScenarioWorld, TftpModule } from "../world.js";

const EVENTS = ["close", "end", "finish", "abort", "error"];

/** A GET after its first block of many. */
async function runningGet(world: ScenarioWorld, tftp: TftpModule) {
  const peer = await world.peer();
  const stream = world.client(tftp, peer.port, { timeout: 2000 }).createGetStream("f");
  stream.resume();
  const { port } = await peer.next();
  await peer.ask(port, oack("blksize", "8", "windowsize", "1"));
  await peer.ask(port, data(1, "12345678"));
  return { peer, port, stream };
}

/** A PUT that waits for the ACK of its first block of many. */
async function runningPut(world: ScenarioWorld, tftp: TftpModule) {
  const peer = await world.peer();
  const stream = world.client(tftp, peer.port, { timeout: 2000 }).createPutStream("f", { size: 24 });
  stream.end("123456781234567812345678");
  const { port } = await peer.next();
  await peer.ask(port, oack("blksize", "8", "windowsize", "1"));
  return { peer, port, stream };
}

/** What is not DATA: retransmissions are not the point here. */
async function wire(peer: { hear(ms: number): Promise<string[]> }): Promise<string> {
  const heard = await peer.hear(60);
  return `wire: ${heard.filter((words) => !words.startsWith("DATA")).join()}`;
}

/** Ends that the caller wants. */
export const abortScenarios: readonly Scenario[] = [
  ...(["GET", "PUT"] as const).map(
    (method): Scenario => ({
      name: `abort of a running ${method}: one ERROR, close, abort; later calls do nothing`,
      async play(tftp, world) {
        const { peer, stream } = await (method === "GET" ? runningGet : runningPut)(world, tftp);
        world.watchOnce(method, stream, EVENTS);
        world.call("abort", () => stream.abort());
        world.call("abort", () => stream.abort("again"));
        world.call("close", () => stream.close());
        await world.settle(stream, ["abort"]);
        world.call("abort", () => stream.abort("later"));
        world.call("close", () => stream.close());
        await world.quiet();
        world.note(await wire(peer));
      },
    }),
  ),
  {
    name: "close of a running PUT: no packet, close alone; later calls do nothing",
    async play(tftp, world) {
      const { peer, stream } = await runningPut(world, tftp);
      world.watchOnce("PUT", stream, EVENTS);
      world.call("close", () => stream.close());
      world.call("abort", () => stream.abort());
      await world.settle(stream, ["close"]);
      world.call("abort", () => stream.abort());
      world.call("close", () => stream.close());
      await world.quiet();
      world.note(await wire(peer));
    },
  },
  {
    name: "what abort is given becomes the text of the ERROR",
    async play(tftp, world) {
      for (const [label, reason] of [
        ["nothing", undefined],
        ["null", null],
        ["''", ""],
        ["an Error without a text", new Error("")],
        ["an Error", new Error("broken")],
        ["a TypeError", new TypeError("of a type")],
        ["a text", "busy now"],
        ["a number", 7],
        ["0", 0],
        ["false", false],
        ["true", true],
        ["an array", ["a", "b"]],
        ["an object", { toString: () => "custom" }],
        ["a text that has a number", "Disk full or allocation exceeded"],
        ["an Error whose text has a number", new Error("File not found")],
        ["a text in other letters", "FILE NOT FOUND"],
      ] as const) {
        for (const running of [runningGet, runningPut]) {
          const { peer, stream } = await running(world, tftp);
          stream.abort(reason);
          let heard = await peer.nextAnswer(500);
          while (heard.startsWith("DATA")) heard = await peer.nextAnswer(500);
          world.note(`${label}: ${heard}`);
          peer.close();
        }
      }
    },
  },
  {
    name: "abort while stats is told",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port).createGetStream("f").resume();
      world.watchOnce("GET", stream, EVENTS);
      stream.on("stats", () => stream.abort("no thanks"));
      const { port } = await peer.next();
      peer.send(oack("blksize", "8"), port);
      await world.settle(stream, ["abort", "error", "end"]);
      const heard = await peer.hear(100);
      world.note(`wire: ${heard.filter((words) => words !== "ACK 0").join()}`);
    },
  },
  {
    name: "abort and close after the end do nothing",
    async play(tftp, world) {
      const { peer, port, stream } = await runningGet(world, tftp);
      world.watchOnce("GET", stream, EVENTS);
      peer.send(data(2, ""), port);
      await world.settle(stream, ["end"]);
      world.call("abort", () => stream.abort());
      world.call("close", () => stream.close());
      const put = await runningPut(world, tftp);
      world.watchOnce("PUT", put.stream, EVENTS);
      for (const block of [1, 2, 3]) await put.peer.ask(put.port, ack(block), 300);
      put.peer.send(ack(4), put.port);
      await world.settle(put.stream, ["finish"]);
      world.call("abort", () => put.stream.abort());
      world.call("close", () => put.stream.close());
      await world.quiet();
      world.note(await wire(peer));
      world.note(await wire(put.peer));
    },
  },
  {
    name: "abort of a GET whose server has not answered",
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port, { timeout: 2000 }).createGetStream("f").resume();
      world.watchOnce("GET", stream, EVENTS);
      await peer.next();
      stream.abort();
      await world.settle(stream, ["abort", "error", "end"], 500);
      world.note(await wire(peer));
    },
  },
];
