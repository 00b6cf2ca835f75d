import { inWordsBlotted } from "../packets.js";
import type { Scenario } from "../scenario.js";
import type { ScenarioWorld, TftpModule } from "../world.js";

/** The first packet of a GET or PUT. */
async function firstPacket(
  world: ScenarioWorld,
  tftp: TftpModule,
  start: (client: TftpModule) => TftpModule,
): Promise<Buffer | null> {
  const peer = await world.peer();
  const stream = start(world.client(tftp, peer.port, { timeout: 1000 }));
  stream.on("error", () => undefined);
  const heard = await peer.nextWithin(500);
  stream.close();
  peer.close();
  return heard?.bytes ?? null;
}

/** Starts a PUT of this size. */
function putOf(name: string, options: object) {
  return (client: TftpModule): TftpModule => {
    const stream = client.createPutStream(name, options);
    stream.write("x");
    return stream;
  };
}

function nameOf(packet: Buffer | null): string {
  return packet === null ? "no request" : `'${packet.subarray(2).toString("latin1").split("\0")[0]}'`;
}

/** Names and requests as clients write them. */
export const requestScenarios: readonly Scenario[] = [
  {
    name: "remote names in the form that goes on the wire",
    async play(tftp, world) {
      for (const name of [
        "f",
        "./a",
        "a//b",
        "a/./b",
        "a/../b",
        "/abs",
        "/../x",
        "dir/",
        "",
        ".",
        "a\\b",
        "%41",
        "a*?.[b]",
        " spaced name ",
        ".hidden",
        "a..b",
        "a/..b",
      ]) {
        const get = await firstPacket(world, tftp, (client) => client.createGetStream(name));
        const put = await firstPacket(world, tftp, putOf(name, { size: 1 }));
        world.note(`'${name}': ${nameOf(get)} ${nameOf(put)}`);
      }
    },
  },
  {
    name: "remote names that all four methods refuse at once",
    async play(tftp, world) {
      const client = world.client(tftp, 9);
      const never = () => world.note("called back");
      for (const name of ["..", "../a", "a/../../b", "./../x"]) {
        const label = JSON.stringify(name);
        world.call(`GET ${label}`, () => client.createGetStream(name));
        world.call(`PUT ${label}`, () => client.createPutStream(name, { size: 1 }));
        world.call(`get ${label}`, () => client.get(name, "local", never));
        world.call(`put ${label}`, () => client.put("local", name, {}, never));
      }
      await world.quiet();
    },
  },
  {
    name: "names that are no text",
    async play(tftp, world) {
      const client = world.client(tftp, 9);
      const never = () => world.note("called back");
      for (const name of [5, null, {}]) {
        const label = JSON.stringify(name);
        world.call(`GET ${label}`, () => client.createGetStream(name));
        world.call(`PUT ${label}`, () => client.createPutStream(name, { size: 1 }));
        world.call(`get ${label}`, () => client.get(name, "local", never));
      }
      await world.quiet();
    },
  },
  {
    name: "remote names that begin with two dots",
    differs: {
      because: ["B12"],
      original: [
        "..data: throws 'The path of the filename cannot point to upper levels'",
        "...: throws 'The path of the filename cannot point to upper levels'",
        "..\\x: throws 'The path of the filename cannot point to upper levels'",
        "the end",
      ],
      ours: ["..data: an object", "...: an object", "..\\x: an object", "the end"],
    },
    async play(tftp, world) {
      for (const name of ["..data", "...", "..\\x"]) {
        const stream = world.call(name, () => world.client(tftp, 9).createGetStream(name));
        stream?.close();
      }
    },
  },
  {
    name: "remote names beyond ASCII",
    differs: {
      because: ["utf8-names"],
      original: [
        "ünï-日本.bin: throws 'The filename cannot contain multibyte characters'",
        "ÿ: throws 'The filename cannot contain multibyte characters'",
        "the end",
      ],
      ours: ["ünï-日本.bin as UTF-8: true", "ÿ as UTF-8: true", "the end"],
    },
    async play(tftp, world) {
      for (const name of ["ünï-日本.bin", "ÿ"]) {
        try {
          const packet = await firstPacket(world, tftp, (client) => client.createGetStream(name));
          world.note(`${name} as UTF-8: ${packet?.includes(Buffer.from(`\x01${name}\0octet`))}`);
        } catch (error) {
          world.note(`${name}: throws '${(error as Error).message}'`);
        }
      }
    },
  },
  {
    name: "remote names with control characters",
    differs: {
      because: ["control-characters"],
      original: ["RRQ a\nb octet", "RRQ a octet b octet", "the end"],
      ours: [
        "throws The filename cannot contain control characters",
        "throws The filename cannot contain control characters",
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const name of ["a\nb", "a\0octet\0b"]) {
        try {
          const packet = await firstPacket(world, tftp, (client) => client.createGetStream(name));
          world.note(inWordsBlotted(packet).replace(/ blksize.*/, ""));
        } catch (error) {
          world.note(`throws ${(error as Error).message}`);
        }
      }
    },
  },
  {
    name: "the request of a GET and of a PUT, option by option",
    async play(tftp, world) {
      const get = await firstPacket(world, tftp, (client) => client.createGetStream("dir/f"));
      world.note(inWordsBlotted(get));
      for (const size of [1, 5 * 1024 ** 3]) {
        world.note(inWordsBlotted(await firstPacket(world, tftp, putOf("dir/f", { size }))));
      }
    },
  },
  {
    name: "user extensions in a request: behind the protocol's own options, which they can't replace",
    async play(tftp, world) {
      const userExtensions = {
        user: "me",
        num: 2,
        flag: true,
        nothing: null,
        blksize: "9",
        tsize: "9",
        windowsize: "9",
        timeout: "9",
        rollover: "1",
        last: "",
      };
      const get = await firstPacket(world, tftp, (client) => client.createGetStream("f", { userExtensions }));
      world.note(inWordsBlotted(get));
      world.note(inWordsBlotted(await firstPacket(world, tftp, putOf("f", { size: 1, userExtensions }))));
    },
  },
  {
    name: "a request of 512 bytes leaves, one of 513 does not",
    async play(tftp, world) {
      const withExtension = (length: number) => (client: TftpModule) =>
        client.createGetStream("f", { userExtensions: { x: "x".repeat(length) } });
      const short = await firstPacket(world, tftp, withExtension(1));
      const longest = 512 - (short?.length ?? 0) + 1;
      world.note(`${(await firstPacket(world, tftp, withExtension(longest)))?.length} bytes`);
      world.note(`${(await firstPacket(world, tftp, withExtension(longest + 1)))?.length} bytes`);
    },
  },
  {
    name: "the error of a request over 512 bytes",
    differs: {
      because: ["D6"],
      original: [
        "GET close",
        "GET error 'Request bigger than 512 bytes (too much extensions)'",
        "PUT close",
        "PUT error 'Request bigger than 512 bytes (too much extensions)'",
        "the server hears silence",
        "the end",
      ],
      ours: [
        "GET close",
        "GET error 'Request bigger than 512 bytes (too much extensions)' (ERBIG)",
        "PUT close",
        "PUT error 'Request bigger than 512 bytes (too much extensions)' (ERBIG)",
        "the server hears silence",
        "the end",
      ],
    },
    async play(tftp, world) {
      const peer = await world.peer();
      const client = world.client(tftp, peer.port);
      const userExtensions = { long: "x".repeat(500) };
      const get = client.createGetStream("f", { userExtensions });
      world.watch("GET", get, ["close", "end", "abort", "error"]);
      await world.settle(get, ["error"]);
      const put = client.createPutStream("f", { size: 1, userExtensions });
      world.watch("PUT", put, ["close", "finish", "abort", "error"]);
      put.write("x");
      await world.settle(put, ["error"]);
      world.note(`the server hears ${await peer.nextAnswer(100)}`);
    },
  },
  {
    name: "the timeout option of a request",
    differs: {
      because: ["B9"],
      original: ["timeout 3000", "timeout 300", "timeout 1", "timeout 1000000", "the end"],
      ours: ["timeout 3", "timeout 1", "timeout 1", "timeout 255", "the end"],
    },
    async play(tftp, world) {
      for (const timeout of [undefined, 300, 1, 1_000_000]) {
        const peer = await world.peer();
        const stream = world.client(tftp, peer.port, { timeout, retries: 1000 }).createGetStream("f");
        const { bytes } = await peer.next();
        world.note(/timeout\0\d+/.exec(bytes.toString("latin1"))?.[0].replace("\0", " ") ?? "none");
        stream.close();
        peer.close();
      }
    },
  },
];
