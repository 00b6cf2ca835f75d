import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { importsOf, sourcesBelow } from "./sources.js";

/**
 * The law of imports (ARCHITECTURE.md, "Layers"): what each place may import, as patterns of paths and modules.
 * The first matching place counts.
 */
const LAW: readonly { readonly place: RegExp; readonly may: readonly RegExp[] }[] = [
  { place: /^src\/engine\//, may: [/^src\/engine\//] },
  { place: /^src\/io\/native-binding$/, may: [/^node:path$/, /^node-gyp-build$/] },
  { place: /^src\/io\//, may: [/^node:/, /^src\/io\//] },
  { place: /^src\/observe\/log-forms$/, may: [/^pino$/, /^src\/observe\//] },
  {
    place: /^src\/observe\/(metrics|monitor)$/,
    may: [/^prom-client$/, /^node:net$/, /^src\/observe\//],
  },
  {
    place: /^src\/observe\//,
    may: [/^node:(diagnostics_channel|fs\/promises|http|net|path)$/, /^src\/observe\//],
  },
  {
    place: /^src\/driver\//,
    may: [/^src\/engine\/index$/, /^src\/io\/(socket|clock|storage)$/, /^src\/driver\//],
  },
  // A language of its own, bounded in time: nothing comes in but text.
  { place: /^src\/names\//, may: [/^src\/names\//] },
  { place: /^src\/errors$/, may: [/^src\/engine\/index$/] },
  { place: /^src\/options$/, may: [/^src\/engine\/index$/] },
  {
    place: /^src\/runtime$/,
    may: [/^src\/driver\//, /^src\/io\//],
  },
  {
    place: /^src\/streams\//,
    may: [/^src\/driver\//, /^src\/io\/storage$/, /^src\/errors$/, /^src\/streams\//, /^node:stream$/],
  },
  {
    place: /^src\/client\//,
    may: [/^node:/, /^src\/(engine\/index|errors|options|runtime)$/, /^src\/(io|driver|streams|client)\//],
  },
  {
    place: /^src\/server\/worker-pool$/,
    may: [/^node:/, /^piscina$/, /^src\/observe\/records$/, /^src\/server\/worker-(link|messages|roster)$/],
  },
  {
    place: /^src\/server\//,
    may: [
      /^node:/,
      /^src\/(engine\/index|errors|options|runtime)$/,
      /^src\/observe\/(records|channels)$/,
      /^src\/(io|driver|names|streams|server)\//,
    ],
  },
  // Only wiring: what happens in a worker is `worker-side`, so that nothing here needs a test of its own.
  { place: /^workers\//, may: [/^node:worker_threads$/, /^src\/server\/worker-(link|messages|side)$/] },
  // pino writes the JSON log of a server, and is loaded by that alone.
  { place: /^src\/cli\/server-log$/, may: [/^pino$/, /^src\/index$/, /^src\/(cli|observe)\//] },
  {
    place: /^src\/cli\//,
    may: [/^node:/, /^src\/index$/, /^src\/(cli|observe)\//, /^commander$/, /^cli-progress$/],
  },
  {
    place: /^src\/index$/,
    may: [
      /^src\/(client|server|streams|observe|names)\//,
      /^src\/(errors|options|index)$/,
      /^src\/io\/socket$/,
    ],
  },
];

test("every import in src is allowed by the layer table", () => {
  const files = [...sourcesBelow("src"), ...sourcesBelow("workers")];
  let seen = 0;
  const offences: string[] = [];
  for (const file of files) {
    const name = file.path.replace(/\.m?ts$/, "");
    const law = LAW.find(({ place }) => place.test(name));
    assert.ok(law !== undefined, `${file.path} has no place in the layer table`);
    for (const { specifier, line } of importsOf(file)) {
      seen++;
      const isRelative = specifier.startsWith(".");
      const target = isRelative
        ? posix.join(posix.dirname(file.path), specifier).replace(/\.m?js$/, "")
        : specifier;
      if (!law.may.some((pattern) => pattern.test(target)))
        offences.push(`${file.path}:${line} imports ${target}`);
    }
  }
  assert.deepEqual(offences, []);
  assert.ok(files.length > 30 && seen > 100, `only ${files.length} files and ${seen} imports were looked at`);
});

/** Files (without their endings) that can't be reached by relative imports from these entries. */
function unreached(folders: readonly string[], entries: readonly string[]): string[] {
  const sources = folders.flatMap((folder) => sourcesBelow(folder));
  const files = new Map(sources.map((file) => [file.path.replace(/\.m?ts$/, ""), file]));
  const reached = new Set<string>();
  const visit = (name: string): void => {
    const file = files.get(name);
    if (file === undefined || reached.has(name)) return;
    reached.add(name);
    for (const { specifier } of importsOf(file)) {
      if (specifier.startsWith("."))
        visit(posix.join(posix.dirname(file.path), specifier).replace(/\.m?js$/, ""));
    }
  };
  for (const entry of entries) {
    assert.ok(files.has(entry), `there is no ${entry}`);
    visit(entry);
  }
  return [...files.keys()].filter((name) => !reached.has(name));
}

test("every file of src is reached from the package, its ESM face, the command or a worker", () => {
  // The last one is what tools/config-schema.mjs writes down at build.
  const entries = ["src/index", "src/cli/main", "workers/transfer-worker", "src/cli/config-schema"];
  assert.deepEqual(unreached(["src", "workers"], entries), []);
});

/** What is run or started by name. */
const BENCH_ENTRIES = [
  "bench/load/main",
  "bench/load/thread",
  "bench/compare/main",
  "bench/compare/npm-tftp",
  "bench/base/main",
  "bench/clients/main",
  "bench/scaling/main",
  "bench/workers/main",
  "bench/micro/main",
];

test("every file of bench is reached from one of its commands", () => {
  assert.deepEqual(unreached(["bench"], BENCH_ENTRIES), []);
});
