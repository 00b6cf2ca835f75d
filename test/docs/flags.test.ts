import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { optionRows } from "../../src/cli/option-table.js";
import { root } from "../tidy/sources.js";

/** Generated, or with a test of its own. */
const ELSEWHERE = new Set(["api.md", "ntftp.api.md", "reference.md"]);

/** Options of other programs that the documents mention. */
const FOREIGN = new Set(["tftp-blksize", "now", "network", "system"]);

test("every option that a document gives to ntftp exists", () => {
  const known = new Set([...optionRows.map(({ name }) => name), "help"]);
  let seen = 0;
  for (const name of readdirSync(join(root, "docs")).filter(
    (file) => /\.md$/.test(file) && !ELSEWHERE.has(file),
  )) {
    let text = readFileSync(join(root, "docs", name), "utf8");
    // The left column of the tables there is about the other program.
    if (name === "migration.md") text = text.replaceAll(/^\| (?:[^|\\]|\\.)*\|/gm, "");
    const words = [...text.matchAll(/`[^`\n]*`|^ntftp .*$|^ExecStart=.*$/gm)].map(([code]) => code);
    for (const code of words) {
      for (const [, option = ""] of code.matchAll(/(?<![\w-])--([a-z][a-z-]+)/g)) {
        if (FOREIGN.has(option)) continue;
        seen++;
        assert.ok(known.has(option), `docs/${name}: --${option} in ${code}`);
      }
    }
  }
  assert.ok(seen > 40, `only ${seen} options were looked at`);
});
