// Builds the addon for this machine, if it can be built: `node native/build.mjs [--force]`. Part of `npm run build`.
//
// Says in one line what happened, and fails only where NTFTP_NATIVE=1 promises an addon: without one, node:dgram
// does the work.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BUILD_LIMIT_MS, buildEnvironment, obstacle, root, sourcesHash } from "./sources.mjs";

const addon = join(root, "build", "Release", "ntftp.node");
const stamp = join(root, "build", "sources.sha256");

function isUpToDate(hash) {
  return existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
}

/** null, or why there is no addon. */
function build() {
  const reason = obstacle();
  if (reason !== null) return reason;
  const nodeGyp = join(root, "node_modules", "node-gyp", "bin", "node-gyp.js");
  const result = spawnSync(process.execPath, [nodeGyp, "rebuild", "--silent"], {
    cwd: root,
    env: buildEnvironment(),
    encoding: "utf8",
    timeout: BUILD_LIMIT_MS,
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
