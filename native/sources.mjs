// What the programs that build the addon have in common.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Longest time for a build, on however slow a machine. */
export const BUILD_LIMIT_MS = 600_000;

/** All that is compiled, below the checkout. */
export function sourceFiles() {
  const sources = readdirSync(join(root, "native")).filter((name) => /\.(cc|h)$/.test(name));
  return ["binding.gyp", ...sources.sort().map((name) => join("native", name))];
}

/** Changes with every source and with what it is built for. */
export function sourcesHash() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${process.versions.modules}`);
  for (const path of sourceFiles()) hash.update(path).update(readFileSync(join(root, path)));
  return hash.digest("hex");
}

/** Why the addon can't be built here; null when it can. */
export function obstacle() {
  if (process.platform !== "linux") return `not made for ${process.platform}`;
  if (!existsSync(join(root, "node_modules", "node-gyp"))) return "node-gyp is not installed";
  const compiler = process.env.CXX ?? "c++";
  if (spawnSync(compiler, ["--version"]).status !== 0) return `no compiler (${compiler})`;
  return null;
}

/** The environment of node-gyp: with the headers that came with this node, where they did; it downloads others. */
export function buildEnvironment() {
  const prefix = dirname(dirname(process.execPath));
  if (!existsSync(join(prefix, "include", "node", "node_api.h"))) return process.env;
  return { npm_config_nodedir: prefix, ...process.env };
}
