import assert from "node:assert/strict";
import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as consumer from "./consumer.js";
import { packedVersion, ROOT, STEP_MS } from "./consumer.js";

/** With Node's types beside the tarball. */
let folder = "";

const run = (program: string, words: readonly string[]) => consumer.run(program, words, { cwd: folder });

before(
  async () => {
    folder = await consumer.emptyConsumer();
    const packages = [`./ntftp-${await packedVersion()}.tgz`, "@types/node@20"];
    await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...packages]);
  },
  { timeout: 3 * STEP_MS },
);

after(() => rm(folder, { recursive: true, force: true }));

/** Fetches a file from a server of its own, with workers, so that the worker's file is found as well. */
const PROGRAM = `
  const server = createServer({ host: "127.0.0.1", port: 0, root: __folder, workers: 1 });
  server.on("listening", async () => {
    const client = createClient({ host: "127.0.0.1", port: server.address().port });
    let text = "";
    for await (const chunk of client.createGetStream("package.json")) text += chunk;
    await server.close();
    console.log(JSON.parse(text).name, ENOENT, new TftpError("x") instanceof Error);
  });
  server.listen();
`;

test("a CommonJS program", { timeout: STEP_MS }, async () => {
  const head = 'const { createClient, createServer, ENOENT, TftpError } = require("ntftp");';
  await writeFile(join(folder, "program.cjs"), head + PROGRAM.replace("__folder", "__dirname"));
  assert.equal(await run(process.execPath, ["program.cjs"]), "consumer File not found true\n");
});

test("an ESM program, by names and by the default export", { timeout: STEP_MS }, async () => {
  const head = `
    import ntftp, { createClient, createServer, ENOENT, TftpError } from "ntftp";
    if (ntftp.createServer !== createServer) throw new Error("two modules");
  `;
  await writeFile(
    join(folder, "program.mjs"),
    head + PROGRAM.replace("__folder", "import.meta.dirname ?? '.'"),
  );
  assert.equal(await run(process.execPath, ["program.mjs"]), "consumer File not found true\n");
});

test("import and require give the same classes", { timeout: STEP_MS }, async () => {
  await writeFile(
    join(folder, "both.mjs"),
    `import { createRequire } from "node:module";
     import { TftpError } from "ntftp";
     console.log(createRequire(import.meta.url)("ntftp").TftpError === TftpError);`,
  );
  assert.equal(await run(process.execPath, ["both.mjs"]), "true\n");
});

const TYPED = `
  const server: Server = createServer({ host: "::1", port: 0, workers: 0 } satisfies ServerOptions);
  server.on("request", (req, res) => {
    const name: string = req.file;
    res.setSize(name.length);
    res.end(name);
  });
  server.on("transferEnd", (info, { outcome }) => {
    const text: string = info.file + outcome;
    return text;
  });
  // @ts-expect-error: there is no such option
  createServer({ hots: "::1" });
  // @ts-expect-error: the size is needed
  createClient().createPutStream("x", {});
  export async function fetch(): Promise<void> {
    const stream: GetStream = createClient({ windowSize: 16 }).createGetStream("x", { sha1: "00" });
    stream.on("stats", (stats) => stats.blockSize.toFixed());
    await createClient().get("a", "b", { signal: AbortSignal.timeout(1) });
  }
`;

test("TypeScript programs, both kinds, with the libraries' types checked too", {
  timeout: STEP_MS,
}, async () => {
  const head = `
    import { createClient, createServer } from "ntftp";
    import type { GetStream, Server, ServerOptions } from "ntftp";
  `;
  await writeFile(join(folder, "typed.mts"), head + TYPED);
  await writeFile(join(folder, "typed.cts"), head + TYPED);
  // The compiler is not the package's: ours will do.
  await symlink(join(ROOT, "node_modules/typescript"), join(folder, "node_modules/typescript"), "dir");
  const strict = ["--strict", "--exactOptionalPropertyTypes", "--noEmit", "--skipLibCheck", "false"];
  const target = ["--target", "es2023", "--module", "nodenext", "--types", "node"];
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  await run(process.execPath, [compiler, ...strict, ...target, "typed.mts", "typed.cts"]).catch((error) => {
    throw new Error(error.stdout);
  });
});

test("npx runs the command of the tarball", { timeout: STEP_MS }, async () => {
  const lines = (await run("npx", ["--offline", "ntftp", "--version"])).split("\n");
  assert.equal(lines[0], `v${await packedVersion()}`);
  assert.match(await run("npx", ["--offline", "ntftp", "--help"]), /^Usage: ntftp /);
});

test("installing runs no script and builds nothing", { timeout: STEP_MS }, async () => {
  const manifest = JSON.parse(await readFile(join(folder, "node_modules/ntftp/package.json"), "utf8"));
  for (const name of ["preinstall", "install", "postinstall"])
    assert.equal(manifest.scripts?.[name], undefined);
});
