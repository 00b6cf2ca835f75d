import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { parseCommandLine } from "../../src/cli/args.js";
import { configKeyOf, readConfig } from "../../src/cli/config.js";
import { optionRows } from "../../src/cli/option-table.js";
import { createClient } from "../../src/index.js";
import { ask } from "../helpers/asking.js";
import { type Run, start } from "../helpers/command.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { portOf } from "../helpers/processes.js";
import { root as project } from "../tidy/sources.js";

const TIME_LIMIT = { timeout: 120_000 };
const SCHEMA = JSON.parse(readFileSync(join(project, "dist/config.schema.json"), "utf8"));

async function written(context: TestContext, config: unknown): Promise<{ folder: string; file: string }> {
  const folder = await temporaryFolder(context);
  const file = join(folder, "ntftp.json");
  await writeFile(file, typeof config === "string" ? config : JSON.stringify(config));
  return { folder, file };
}

test("a file says what options say, names in it are looked up beside it, the command line comes first", async (context) => {
  const { folder, file } = await written(context, {
    $schema: "./config.schema.json",
    root: "srv",
    "listen-address": ["127.0.0.1", "::1"],
    port: 6969,
    "read-only": true,
    "deny-put": false,
    "port-range": "50000-50009",
    mtu: 1400,
    refuse: ["tsize"],
    map: "maps/tftp.map",
    "subnet-root": ["192.0.2.0/24=lab"],
    "unique-root": "ip",
    grace: 5,
  });
  const parsed = parseCommandLine(["--config", file, "--mtu", "576"]);
  assert.ok(parsed.kind === "serve");
  assert.deepEqual([parsed.root, parsed.graceSeconds], [join(folder, "srv"), 5]);
  assert.deepEqual(parsed.server, {
    addresses: ["127.0.0.1", "::1"],
    port: 6969,
    denyPUT: true,
    portRange: { first: 50_000, last: 50_009 },
    mtu: 576,
    refuse: ["tsize"],
    map: join(folder, "maps/tftp.map"),
    subnetRoots: [{ subnet: "192.0.2.0/24", root: join(folder, "lab") }],
    uniqueRoot: "ip",
  });
  const other = parseCommandLine(["--config", file, "-l", "here", "localhost:70"]);
  assert.ok(other.kind === "serve");
  assert.deepEqual([other.root, other.server.addresses, other.server.port], ["here", ["localhost"], 70]);
});

test("a mistake in the file is one line with file, place, and what it can be", async (context) => {
  const mistakes: [unknown, RegExp][] = [
    [{ mtuu: 1 }, /: there is no option 'mtuu', did you mean 'mtu'\?$/],
    [{ portRange: "1-2" }, /did you mean 'port-range'\?$/],
    [{ "--mtu": 1 }, /did you mean 'mtu'\?$/],
    [{ nonsense: 1 }, /: there is no option 'nonsense'$/],
    [{ config: "x" }, /there is no option 'config'/],
    [{ listen: "x" }, /there is no option 'listen'/],
    [{ mtu: "1500" }, /: mtu: It has to be a whole number from 68 to 65535\.$/],
    [{ mtu: 1 }, /: mtu: It has to be a whole number/],
    [{ "read-only": "yes" }, /: read-only: It has to be true or false\.$/],
    [{ root: 7 }, /: root: It has to be a text in quotes\.$/],
    [{ root: "" }, /: root: It has to be a text that is not empty\.$/],
    [{ refuse: "tsize" }, /: refuse: It has to be a list/],
    [{ "listen-address": ["::1", "name"] }, /: listen-address\[1\]: It has to be an IP address/],
    [{ symlinks: "some" }, /: symlinks: It can be inside, follow or deny\.$/],
    [{ map: null }, /: map: It has to be a text in quotes\.$/],
    [[], /: it has to be an object/],
    ['{\n  "root": "x",\n}', /: line 3: it is no JSON: /],
    ["", /: it is no JSON/],
    [{ mtu: 1400 }, /: there is no "root", and no -l on the command line$/],
  ];
  for (const [config, message] of mistakes) {
    const { file } = await written(context, config);
    assert.throws(
      () => parseCommandLine(["--config", file]),
      (error: Error) => {
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(`${file}: `) && !error.message.includes("\n"), error.message);
        return true;
      },
    );
  }
  const { file } = await written(context, { mtu: true });
  const run = await start(["--config", file]).done;
  assert.deepEqual(
    [run.code, run.stdout, run.stderr],
    [1, "", `Error: ${file}: mtu: It has to be a whole number from 68 to 65535.\n`],
  );
  const none = await start(["--config", `${file}.none`]).done;
  assert.equal(none.stderr, `Error: ${file}.none: the configuration can't be read (ENOENT)\n`);
});

test("the published schema is a schema, and has every option that can stand in a file", () => {
  new Ajv2020({ strict: true }).compile(SCHEMA);
  const keys = optionRows.flatMap((row) => configKeyOf(row) ?? []);
  assert.deepEqual(Object.keys(SCHEMA.properties).sort(), ["$schema", ...keys].sort());
  assert.ok(keys.length > 20);
});

