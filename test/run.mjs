// Lists the compiled test files and hands them to node's test runner (Node 20's `--test` takes no globs
// and would run helper modules as tests). Arguments select by substring: `node test/run.mjs engine codec`.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const compiled = join(root, "dist", "test");
const wanted = process.argv.slice(2);

// These need system packages or the registry: `npm run test:interop`, `test:boot` and so on select them by name.
const optional = ["dashboard/", "netem/", "interop/", "boot/", "package/", "services/"];

const files = readdirSync(compiled, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".test.js"))
  // What was compiled from a test that is gone stays in `dist` until it is cleaned.
  .filter((file) => existsSync(join(root, "test", file.replace(/\.js$/, ".ts"))))
  .filter((file) =>
    wanted.length > 0
      ? wanted.some((part) => file.includes(part))
      : !optional.some((prefix) => file.startsWith(prefix)),
  )
  .sort()
  .map((file) => relative(root, join(compiled, file)));

if (files.length === 0) {
  console.error(
    `no compiled test matches ${wanted.join(" ") || "*.test.js"} below ${compiled}; run "npm run build"`,
  );
  process.exit(1);
}

const result = spawnSync(process.execPath, ["--test", "--test-timeout=600000", ...files], {
  cwd: root,
  stdio: "inherit",
});
process.exit(result.status ?? 1);
