import type { ChildProcess } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** The port a process is bound to, from the kernel. */
export async function portOf({ pid }: ChildProcess): Promise<number> {
  const sockets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
  const table = await readFile("/proc/net/udp", "utf8");
  for (const line of table.split("\n").slice(1)) {
    const columns = line.trim().split(/\s+/);
    if (sockets.includes(`socket:[${columns[9]}]`))
      return Number.parseInt(columns[1]?.split(":")[1] ?? "", 16);
  }
  throw new Error("the server has no socket");
}
