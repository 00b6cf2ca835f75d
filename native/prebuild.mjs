// Builds the addon that the tarball carries, prebuilds/PLATFORM-ARCH/ntftp.LIBC.node: `npm run prebuilds`, and part of
// `prepack`. In a folder of its own, so that the build a checkout uses stays as it is.
//
// Fails where it can't be built: a package without it sends its Linux users to node:dgram for good. NTFTP_NO_PREBUILD=1
// packs without it.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BUILD_LIMIT_MS, buildEnvironment, obstacle, root, sourceFiles, sourcesHash } from "./sources.mjs";

/** What node 20's own binary needs (glibc of RHEL 8 and Debian 10): the addon is loadable wherever that runs. */
const NEWEST = { GLIBC: "2.28", GLIBCXX: "3.4.21", CXXABI: "1.3.9", GCC: "3.4" };

const directory = `prebuilds/${process.platform}-${process.arch}`;
const folder = join(root, ".cache", "prebuild");
const stamp = join(folder, "sources.sha256");
const prebuild = join(root, directory, "ntftp.glibc.node");

function run(program, words) {
  const limits = { encoding: "utf8", timeout: BUILD_LIMIT_MS };
  const result = spawnSync(program, words, { cwd: folder, env: buildEnvironment(), ...limits });
  if (result.status === 0) return result.stdout;
  throw new Error(`${program} failed\n${result.error?.message ?? ""}${result.stdout}${result.stderr}`);
}

/** @throws Error that says why there is no prebuild */
function build() {
  const reason = obstacle();
  if (reason !== null) throw new Error(reason);
  rmSync(folder, { recursive: true, force: true });
  for (const path of sourceFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  writeFileSync(join(folder, "package.json"), '{ "name": "ntftp", "private": true }');
  const prebuildify = join(root, "node_modules", "prebuildify", "bin.js");
  const words = [
    "--napi",
    "--strip",
    "--tag-libc",
    "--name=ntftp",
    `--target=${process.version}`,
    `--out=${root}`,
  ];
  run(process.execPath, [prebuildify, ...words]);
  checkVersions();
  // Loads, as a user's node will.
  run(process.execPath, ["-e", "require(process.argv[1]).Reactor.name", prebuild]);
}

/** @throws Error for a symbol that is newer than what node needs */
function checkVersions() {
  const symbols = run("objdump", ["-T", prebuild]);
  for (const [name, library, version] of symbols.matchAll(/\b(GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)/g)) {
    if (compareVersions(version, NEWEST[library]) > 0) {
      rmSync(prebuild);
      throw new Error(`the addon needs ${name}; node runs with ${library}_${NEWEST[library]}`);
    }
  }
}

function compareVersions(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

const hash = sourcesHash();
if (!(existsSync(prebuild) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash)) {
  try {
    build();
    writeFileSync(stamp, hash);
    console.error(`prebuild: ${directory}/ntftp.glibc.node`);
  } catch (error) {
    const isAllowed = process.env.NTFTP_NO_PREBUILD === "1";
    console.error(`prebuild: the package has no ${directory}/ntftp.glibc.node: ${error.message}`);
    if (!isAllowed) console.error("prebuild: NTFTP_NO_PREBUILD=1 packs without it; its users get node:dgram");
    process.exitCode = isAllowed ? 0 : 1;
  }
}
