import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { root, sourcesBelow } from "./sources.js";

/** Longer than this a file is two files. */
const LINES_MAX = 450;

/** Spelled so that this file does not hold the words. */
const UNFINISHED = /\b(?:FIX(?:ME)|TO(?:DO)|XX(?:X))\b/;

/** The original uses these (its N5). */
const DEPRECATED = /new Buffer\(|url\.parse\(/;

const BANS: readonly { readonly where: RegExp; readonly what: RegExp; readonly why: string }[] = [
  { where: /^src\//, what: DEPRECATED, why: "Node warns of it" },
  {
    where: /^src\/(engine|driver|streams)\//,
    what: /Math\.random|Date\.now|new Date\b|performance\./,
    why: "time and chance come in from outside",
  },
  { where: /^src\/engine\//, what: /\bBuffer\b(?!')|\bprocess\./, why: "the engine runs in a bare realm" },
  { where: /^src\/engine\//, what: /\.slice\(\)/, why: "a Buffer's slice() is a view: use copyOf" },
  { where: /^src\/(?!cli\/)/, what: /\b\w+Sync\(/, why: "nothing blocks the loop" },
  { where: /^src\/(?!cli\/)/, what: /console\./, why: "a library does not print" },
  {
    where: /./,
    what: UNFINISHED,
    why: "unfinished work belongs in an issue",
  },
];

test("banned calls and left-overs", () => {
  const files = [...sourcesBelow("src"), ...sourcesBelow("test"), ...sourcesBelow("bench")];
  const offences: string[] = [];
  for (const file of files) {
    file.lines.forEach((line, index) => {
      const code = line.replace(/^\s*(\*|\/\/|\/\*).*/, (comment) =>
        UNFINISHED.test(comment) ? comment : "",
      );
      for (const { where, what, why } of BANS) {
        if (where.test(file.path) && what.test(code)) offences.push(`${file.path}:${index + 1} ${why}`);
      }
    });
  }
  assert.deepEqual(offences, []);
  assert.ok(files.length > 50, `only ${files.length} files were looked at`);
});

test(`no source file is longer than ${LINES_MAX} lines`, () => {
  const files = [...sourcesBelow("src"), ...sourcesBelow("bench")];
  const long = files
    .filter((file) => file.lines.length > LINES_MAX)
    .map((file) => `${file.path}: ${file.lines.length}`);
  assert.deepEqual(long, []);
  assert.ok(files.length > 30);
});

test("links in the documents lead somewhere", () => {
  const documents = [
    ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"],
    ...readdirSync(join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
    "bench/RESULTS.md",
  ];
  let links = 0;
  for (const document of documents) {
    const text = readFileSync(join(root, document), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      assert.ok(existsSync(join(root, dirname(document), target)), `${document} links to ${target}`);
    }
  }
  assert.ok(links > 3, `only ${links} links were looked at`);
});

test("the package takes along what it needs and nothing else", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.deepEqual(Object.keys(manifest.dependencies).sort(), [
    "cli-progress",
    "commander",
    "node-gyp-build",
    "pino",
    "piscina",
    "prom-client",
  ]);
  assert.equal(
    manifest.files.some((pattern: string) => pattern.includes("test") || pattern === "dist"),
    false,
  );
});
