import { readFile } from "node:fs/promises";

/** How long the kernel's table is believed: a boot storm is one reading. */
const FRESH_MS = 1000;

/** Linux: the neighbours that the kernel has spoken with over IPv4. */
const ARP_TABLE = "/proc/net/arp";

/** The hardware addresses of clients on the networks of this machine. */
export class Neighbours {
  readonly #table: string;
  #reading: { readonly atMs: number; readonly entries: Promise<ReadonlyMap<string, string>> } | null = null;

  constructor(table = ARP_TABLE) {
    this.#table = table;
  }

  /**
   * Six bytes in lower-case hexadecimal with dashes, or null where it can't be known: a client behind a router, an
   * IPv6 address that is not made from a hardware address, a system without {@link ARP_TABLE}.
   */
  async macOf(address: string): Promise<string | null> {
    if (address.includes(":")) return macInAddress(address);
    const nowMs = performance.now();
    if (this.#reading === null || nowMs - this.#reading.atMs > FRESH_MS) {
      this.#reading = { atMs: nowMs, entries: this.#read() };
    }
    return (await this.#reading.entries).get(address) ?? null;
  }

  async #read(): Promise<ReadonlyMap<string, string>> {
    const entries = new Map<string, string>();
    // No such table: nobody is known.
    const text = await readFile(this.#table, "latin1").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const [ip, , flags, mac] = line.split(/\s+/);
      // Flags 0: asked for, not answered yet.
      if (ip === undefined || mac === undefined || flags === "0x0") continue;
      if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac))
        entries.set(ip, mac.toLowerCase().replaceAll(":", "-"));
    }
    return entries;
  }
}

/** Addresses of stateless configuration hold the hardware address around ff:fe (RFC 4291, appendix A). */
function macInAddress(address: string): string | null {
  const [bare = ""] = address.split("%");
  const match = /([0-9a-f]{1,4}):([0-9a-f]{0,2})ff:fe([0-9a-f]{2}):([0-9a-f]{1,4})$/i.exec(bare);
  if (match === null) return null;
  const [, a = "", b = "", c = "", d = ""] = match;
  const digits = a.padStart(4, "0") + b.padStart(2, "0") + c + d.padStart(4, "0");
  const bytes = (digits.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
  bytes[0] = (bytes[0] ?? 0) ^ 0x02;
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("-");
}
