import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { CHECKOUT } from "../shared/checkout.js";
import type { Subject } from "../shared/server-process.js";

const SOURCE = join(CHECKOUT, "bench/compare/floor.cc");
const PROGRAM = join(CHECKOUT, ".cache/bench/floor");
const BUILD_MS = 120_000;

/**
 * No server, but what the system calls of one cost: a program that answers datagrams in batches and checks, repeats
 * and remembers nothing. How far a server is from it is what the rest of it costs.
 */
export const floor: Subject = {
  id: "floor",
  title: "floor (no server)",
  kind: "floor",
  command: ({ host, port, root }) => [PROGRAM, host, String(port), root],
};

/** Builds the floor; null, or why that failed. Takes a second or two. */
export function buildFloor(compiler = process.env["CXX"] ?? "c++"): string | null {
  if (process.platform !== "linux") return "its system calls are Linux's";
  mkdirSync(dirname(PROGRAM), { recursive: true });
  const { error, status, stderr } = spawnSync(compiler, ["-std=c++17", "-O2", "-o", PROGRAM, SOURCE], {
    encoding: "utf8",
    timeout: BUILD_MS,
  });
  if (error !== undefined) return error.message;
  return status === 0 ? null : (/.*error.*/.exec(stderr)?.[0] ?? `${compiler} ended with status ${status}`);
}
