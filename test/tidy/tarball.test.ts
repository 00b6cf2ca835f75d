import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { root } from "./sources.js";

/** Bytes of the unpacked package without compiled addons: twice this is a mistake in `files`, not growth. */
const UNPACKED_BYTES_MAX = 900_000;

/** Bytes of a stripped addon: one with a C++ library inside is three times as large. */
const ADDON_BYTES_MAX = 200_000;

const ALLOWED = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^dist\/src\/[a-z-]+(\/[a-z-]+)*\.(js|mjs)$/,
  // Types that the public ones are made of; the command has none that a user sees.
  /^dist\/src\/(?!cli\/)[a-z-]+(\/[a-z-]+)*\.d\.m?ts$/,
  /^dist\/workers\/[a-z-]+\.js$/,
  // The live page: what browsers get.
  /^dashboard\/(index\.html|style\.css)$/,
  /^dist\/dashboard\/[a-z-]+\.js$/,
  /^dist\/man\/ntftp\.1$/,
  /^dist\/config\.schema\.json$/,
  /^prebuilds\/linux-(x64|arm64)\/ntftp\.(glibc|musl)\.node$/,
];

interface Packed {
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

function pack(): Packed["files"] {
  const words = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const output = execFileSync("npm", words, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [packed] = JSON.parse(output) as Packed[];
  assert.ok(packed);
  return packed.files;
}

test("the tarball holds what is needed and nothing else", () => {
  const files = pack();
  const paths = new Set(files.map(({ path }) => path));
  const strangers = [...paths].filter((path) => !ALLOWED.some((pattern) => pattern.test(path)));
  assert.deepEqual(strangers, []);

  const needed = new Set(["package.json", "README.md", "LICENSE"]);
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const target of namesIn([manifest.main, manifest.types, manifest.bin, manifest.exports, manifest.man]))
    needed.add(posix.normalize(target));
  let imports = 0;
  for (const path of paths) {
    for (const target of importsOf(path)) {
      imports++;
      needed.add(target);
    }
  }
  assert.deepEqual(
    [...needed].filter((path) => !paths.has(path)),
    [],
  );
  assert.ok(imports > 200, `only ${imports} imports were looked at`);

  const bytes = files.filter(({ path }) => !path.endsWith(".node")).reduce((sum, { size }) => sum + size, 0);
  assert.ok(bytes < UNPACKED_BYTES_MAX, `${bytes} bytes`);
  for (const { path, size } of files)
    if (path.endsWith(".node")) assert.ok(size < ADDON_BYTES_MAX, `${path}: ${size} bytes`);
});

/** All file names in a part of the manifest. */
function namesIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(namesIn) : [];
}

/** The files of the package that one of them needs, at run time or for its types. */
function importsOf(path: string): string[] {
  if (!/\.(js|mjs|d\.ts|d\.mts)$/.test(path)) return [];
  const text = readFileSync(join(root, path), "utf8");
  const pattern = /(?:\bfrom |\brequire\(|\bimport\()"(\.[^"]+)"/g;
  return [...text.matchAll(pattern)].map(([, specifier = ""]) => {
    const target = posix.join(posix.dirname(path), specifier);
    return /\.d\.m?ts$/.test(path) ? target.replace(/\.(m?)js$/, ".d.$1ts") : target;
  });
}
