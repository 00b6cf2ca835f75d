import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { root } from "./sources.js";

interface Mutant {
  readonly file: string;
  readonly what: string;
  readonly from: string;
}

test("what the simulator's mutants replace is there, once", async () => {
  const list = pathToFileURL(join(root, "test/sim/mutants-list.mjs")).href;
  const { MUTANTS } = (await import(list)) as { readonly MUTANTS: readonly Mutant[] };
  assert.ok(MUTANTS.length > 50);
  for (const { file, what, from } of MUTANTS) {
    const code = readFileSync(join(root, "dist/src", `${file}.js`), "utf8");
    assert.equal(code.split(from).length - 1, 1, `${file}: "${what}" replaces\n${from}`);
  }
});
