// Builds the addons that the tarball carries, prebuilds/PLATFORM-ARCH/ntftp.LIBC.node: `npm run prebuilds`, and part of
// `prepack`. In folders of their own, so that the build a checkout uses stays as it is.
//
// That for this machine is a must: a package without it sends its Linux users to node:dgram for good
// (NTFTP_NO_PREBUILD=1 packs without it). Those for other processors are built where their compiler is installed.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BUILD_LIMIT_MS, buildEnvironment, obstacle, root, sourceFiles, sourcesHash } from "./sources.mjs";

/** What node 20's own binary needs (glibc of RHEL 8 and Debian 10): the addon is loadable wherever that runs. */
const NEWEST = { GLIBC: "2.28", GLIBCXX: "3.4.21", CXXABI: "1.3.9", GCC: "3.4" };

/** Processors that Debian's cross compilers build for, by node's names for them. */
const CROSS_COMPILERS = { arm64: "aarch64-linux-gnu" };

/** One addon: for this machine (`tools` is null) or another. */
class Prebuild {
  constructor(arch, tools) {
    this.arch = arch;
    this.tools = tools;
    this.name = `prebuilds/${process.platform}-${arch}/ntftp.glibc.node`;
    this.file = join(root, this.name);
    this.folder = join(root, ".cache", `prebuild-${arch}`);
    this.stamp = join(this.folder, "sources.sha256");
  }

  isUpToDate(hash) {
    return existsSync(this.file) && existsSync(this.stamp) && readFileSync(this.stamp, "utf8") === hash;
  }

  /** @throws Error that says why there is none */
  build(hash) {
    const reason = obstacle();
    if (reason !== null) throw new Error(reason);
    rmSync(this.folder, { recursive: true, force: true });
    for (const path of sourceFiles()) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      cpSync(join(root, path), join(this.folder, path));
    }
    writeFileSync(join(this.folder, "package.json"), '{ "name": "ntftp", "private": true }');
    this.#compile();
    this.#checkVersions();
    // Loads, as a user's node will. Those for other processors are run by the tests of the package.
    if (this.tools === null)
      this.#run(process.execPath, ["-e", "require(process.argv[1]).Reactor.name", this.file]);
    writeFileSync(this.stamp, hash);
  }

  #compile() {
    const prebuildify = join(root, "node_modules", "prebuildify", "bin.js");
    const words = [
      "--napi",
      "--strip",
      "--tag-libc",
      "--name=ntftp",
      `--target=${process.version}`,
      `--out=${root}`,
    ];
    if (this.tools !== null) words.push(`--arch=${this.arch}`, `--strip-bin=${this.#tool("strip")}`);
    this.#run(process.execPath, [prebuildify, ...words]);
  }

  /** @throws Error for a symbol that is newer than what node needs */
  #checkVersions() {
    const symbols = this.#run(this.#tool("objdump"), ["-T", this.file]);
    for (const [name, library, version] of symbols.matchAll(/\b(GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)/g)) {
      if (compareVersions(version, NEWEST[library]) > 0) {
        rmSync(this.file);
        throw new Error(`the addon needs ${name}; node runs with ${library}_${NEWEST[library]}`);
      }
    }
  }

  #tool(name) {
    return this.tools === null ? name : `${this.tools}-${name}`;
  }

  #run(program, words) {
    const env = buildEnvironment();
    const compilers = this.tools === null ? {} : { CC: this.#tool("gcc"), CXX: this.#tool("g++") };
    const limits = { encoding: "utf8", timeout: BUILD_LIMIT_MS };
    const result = spawnSync(program, words, { cwd: this.folder, env: { ...env, ...compilers }, ...limits });
    if (result.status === 0) return result.stdout;
    throw new Error(`${program} failed\n${result.error?.message ?? ""}${result.stdout}${result.stderr}`);
  }
}

function compareVersions(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

/** @returns whether the package can do without what is missing now */
function provide(prebuild, hash, isNeeded) {
  try {
    if (!prebuild.isUpToDate(hash)) {
      prebuild.build(hash);
      console.error(`prebuild: ${prebuild.name}`);
    }
    return true;
  } catch (error) {
    console.error(`prebuild: the package has no ${prebuild.name}: ${error.message}`);
    if (isNeeded) console.error("prebuild: NTFTP_NO_PREBUILD=1 packs without it; its users get node:dgram");
    return !isNeeded;
  }
}

const hash = sourcesHash();
let isComplete = provide(new Prebuild(process.arch, null), hash, process.env.NTFTP_NO_PREBUILD !== "1");
for (const [arch, tools] of Object.entries(CROSS_COMPILERS)) {
  if (arch === process.arch) continue;
  const isInstalled = spawnSync(`${tools}-g++`, ["--version"]).status === 0;
  if (isInstalled) isComplete = provide(new Prebuild(arch, tools), hash, true) && isComplete;
  else console.error(`prebuild: left out for ${arch}: ${tools}-g++ is not installed`);
}
process.exitCode = isComplete ? 0 : 1;
