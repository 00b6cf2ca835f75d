import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createServer } from "../index.js";
import type { Output } from "./serve-args.js";

/**
 * What `ntftp --version` prints: the version as npm `tftp` does, and which way datagrams take, and why. As JSON it is
 * one object; quiet, it is the version alone.
 */
export function versionText(output: Output): string {
  const version = packageVersion();
  if (output === "quiet") return `v${version}\n`;
  const { isNative, reason } = createServer().native;
  if (output === "json") return `${JSON.stringify({ version, native: { isNative, reason } })}\n`;
  return `v${version}\n${isNative ? "native path" : "node:dgram"}: ${reason}\n`;
}

/** The compiled file lies in dist/src/cli. */
function packageVersion(): string {
  const manifest = readFileSync(join(__dirname, "../../../package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
