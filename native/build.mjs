// Builds the addon for this machine, if it can be built: `node native/build.mjs [--force]`. Part of `npm run build`.
//
// Says in one line what happened, and fails only where NTFTP_NATIVE=1 promises an addon: without one, node:dgram
// does the work.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const addon = join(root, "build", "Release", "ntftp.node");
const stamp = join(root, "build", "sources.sha256");
const TIME_LIMIT_MS = 600_000;

/** Changes with every source and with what it is built for. */
function sourcesHash() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${process.versions.modules}`);
  const sources = readdirSync(join(root, "native")).filter((name) => /\.(cc|h)$/.test(name));
  for (const path of ["binding.gyp", ...sources.sort().map((name) => join("native", name))]) {
    hash.update(path).update(readFileSync(join(root, path)));
  }
  return hash.digest("hex");
}

function isUpToDate(hash) {
  return existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
}

function build() {
  const nodeGyp = join(root, "node_modules", "node-gyp", "bin", "node-gyp.js");
  if (process.platform !== "linux") return `not made for ${process.platform}`;
  if (!existsSync(nodeGyp)) return "node-gyp is not installed";
  const compiler = process.env.CXX ?? "c++";
  if (spawnSync(compiler, ["--version"]).status !== 0) return `no compiler (${compiler})`;
  const result = spawnSync(process.execPath, [nodeGyp, "rebuild", "--silent"], {
    cwd: root,
    encoding: "utf8",
    timeout: TIME_LIMIT_MS,
  });
  if (result.status === 0) return null;
  const output = `${result.stdout}${result.stderr}`;
  if (process.env.NTFTP_NATIVE === "1") console.error(output);
  return output.match(/.*(?:error|ERR!).*/)?.[0].trim() ?? "node-gyp failed";
}

const hash = sourcesHash();
if (process.argv.includes("--force") || !isUpToDate(hash)) {
  const reason = build();
  if (reason === null) {
    mkdirSync(join(root, "build"), { recursive: true });
    writeFileSync(stamp, hash);
    console.log("native addon: built");
  } else {
    console.log(`native addon: not built, ${reason}; node:dgram is used instead`);
    if (process.env.NTFTP_NATIVE === "1") process.exitCode = 1;
  }
}
