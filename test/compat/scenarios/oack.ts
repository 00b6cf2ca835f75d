import { oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { describe, pause, type ScenarioWorld, type TftpModule } from "../world.js";

/** Answers a GET or a PUT of 20 bytes with this OACK, and notes the events and the reply. */
async function answered(
  world: ScenarioWorld,
  tftp: TftpModule,
  method: "GET" | "PUT",
  options: readonly string[],
): Promise<void> {
  const peer = await world.peer();
  const client = world.client(tftp, peer.port, { blockSize: 1000, windowSize: 8, timeout: 2000 });
  const userExtensions = { mine: "1" };
  const stream =
    method === "GET"
      ? client.createGetStream("f", { userExtensions }).resume()
      : client.createPutStream("f", { size: 20, userExtensions });
  const label = `${method} ${options.join("=")}`;
  const events: string[] = [];
  stream.on("stats", (stats: TftpModule) => {
    const { blockSize, windowSize, size, userExtensions, timeout } = stats;
    events.push(JSON.stringify({ blockSize, windowSize, size, userExtensions, timeout }));
  });
  stream.once("close", () => events.push("close"));
  stream.on("error", (error: Error) => events.push(describe(error)));
  if (method === "PUT") stream.end("x".repeat(20));
  const { port } = await peer.next();
  const reply = await peer.ask(port, oack(...options));
  await pause(20);
  world.note(`${label}: ${events.join(" ")}, ${reply}`);
  stream.close();
  peer.close();
}

/** Which OACKs a client accepts. */
export const oackScenarios: readonly Scenario[] = [
  {
    name: "an OACK may grant what was asked, less, or nothing of it",
    async play(tftp, world) {
      for (const method of ["GET", "PUT"] as const) {
        for (const options of [
          ["blksize", "1000"],
          ["blksize", "8"],
          ["windowsize", "1"],
          ["windowsize", "8"],
          ["tsize", "20"],
          ["rollover", "0"],
          ["rollover", "1"],
          ["mine", "anything"],
          ["mine", ""],
          ["blksize", "512", "windowsize", "2", "tsize", "20", "mine", "1"],
        ]) {
          await answered(world, tftp, method, options);
        }
      }
      await answered(world, tftp, "GET", ["tsize", "0"]);
    },
  },
  {
    name: "an OACK that breaks the rules: ERROR 8, close, EDENY",
    async play(tftp, world) {
      for (const options of [
        ["blksize", "7"],
        ["blksize", "1001"],
        ["blksize", "0"],
        ["blksize", "-8"],
        ["windowsize", "0"],
        ["windowsize", "9"],
        ["windowsize", "many"],
        ["timeout", "0"],
        ["timeout", "999999"],
        ["tsize", "-1"],
        ["rollover", "2"],
        ["rollover", "-1"],
        ["unasked", "1"],
      ]) {
        await answered(world, tftp, "GET", options);
      }
      for (const options of [
        ["tsize", "19"],
        ["tsize", "21"],
        ["blksize", "1001"],
        ["unasked", "1"],
      ]) {
        await answered(world, tftp, "PUT", options);
      }
    },
  },
  {
    name: "an OACK whose numbers are not plain decimal",
    differs: {
      because: ["decimal"],
      original: [
        'GET blksize=0x10: {"blockSize":16,"windowSize":1,"size":null,"userExtensions":{},"timeout":2000}, ACK 0',
        'GET blksize=1e2: {"blockSize":100,"windowSize":1,"size":null,"userExtensions":{},"timeout":2000}, ACK 0',
        'GET blksize= 16: {"blockSize":16,"windowSize":1,"size":null,"userExtensions":{},"timeout":2000}, ACK 0',
        'GET blksize=+16: {"blockSize":16,"windowSize":1,"size":null,"userExtensions":{},"timeout":2000}, ACK 0',
        'GET blksize=16.5: {"blockSize":16,"windowSize":1,"size":null,"userExtensions":{},"timeout":2000}, ACK 0',
        'GET blksize=: {"blockSize":512,"windowSize":1,"size":null,"userExtensions":{},"timeout":2000}, ACK 0',
        "the end",
      ],
      ours: [
        "GET blksize=0x10: close '(Server) The request has been denied' (EDENY), ERROR 8 The request has been denied",
        "GET blksize=1e2: close '(Server) The request has been denied' (EDENY), ERROR 8 The request has been denied",
        "GET blksize= 16: close '(Server) The request has been denied' (EDENY), ERROR 8 The request has been denied",
        "GET blksize=+16: close '(Server) The request has been denied' (EDENY), ERROR 8 The request has been denied",
        "GET blksize=16.5: close '(Server) The request has been denied' (EDENY), ERROR 8 The request has been denied",
        "GET blksize=: close '(Server) The request has been denied' (EDENY), ERROR 8 The request has been denied",
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const value of ["0x10", "1e2", " 16", "+16", "16.5", ""]) {
        await answered(world, tftp, "GET", ["blksize", value]);
      }
    },
  },
  {
    name: "an OACK with an unasked option when no user extensions were given",
    differs: {
      because: ["B15"],
      original: [
        "GET close",
        "GET error '(Server) Cannot use 'in' operator to search for 'unasked' in undefined' (TypeError)",
        "ERROR 0 Cannot use 'in' operator to search for 'unasked' in undefined",
        "the end",
      ],
      ours: [
        "GET close",
        "GET error '(Server) The request has been denied' (EDENY)",
        "ERROR 8 The request has been denied",
        "the end",
      ],
    },
    async play(tftp, world) {
      const peer = await world.peer();
      const stream = world.client(tftp, peer.port).createGetStream("f").resume();
      world.watchOnce("GET", stream, ["stats", "close", "end", "error"]);
      const { port } = await peer.next();
      peer.send(oack("unasked", "1"), port);
      await world.settle(stream, ["error", "end"]);
      world.note(await peer.nextAnswer(50));
    },
  },
  {
    name: "an OACK with a shorter time-out than was asked",
    differs: {
      because: ["B9"],
      original: [
        'PUT timeout=1: {"blockSize":512,"windowSize":1,"size":null,"userExtensions":{},"timeout":1} close \'Timed out\', DATA 1 (20)',
        "the end",
      ],
      ours: [
        'PUT timeout=1: {"blockSize":512,"windowSize":1,"size":null,"userExtensions":{},"timeout":1000}, DATA 1 (20)',
        "the end",
      ],
    },
    async play(tftp, world) {
      await answered(world, tftp, "PUT", ["timeout", "1"]);
    },
  },
  {
    name: "an OACK in capitals",
    differs: {
      because: ["B34"],
      original: [
        "GET BLKSIZE=16=Mine=1: close '(Server) The request has been denied' (EDENY), ERROR 8 The request has been denied",
        "the end",
      ],
      ours: [
        'GET BLKSIZE=16=Mine=1: {"blockSize":16,"windowSize":1,"size":null,"userExtensions":{"mine":"1"},"timeout":2000}, ACK 0',
        "the end",
      ],
    },
    async play(tftp, world) {
      await answered(world, tftp, "GET", ["BLKSIZE", "16", "Mine", "1"]);
    },
  },
];
