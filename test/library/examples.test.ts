import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { freePort } from "../helpers/ports.js";
import { startServer } from "../helpers/server.js";

const ROOT = join(__dirname, "../../..");
const TIME_LIMIT = { timeout: 120_000 };

/** Starts an example and resolves with the port it says it listens on. */
async function startExample(name: string): Promise<{ port: number; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [join(ROOT, "examples", name), "0"], { cwd: ROOT });
  let output = "";
  const exited = once(child, "exit");
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
      const found = /(?:on 127\.0\.0\.1:|port )(\d+)/.exec(output)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    exited.then(() => reject(new Error(`${name} ended: ${output}`)));
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGINT");
    const [code] = await exited;
    assert.equal(code, 0, "it ends by itself");
  };
  return { port, stop };
}

test(
  "the server that `npm start` runs has a file to fetch, and examples/copy.mjs fetches it",
  TIME_LIMIT,
  async (context) => {
    const local = join(await temporaryFolder(context), "hello");
    const { port, stop } = await startExample("serve.js");
    const copy = spawn(
      process.execPath,
      ["examples/copy.mjs", "127.0.0.1", String(port), "hello.txt", local],
      { cwd: ROOT },
    );
    const [code] = await once(copy, "exit");
    assert.equal(code, 0);
    assert.match(await readFile(local, "utf8"), /^Hello from ntftp/);
    await stop();
  },
);

test(
  "examples/ipxe-menu.js makes a script for each client and serves the rest from files",
  TIME_LIMIT,
  async () => {
    const { port, stop } = await startExample("ipxe-menu.js");
    const client = createClient({ host: "127.0.0.1", port });
    const texts: string[] = [];
    for (const name of ["boot.ipxe", "hello.txt"]) {
      let text = "";
      for await (const chunk of client.createGetStream(name)) text += chunk;
      texts.push(text);
    }
    assert.match(texts[0] ?? "", /^#!ipxe\necho You are 127\.0\.0\.1\n/);
    assert.match(texts[1] ?? "", /^Hello/);
    await stop();
  },
);

test("examples/handlers/ipxe.mjs makes scripts inside the workers", TIME_LIMIT, async (context) => {
  const handler = join(ROOT, "examples/handlers/ipxe.mjs");
  const root = join(ROOT, "examples/files");
  const { port } = await startServer(context, { root, handler, workers: 2 });
  const client = createClient({ host: "127.0.0.1", port });
  const local = join(await temporaryFolder(context), "out");
  await client.get("boot.ipxe", local);
  assert.match(
    await readFile(local, "utf8"),
    /^#!ipxe\necho You are 127\.0\.0\.1\nkernel images\/vmlinuz quiet\n/,
  );
  await client.get("hello.txt", local);
  assert.match(await readFile(local, "utf8"), /^Hello from ntftp/);
});

test("examples/handlers/http-proxy.mjs passes on what a web server has", TIME_LIMIT, async (context) => {
  const content = sampleBytes(300_000);
  const web = createHttpServer((request, response) => {
    if (request.url === "/boot/image") response.end(content);
    else response.writeHead(404).end();
  });
  context.after(() => web.close());
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  process.env["UPSTREAM"] = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
  const folder = await temporaryFolder(context);
  const handler = join(ROOT, "examples/handlers/http-proxy.mjs");
  const { port } = await startServer(context, { root: folder, handler, workers: 2 });
  const client = createClient({ host: "127.0.0.1", port });
  const local = join(folder, "out");
  await client.get("boot/image", local);
  assert.ok((await readFile(local)).equals(content));
  await assert.rejects(client.get("none", join(folder, "none")), /File not found/);
  await assert.rejects(client.put(local, "up"), /read-only/);
});

test("the README's sample of the library runs as it stands there", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const [, sample = ""] = /\n## The library\n\n```js\n(.*?)```/s.exec(readme) ?? [];
  await writeFile(join(folder, "pxelinux.0"), sampleBytes(10_000));
  await writeFile(join(folder, "boot.cfg"), "timeout 5\n");
  const here = sample
    .replaceAll("6969", String(await freePort()))
    .replaceAll('"/tmp/', `"${folder}/local-`)
    .replaceAll('"/srv/tftp"', JSON.stringify(folder));
  // Within the package, where its own name leads to it.
  const path = join(ROOT, "dist", `sample-${process.pid}.mjs`);
  await writeFile(path, here);
  context.after(() => rm(path));
  const { stdout } = await promisify(execFile)(process.execPath, [path], { timeout: 60_000 });
  assert.deepEqual(stdout.trim().split("\n").sort(), [
    "GET boot.cfg: done",
    "GET pxelinux.0: done",
    "PUT copy: done",
    "timeout 5",
  ]);
  assert.ok((await readFile(join(folder, "copy"))).equals(sampleBytes(10_000)));
});
