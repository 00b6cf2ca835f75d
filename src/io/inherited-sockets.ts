import { readFile, readlink } from "node:fs/promises";
import { addressOfBytes, canonicalAddress } from "./address.js";
import { dgramSockets } from "./dgram-socket.js";
import type { OpenSocketOptions, SocketFactory } from "./socket.js";

/** The first descriptor that systemd hands over (sd_listen_fds(3)). */
const FIRST_FD = 3;

/** More than anybody has addresses. */
const FDS_MAX = 256;

/**
 * Opens sockets as `factory` does, but takes those that systemd has bound and handed over (socket activation): so a
 * service gets port 69 without any privilege. They are recognised by address and port. Without any, it is `factory`.
 *
 * @param environment - `LISTEN_PID` and `LISTEN_FDS` say whether there are any, and how many
 */
export function withInheritedSockets(
  factory: SocketFactory,
  environment: NodeJS.ProcessEnv = process.env,
): SocketFactory {
  const count = Number(environment["LISTEN_FDS"]);
  if (environment["LISTEN_PID"] !== String(process.pid) || !(count >= 1 && count <= FDS_MAX)) return factory;
  let found: Promise<Map<string, number>> | null = null;
  return {
    ...factory,
    open: async (options, handlers) => {
      found ??= findSockets(count);
      const key = keyOf(options);
      const fd = (await found).get(key);
      if (fd === undefined) return factory.open(options, handlers);
      // Closing it once is the end of it: a server that listens again binds by itself.
      (await found).delete(key);
      return dgramSockets.open({ ...options, fd }, handlers);
    },
  };
}

function keyOf({ address, port }: OpenSocketOptions): string {
  return `${canonicalAddress(address)} ${String(port)}`;
}

/** Which descriptor is bound to which address and port, from the kernel's tables. */
async function findSockets(count: number): Promise<Map<string, number>> {
  const bound = new Map<string, string>();
  for (const table of ["/proc/self/net/udp", "/proc/self/net/udp6"]) {
    // Without IPv6 there is no such table.
    const lines = (await readFile(table, "utf8").catch(() => "")).trim().split("\n").slice(1);
    for (const line of lines) {
      const columns = line.trim().split(/\s+/);
      const [address = "", port = ""] = (columns[1] ?? "").split(":");
      bound.set(`socket:[${columns[9]}]`, `${addressOf(address)} ${Number.parseInt(port, 16)}`);
    }
  }
  const sockets = new Map<string, number>();
  for (let fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
    const key = bound.get(await readlink(`/proc/self/fd/${fd}`).catch(() => ""));
    if (key !== undefined) sockets.set(key, fd);
  }
  return sockets;
}

/** The kernel prints the 32-bit words of an address as numbers of this machine; in memory they are in network order. */
function addressOf(hex: string): string {
  const words = Uint32Array.from(hex.match(/.{8}/g) ?? [], (word) => Number.parseInt(word, 16));
  return addressOfBytes(new Uint8Array(words.buffer));
}
