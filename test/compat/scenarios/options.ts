import { inWords, oack } from "../packets.js";
import type { Scenario } from "../scenario.js";
import type { ScenarioWorld, TftpModule } from "../world.js";

/** Of every sort that JavaScript coerces, with what is written into the trace for it. */
const ODD_VALUES: readonly (readonly [string, unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["''", ""],
  ["NaN", Number.NaN],
  ["false", false],
  ["'12x'", "12x"],
  ["'x'", "x"],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["true", true],
  ["-5", -5],
  ["0.5", 0.5],
  ["'1234'", "1234"],
  ["1234.9", 1234.9],
  ["'0x10'", "0x10"],
  ["[]", []],
  ["[50]", [50]],
  ["{}", {}],
  ["2 ** 31", 2 ** 31],
  ["2 ** 32 + 9", 2 ** 32 + 9],
];

/** The request of a client, and what `stats` says when the server grants next to nothing. */
async function requestOf(world: ScenarioWorld, tftp: TftpModule, options: object, what: RegExp) {
  const peer = await world.peer();
  const client = tftp.createClient({ host: "127.0.0.1", port: peer.port, timeout: 5000, ...options });
  const stream = client.createGetStream("f");
  stream.on("error", () => undefined);
  const { bytes, port } = await peer.next();
  const stats = new Promise<Record<string, unknown>>((resolve) => stream.once("stats", resolve));
  peer.send(oack("blksize", "8"), port);
  const { retries, timeout } = await stats;
  stream.close();
  peer.close();
  return { sent: what.exec(inWords(bytes))?.[0] ?? "missing", retries, timeout };
}

/** How options are read: nothing is ever refused, `host` of a server excepted. */
export const optionScenarios: readonly Scenario[] = [
  {
    name: "factories without options, with null and with a listener only",
    async play(tftp, world) {
      for (const options of [undefined, null, {}]) {
        world.call(`createClient(${options})`, () => tftp.createClient(options));
        world.call(`createServer(${options})`, () => tftp.createServer(options));
      }
      world.call("createClient()", () => tftp.createClient());
      world.call("createServer()", () => tftp.createServer());
      const listener = (): void => undefined;
      for (const args of [[listener], [undefined, listener], [null, listener], [{}, listener]]) {
        world.note(`${tftp.createServer(...args).listeners("request")[0] === listener}`);
      }
      world.call("createServer({}, null)", () => tftp.createServer({}, null));
      world.call("createServer({}, 0)", () => tftp.createServer({}, 0));
      world.call("createServer({}, 'text')", () => tftp.createServer({}, "text"));
      world.call("createServer({}, {})", () => tftp.createServer({}, {}));
    },
  },
  {
    name: "properties host, port and root of a server",
    async play(tftp, world) {
      for (const options of [
        undefined,
        { host: "localhost", port: "1234", root: "" },
        { host: "", root: "some/where/" },
        { host: "::1", root: null },
        { host: null, port: 70_000 },
      ]) {
        const { host, port, root } = tftp.createServer(options);
        world.note(`${host} ${port} ${root}`);
      }
    },
  },
  {
    name: "hosts that a server takes",
    async play(tftp, world) {
      for (const host of ["127.0.0.1", "0.0.0.0", "::", "::1", "localhost", "", "10.10.10.10", "fe80::1"]) {
        world.call(`host '${host}'`, () => tftp.createServer({ host }));
      }
      for (const host of ["example.com", "256.1.1.1", "LOCALHOST", " 127.0.0.1", "127.1", "[::1]"]) {
        world.call(`host '${host}'`, () => tftp.createServer({ host }));
      }
    },
  },
  {
    name: "ports that are no numbers",
    async play(tftp, world) {
      for (const [label, port] of ODD_VALUES) {
        world.note(`port ${label}: ${tftp.createServer({ port }).port}`);
      }
    },
  },
  {
    name: "retries that are no numbers",
    async play(tftp, world) {
      for (const [label, retries] of [...ODD_VALUES, ["0", 0]] as const) {
        const stats = await requestOf(world, tftp, { retries }, /f/);
        world.note(`retries ${label}: ${stats.retries}`);
      }
    },
  },
  {
    name: "timeouts that are no numbers",
    async play(tftp, world) {
      for (const [label, timeout] of [...ODD_VALUES, ["0", 0]] as const) {
        const stats = await requestOf(world, tftp, { timeout, retries: 1e6 }, /f/);
        world.note(`timeout ${label}: ${stats.timeout}`);
      }
    },
  },
  {
    name: "block sizes and window sizes that are no numbers or out of range",
    async play(tftp, world) {
      const edges = ["7", "8", "65464", "65465", "65535", "65536"].map(
        (text) => [text, Number(text)] as const,
      );
      for (const [label, blockSize] of [...ODD_VALUES, ...edges, ["0", 0] as const]) {
        const { sent } = await requestOf(world, tftp, { blockSize }, /blksize \d+/);
        world.note(`${label}: ${sent}`);
      }
      for (const [label, windowSize] of [
        ...ODD_VALUES,
        ["0", 0],
        ["32767", 32_767],
        ["65536", 65_536],
      ] as const) {
        const { sent } = await requestOf(world, tftp, { windowSize }, /windowsize \d+/);
        world.note(`${label}: ${sent}`);
      }
    },
  },
  {
    name: "the largest window",
    differs: {
      because: ["window-cap"],
      original: ["windowsize 65535", "the end"],
      ours: ["windowsize 32767", "the end"],
    },
    async play(tftp, world) {
      const { sent } = await requestOf(world, tftp, { windowSize: 65_535 }, /windowsize \d+/);
      world.note(sent);
    },
  },
  {
    name: "retries: the request leaves 1 + retries times, and fails after as many time-outs",
    async play(tftp, world) {
      const peer = await world.peer();
      const startMs = performance.now();
      const stream = world.client(tftp, peer.port, { timeout: 100, retries: 2 }).createGetStream("f");
      stream.on("error", (error: Error) => {
        const elapsedMs = performance.now() - startMs;
        world.note(`${error.message}, after three time-outs: ${elapsedMs >= 290 && elapsedMs < 1000}`);
      });
      await world.settle(stream, ["error"]);
      for (const words of await peer.hear(50)) world.note(words.slice(0, 5));
    },
  },
];
