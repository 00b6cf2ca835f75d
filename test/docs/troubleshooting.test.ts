import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorTexts } from "../../src/errors.js";
import { root, sourcesBelow } from "../tidy/sources.js";

const LITERAL = /"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/.source;

/** Where texts of errors stand in the code: made, sent to a peer, kept as a constant, told by the command. */
const PLACES: readonly { readonly where: RegExp; readonly what: RegExp }[] = [
  { where: /^src\//, what: new RegExp(`new [A-Za-z]*Error\\(\\s*(?:${LITERAL})`, "g") },
  { where: /^src\//, what: new RegExp(`\\babort(?:All)?\\((?:0, )?(?:${LITERAL})`, "g") },
  { where: /^src\//, what: new RegExp(`\\b[A-Z_]+_TEXT = (?:${LITERAL});`, "g") },
  { where: /^src\/client\//, what: new RegExp(`\\btext = (?:${LITERAL});`, "g") },
  { where: /^src\/cli\/serve\.ts$/, what: new RegExp(`return (?:${LITERAL});`, "g") },
  { where: /^src\/cli\/serve\.ts$/, what: new RegExp(`[?:] (?:${LITERAL})(?=;|\\n\\s+:)`, "g") },
];

/** Texts of the help are no errors, and neither are those that say nothing by themselves. */
const NO_ERRORS = [/^\n/, /^discarded$/, /^Aborted$/];
const LETTERS_MIN = 5;

/** What these say of a value or of a line of a map file is the cure; the document explains them together. */
const EXPLAINED_TOGETHER = /^src\/(names\/|cli\/value-kinds|cli\/config|observe\/listen-address)/;

/** All texts, with … where the code puts something in. */
function textsInCode(): Map<string, string> {
  const texts = new Map<string, string>(Object.entries(errorTexts).map(([name, text]) => [text, name]));
  for (const file of sourcesBelow("src").filter(({ path }) => !EXPLAINED_TOGETHER.test(path))) {
    for (const { where, what } of PLACES) {
      if (!where.test(file.path)) continue;
      for (const [, plain, template] of file.text.matchAll(what)) {
        const text = (plain ?? template ?? "")
          .replaceAll(/\$\{[^}]*\}/g, "…")
          .replaceAll(/\\([\\"`])/g, "$1");
        const letters = text.replaceAll(/[^a-z]/gi, "").length;
        if (letters >= LETTERS_MIN && !NO_ERRORS.some((pattern) => pattern.test(text)))
          texts.set(text, file.path);
      }
    }
  }
  return texts;
}

/** The texts that the document explains: code in the first column of its tables. */
function textsInDocument(): Set<string> {
  const document = readFileSync(join(root, "docs/troubleshooting.md"), "utf8");
  const rows = document.split("\n").filter((line) => line.startsWith("| `"));
  return new Set(
    rows.flatMap((row) => {
      const [first = ""] = row.slice(1).split(/(?<!\\)\|/);
      return [...first.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text.replaceAll("\\|", "|"));
    }),
  );
}

test("every text of an error is explained in docs/troubleshooting.md, and nothing else", () => {
  const code = textsInCode();
  const document = textsInDocument();
  const missing = [...code]
    .filter(([text]) => !document.has(text))
    .map(([text, place]) => `${place}: ${text}`);
  assert.deepEqual(missing, [], "texts that the document lacks");
  assert.deepEqual(
    [...document].filter((text) => !code.has(text)),
    [],
    "texts that are not in the code",
  );
  assert.ok(code.size > 60, `only ${code.size} texts were looked at`);
});
