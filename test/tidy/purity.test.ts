import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { root } from "./sources.js";

const ENGINE = join(root, "dist/src/engine");

/** Loads the compiled engine into a realm that has the language and nothing else. */
function loadBare(): { engine: Record<string, never>; modules: number } {
  const realm = createContext({});
  runInContext(
    "delete globalThis.Date; Math.random = () => { throw new Error('chance in the engine'); };",
    realm,
  );
  const modules = new Map<string, { exports: Record<string, never> }>();
  const load = (path: string): Record<string, never> => {
    const known = modules.get(path);
    if (known !== undefined) return known.exports;
    assert.ok(path.startsWith(ENGINE), `the engine reaches for ${path}`);
    const module = { exports: {} as Record<string, never> };
    modules.set(path, module);
    const wrapped = `(function (exports, require, module) {${readFileSync(path, "utf8")}\n})`;
    const require = (specifier: string) => load(join(dirname(path), specifier));
    runInContext(wrapped, realm)(module.exports, require, module);
    return module.exports;
  };
  return { engine: load(join(ENGINE, "index.js")), modules: modules.size };
}

test("the engine moves a file in a realm without Buffer, timers, process, Date and chance", () => {
  const { engine, modules } = loadBare();
  assert.ok(modules >= 14, `only ${modules} modules were loaded`);
  const { Transfer, encodeRequest, requestOptions, readOffer, decode } =
    engine as never as typeof import("../../src/engine/index.js");
  const asked = requestOptions({
    blockSize: 8,
    windowSize: 2,
    timeoutMs: 1000,
    sizeBytes: 0,
    userExtensions: new Map(),
  });
  const request = encodeRequest({ method: "GET", fileName: "f", mode: "octet", options: asked });
  const common = { method: "GET", mode: "octet", timeoutMs: 1000, retries: 1 } as const;
  const client = new Transfer({ ...common, role: "client", request, options: asked, putBytes: 0 });
  const received = decode(request);
  assert.ok(received.kind === "request");
  const offer = readOffer("GET", received.options, { blockSizeMax: 8, windowSizeMax: 2 });
  const server = new Transfer({ ...common, role: "server", offer });
  const file = Uint8Array.from({ length: 21 }, (_, index) => index);

  const arrived: number[] = [];
  let completed = false;
  client.start(0);
  while (client.pollTransmit());
  server.accept({ sizeBytes: file.length, userExtensions: new Map() }, 0);
  server.handleStorage({ kind: "available", availableBytes: file.length, ended: true }, 0);
  for (let turn = 1; turn < 50 && !completed; turn++) {
    for (let item = server.pollTransmit(); item; item = server.pollTransmit()) {
      if (item.kind === "datagram") client.handleDatagram(item.bytes, turn);
      else {
        for (let block = item.firstBlock; block < item.firstBlock + item.count; block++) {
          client.handleDatagram(
            Uint8Array.of(0, 3, 0, block, ...file.subarray((block - 1) * 8, block * 8)),
            turn,
          );
        }
      }
    }
    for (let command = client.pollStorage(); command; command = client.pollStorage()) {
      if (command.kind === "write") arrived.push(...command.bytes);
      else client.handleStorage({ kind: "finished" }, turn);
    }
    for (let item = client.pollTransmit(); item; item = client.pollTransmit()) {
      if (item.kind === "datagram") server.handleDatagram(item.bytes, turn);
    }
    for (let event = server.pollEvent(); event; event = server.pollEvent())
      completed ||= event.kind === "completed";
  }
  assert.equal(completed, true);
  assert.deepEqual(arrived, [...file]);
});

test("the engine's project does not compile what only Node has", () => {
  const folder = mkdtempSync(join(root, "dist", "purity-"));
  try {
    const impure = [
      "Buffer.from('x')",
      "setTimeout(() => undefined, 1)",
      "process.exit()",
      "import('node:dgram')",
      "console.log()",
    ];
    writeFileSync(join(folder, "impure.ts"), impure.map((code) => `void ${code};`).join("\n"));
    const extended = join(root, "src/engine/tsconfig.json");
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: extended,
        compilerOptions: {
          noEmit: true,
          composite: false,
          incremental: false,
          rootDir: ".",
          tsBuildInfoFile: null,
        },
        include: ["impure.ts"],
      }),
    );
    let output = "";
    try {
      execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      output = (error as { stdout: string }).stdout;
    }
    impure.forEach((code, index) => {
      assert.match(output, new RegExp(`impure\\.ts\\(${index + 1},`), code);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
