import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
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
  const table = (await readFile("/proc/net/udp", "utf8")) + (await readFile("/proc/net/udp6", "utf8"));
  for (const line of table.split("\n")) {
    const columns = line.trim().split(/\s+/);
    if (sockets.includes(`socket:[${columns[9]}]`))
      return Number.parseInt(columns[1]?.split(":")[1] ?? "", 16);
  }
  throw new Error("the server has no socket");
}

/** User and system time of processes up to now, in ticks of the kernel. */
function ticksOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
    const [user, system] = fields.split(" ").slice(11, 13);
    ticks += Number(user) + Number(system);
  }
  return ticks;
}

/** Time that all processors of the machine have been busy, in the same ticks. */
function busyTicks(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readFileSync("/proc/stat", "utf8")
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softirq;
}

/**
 * Starts to measure which part of the machine's work some processes do, this one included: 1 on a machine that has
 * nothing else to do. The function that comes back ends the measurement.
 */
export function measureShare(others: readonly ChildProcess[]): () => number {
  const pids = [process.pid, ...others.map(({ pid }) => pid as number)];
  const [ownBefore, busyBefore] = [ticksOf(pids), busyTicks()];
  return () => Math.min(1, (ticksOf(pids) - ownBefore) / Math.max(1, busyTicks() - busyBefore));
}
