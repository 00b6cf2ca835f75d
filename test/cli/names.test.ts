import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createClient } from "../../src/index.js";
import { start } from "../helpers/command.js";
import { temporaryFolder } from "../helpers/files.js";
import { portOf } from "../helpers/processes.js";

const TIME_LIMIT = { timeout: 120_000 };

/** A server for these files, and a way to read and write by TFTP. */
async function served(context: TestContext, words: readonly string[], files: readonly string[]) {
  const root = await temporaryFolder(context);
  const local = await temporaryFolder(context);
  for (const file of files) {
    await mkdir(join(root, file, ".."), { recursive: true });
    await writeFile(join(root, file), `content of ${file}`);
  }
  const run = start(["-l", root, "127.0.0.1:0", ...words]);
  context.after(() => run.child.kill("SIGKILL"));
  await run.until("(root:");
  const client = createClient({ host: "127.0.0.1", port: await portOf(run.child) });
  const get = async (name: string): Promise<string> => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of client.createGetStream(name)) chunks.push(chunk as Buffer);
    } catch (error) {
      return (error as Error).message;
    }
    return Buffer.concat(chunks).toString();
  };
  const put = async (name: string, content: string): Promise<void> => {
    await writeFile(join(local, "up"), content);
    await client.put(join(local, "up"), name);
  };
  return { root, local, run, get, put };
}

for (const workers of ["0", "1", "2"]) {
  test(`--lowercase and --ignore-case find files (${workers} workers)`, TIME_LIMIT, async (context) => {
    const lower = await served(context, ["--workers", workers, "--lowercase"], ["boot/bcd", "A"]);
    assert.equal(await lower.get("\\Boot\\BCD"), "content of boot/bcd");
    assert.equal(await lower.get("A"), "(Server) File not found");
    await lower.put("Boot/NEW", "n");
    assert.equal(await readFile(join(lower.root, "boot/new"), "utf8"), "n");

    const words = ["--workers", workers, "--ignore-case"];
    const any = await served(context, words, ["Boot/BCD", "Boot/x", "Boot/X", "boot2/y"]);
    assert.equal(await any.get("\\BOOT\\bcd"), "content of Boot/BCD");
    assert.equal(await any.get("boot/x"), "content of Boot/x", "the exact name first");
    assert.equal(await any.get("Boot/X"), "content of Boot/X");
    assert.equal(await any.get("boot/none"), "(Server) File not found");
    await any.put("BOOT/bcd", "replaced");
    assert.equal(await readFile(join(any.root, "Boot/BCD"), "utf8"), "replaced");
    await any.put("boot/New", "n");
    assert.equal(await readFile(join(any.root, "Boot/New"), "utf8"), "n");
  });

  test(
    `--map rewrites and refuses, before the root is looked at (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const folder = await temporaryFolder(context);
      const map = join(folder, "map");
      await writeFile(
        map,
        `ri ^[a-z]:
       r ^\\\\boot\\\\(.*) images/\\L\\1
       rP ^incoming/ up/\\i/
       a \\.pvt$
       r ^out ../../etc/passwd`,
      );
      const files = ["images/kernel", "secret.pvt", "up/127.0.0.1/old"];
      const { root, get, put } = await served(context, ["--workers", workers, "--map", map], files);
      assert.equal(await get("C:\\boot\\KERNEL"), "content of images/kernel");
      assert.equal(await get("secret.pvt"), "(Server) Access violation");
      assert.match(await get("out"), /^\(Server\) /);
      assert.doesNotMatch(await get("out"), /root:/);
      await put("incoming/x", "up");
      assert.equal(await readFile(join(root, "up/127.0.0.1/x"), "utf8"), "up");
    },
  );
}

test("names that mean one file follow the rules of one file", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "map"), "r ^alias$ file");
  const words = ["--map", join(folder, "map"), "--ignore-case"];
  const { root, run } = await served(context, words, ["file"]);
  await writeFile(join(root, "file"), Buffer.alloc(5_000_000));
  const port = await portOf(run.child);
  const client = createClient({ host: "127.0.0.1", port, windowSize: 1, blockSize: 512 });
  const reading = client.createGetStream("alias");
  reading.on("error", () => undefined);
  await new Promise((resolve) => reading.once("readable", resolve));
  await writeFile(join(folder, "up"), "x");
  for (const name of ["file", "FILE", "alias"]) {
    await assert.rejects(client.put(join(folder, "up"), name), /The requested file is being read/, name);
  }
  reading.destroy();
});

test(
  "--map-test says which rules match and what comes out, as text and as JSON",
  TIME_LIMIT,
  async (context) => {
    const folder = await temporaryFolder(context);
    const map = join(folder, "map");
    await writeFile(map, "ri ^[a-z]:\nrg \\\\ /\nG ^/cfg\nrP cfg \\x\na \\.pvt$");
    const words = [
      "--map",
      map,
      "--map-test",
      "C:\\cfg",
      "--map-test",
      "PUT cfg",
      "--map-address",
      "192.0.2.1",
    ];
    const text = await start(words).done;
    assert.deepEqual(
      [text.code, text.stdout, text.stderr],
      [
        0,
        "GET C:\\cfg\n  line 1: -> \\cfg\n  line 2: -> /cfg\n  line 3: matches\n= cfg\n" +
          "PUT cfg\n  line 4: -> C0000201\n= C0000201\n",
        "",
      ],
    );
    const refused = await start(["--map", map, "--map-test", "x.pvt", "--map-test", "../x", "--json"]).done;
    assert.equal(refused.code, 1);
    const [first, second] = refused.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      [first.file, first.refusal, first.steps.length],
      [null, "line 5 refuses the request", 1],
    );
    assert.equal(second.refusal, "the name is refused: leaves the root");
  },
);

test("a map that can't be read or has a mistake is one line, and no server", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  const map = join(folder, "map");
  const words = ["-l", folder, "127.0.0.1:0", "--map", map];
  const missing = await start(words).done;
  assert.deepEqual([missing.code, missing.stderr], [1, `Error: ${map}: the map can't be read (ENOENT)\n`]);
  await writeFile(map, "r a b\nr (a b\n");
  const wrong = await start(words).done;
  assert.equal(wrong.stderr, `Error: ${map}: line 2: '(' without ')', write \\( for the character\n`);
  const dry = await start(["--map", map, "--map-test", "x"]).done;
  assert.deepEqual([dry.code, dry.stderr], [1, wrong.stderr]);
});