test("what the schema takes and what is read are the same", async (context) => {
  const folder = await temporaryFolder(context);
  const validate = new Ajv2020().compile(SCHEMA);
  const keys = optionRows.flatMap((row) => configKeyOf(row) ?? []);
  const values = fc.oneof(
    fc.boolean(),
    fc.integer({ min: -1, max: 70_000 }),
    fc.constantFrom(
      "",
      "x",
      "ip",
      "inside",
      "json",
      "info",
      "1-2",
      "::1",
      "127.0.0.1",
      "127.0.0.0/8=x",
      "9000",
    ),
    fc.array(fc.constantFrom("tsize", "::1", "10.0.0.0/8=d", "", 3), { maxLength: 2 }),
    fc.constant(null),
  );
  let taken = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...keys, "unknown"), values, (key, value) => {
      const config = { [key]: value };
      // What only its reader can know of a text: which ports are in order, what is an address.
      const isForm = typeof value === "string" || Array.isArray(value);
      let read: boolean;
      try {
        const file = join(folder, "c.json");
        require("node:fs").writeFileSync(file, JSON.stringify(config));
        readConfig(file);
        read = true;
      } catch {
        read = false;
      }
      const valid = validate(config);
      if (read) assert.ok(valid, `the schema refuses ${JSON.stringify(config)}`);
      else if (valid) assert.ok(isForm, `the schema takes ${JSON.stringify(config)}`);
      if (read) taken++;
      else refused++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(taken > 100 && refused > 100, `${taken} taken, ${refused} refused`);
});

/** A server out of a configuration file that can be changed. */
async function configured(context: TestContext, workers: number) {
  const folder = await temporaryFolder(context);
  for (const directory of ["one", "two"]) {
    await mkdir(join(folder, directory));
    await writeFile(join(folder, directory, "f"), directory);
    await writeFile(join(folder, directory, "Large"), sampleBytes(2_000_000));
  }
  const file = join(folder, "ntftp.json");
  const basis = { "listen-address": ["127.0.0.1"], port: 0, workers };
  const configure = (config: object) => writeFile(file, JSON.stringify({ ...basis, ...config }));
  await configure({ root: "one" });
  const run: Run = start(["--config", file]);
  context.after(() => run.child.kill("SIGKILL"));
  await run.until("(root:");
  const port = await portOf(run.child);
  const get = async (name: string): Promise<string> => {
    const { packet } = await ask({ port }, name);
    if (packet.kind === "error") return packet.message;
    assert.ok(packet.kind === "data");
    return Buffer.from(packet.payload).toString();
  };
  return { folder, configure, run, port, get };
}

for (const workers of [0, 1, 2]) {
  test(
    `SIGHUP takes the file anew and lets transfers go on (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const { folder, configure, run, port, get } = await configured(context, workers);
      assert.equal(await get("f"), "one");
      const client = createClient({ host: "127.0.0.1", port, blockSize: 512, windowSize: 1 });
      const stream = client.createGetStream("Large");
      await new Promise((resolve) => stream.once("readable", resolve));

      await writeFile(join(folder, "map"), "r ^x$ f");
      await configure({
        root: "two",
        map: "map",
        "ignore-case": true,
        "read-only": true,
        refuse: ["blksize"],
      });
      run.child.kill("SIGHUP");
      await run.until(`Reloaded (root: '${join(folder, "two")}')`);
      assert.deepEqual([await get("x"), await get("F"), await get("f")], ["two", "two", "two"]);
      const denied = await ask({ port }, "new", {}, "PUT");
      assert.ok(denied.packet.kind === "error" && denied.packet.errorCode === 2);
      assert.equal((await ask({ port }, "f", { blksize: "600" })).packet.kind, "data");

      // The map alone: its file has changed, the configuration has not.
      await writeFile(join(folder, "map"), "r ^y$ f");
      run.child.kill("SIGHUP");
      while ((await get("y")) !== "two") await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await get("x"), "File not found");

      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      assert.ok(Buffer.concat(chunks).equals(sampleBytes(2_000_000)), "the transfer of before is whole");
    },
  );
}

test("what can't be reloaded is said, and the server goes on as it was", TIME_LIMIT, async (context) => {
  const { folder, configure, run, get } = await configured(context, 1);
  const cases: [object, string][] = [
    [{ root: "two", mtu: 1 }, "mtu: It has to be a whole number from 68 to 65535."],
    [{ root: "two", port: 7000 }, "port can't be changed while the server runs: restart it"],
    [{ root: "two", "max-transfers": 7 }, "maxTransfers can't be changed while the server runs"],
    [{ root: "two", map: "none" }, "none: the map can't be read (ENOENT)"],
    [{ root: "none" }, "ENOENT: no such file or directory"],
    [{ root: "one/f" }, "The root is not a directory"],
  ];
  for (const [config, message] of cases) {
    await configure(config);
    run.child.kill("SIGHUP");
    await run.until(message);
    assert.equal(await get("f"), "one", message);
  }
  await configure({ root: "two" });
  run.child.kill("SIGHUP");
  await run.until(`Reloaded (root: '${join(folder, "two")}')`);
  assert.equal(await get("f"), "two");
  run.child.kill("SIGTERM");
  const { code, stderr } = await run.done;
  assert.equal(code, 0);
  assert.equal(stderr.trim().split("\n").length, cases.length);
});
