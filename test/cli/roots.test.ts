import assert from "node:assert/strict";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ask } from "../helpers/asking.js";
import { start } from "../helpers/command.js";
import { temporaryFolder } from "../helpers/files.js";
import { portOf } from "../helpers/processes.js";

const TIME_LIMIT = { timeout: 120_000 };

/** A server for a root with these files, each with its path as content. */
async function served(
  context: TestContext,
  files: readonly string[],
  words: (folder: string) => readonly string[],
) {
  const folder = await temporaryFolder(context);
  for (const file of files) {
    await mkdir(join(folder, file, ".."), { recursive: true });
    await writeFile(join(folder, file), file);
  }
  const listening = ["-l", join(folder, "root"), "127.0.0.1:0", "--listen-address", "::1"];
  const run = start([...listening, ...words(folder)]);
  context.after(() => run.child.kill("SIGKILL"));
  await run.until("(root:");
  const port = await portOf(run.child);
  const get = async (from: string, name: string): Promise<string> => {
    const address = from.includes(":") ? "::1" : "127.0.0.1";
    const { packet } = await ask({ port, address, from }, name);
    if (packet.kind === "error") return packet.message;
    assert.ok(packet.kind === "data");
    return Buffer.from(packet.payload).toString();
  };
  return { folder, port, get };
}

for (const workers of ["0", "1", "2"]) {
  test(
    `--unique-root ip: the client's directory first, then the root (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const files = ["root/f", "root/shared", "root/127.0.0.2/f", "root/::1/f", "root/127.0.0.4"];
      const { get, port, folder } = await served(context, files, () => [
        "--unique-root",
        "ip",
        "--workers",
        workers,
      ]);
      assert.equal(await get("127.0.0.2", "f"), "root/127.0.0.2/f");
      assert.equal(await get("127.0.0.2", "shared"), "root/shared");
      assert.equal(await get("127.0.0.2", "none"), "File not found");
      assert.equal(await get("127.0.0.3", "f"), "root/f", "a client without a directory");
      assert.equal(await get("127.0.0.4", "f"), "root/f", "a file is no directory");
      assert.equal(await get("::1", "f"), "root/::1/f");
      // What is stored is where the client finds it again.
      const { packet } = await ask({ port, from: "127.0.0.2" }, "up", {}, "PUT");
      assert.equal(packet.kind, "ack");
      await symlink(join(folder, "root/127.0.0.2"), join(folder, "root/127.0.0.5"));
      assert.equal(await get("127.0.0.5", "f"), "root/127.0.0.2/f", "a directory may be a link");
    },
  );
}

test(
  "--subnet-root: the narrowest network first, each with the client's directory, then the root",
  TIME_LIMIT,
  async (context) => {
    const files = [
      "root/f",
      "root/g",
      "root/h",
      "wide/f",
      "wide/g",
      "narrow/f",
      "narrow/127.0.0.9/f",
      "root/127.0.0.9/h",
    ];
    const { get } = await served(context, files, (folder) => [
      "--subnet-root",
      `127.0.0.0/24=${folder}/wide`,
      "--subnet-root",
      `127.0.0.8/31=${folder}/narrow`,
      "--subnet-root",
      `127.0.0.8/32=${folder}/not-there`,
      "--unique-root",
      "ip",
    ]);
    assert.deepEqual(
      [await get("127.0.0.8", "f"), await get("127.0.0.9", "f"), await get("127.0.0.7", "f")],
      ["narrow/f", "narrow/127.0.0.9/f", "wide/f"],
    );
    assert.deepEqual([await get("127.0.0.8", "g"), await get("127.0.0.8", "h")], ["wide/g", "root/h"]);
    assert.equal(await get("127.0.0.9", "h"), "root/127.0.0.9/h");
    assert.equal(await get("::1", "f"), "root/f", "another family is in no network");
  },
);

test(
  "a PUT goes into the client's directory, and one file of two clients is two files",
  TIME_LIMIT,
  async (context) => {
    const files = ["root/127.0.0.2/x", "root/127.0.0.3/x"];
    const { port, folder } = await served(context, files, () => ["--unique-root", "ip"]);
    const [one, other] = await Promise.all(
      ["127.0.0.2", "127.0.0.3"].map((from) => ask({ port, from }, "new", { tsize: "4" }, "PUT")),
    );
    assert.deepEqual([one?.packet.kind, other?.packet.kind], ["oack", "oack"], "neither waits for the other");
    const { createClient } = await import("../../src/index.js");
    await writeFile(join(folder, "local"), "mine");
    // From 127.0.0.1, which has no directory: into the root.
    await createClient({ host: "127.0.0.1", port }).put(join(folder, "local"), "new");
    assert.equal(await readFile(join(folder, "root/new"), "utf8"), "mine");
  },
);

test(
  "a client's directory is no way out of it, and names are looked at in any case there too",
  TIME_LIMIT,
  async (context) => {
    const files = ["root/127.0.0.2/Boot/F", "root/f", "secret"];
    const { get } = await served(context, files, () => ["--unique-root", "ip", "--ignore-case"]);
    assert.equal(await get("127.0.0.2", "BOOT\\f"), "root/127.0.0.2/Boot/F");
    assert.notEqual(await get("127.0.0.2", "../../secret"), "secret");
    assert.notEqual(await get("127.0.0.2", "../f"), "root/f");
  },
);

test(
  "--unique-root mac: nobody on the loopback interface has one, so the root serves",
  TIME_LIMIT,
  async (context) => {
    const { get } = await served(context, ["root/f"], () => ["--unique-root", "mac"]);
    assert.equal(await get("127.0.0.2", "f"), "root/f");
    assert.equal(await get("::1", "f"), "root/f");
  },
);
