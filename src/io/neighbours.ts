import { readFile } from "node:fs/promises";

/** How long what the kernel's table says of an address is believed: a boot storm is few readings. */
const FRESH_MS = 1000;

/** The table is read no more often for addresses that are not in it: those of clients behind routers never are. */
const PAUSE_MS = 100;

/** Linux: the neighbours that the kernel has spoken with over IPv4. */
const ARP_TABLE = "/proc/net/arp";

interface Reading {
  readonly atMs: number;
  readonly entries: Promise<ReadonlyMap<string, string>>;
}

/** The hardware addresses of clients on the networks of this machine. */
export class Neighbours {
  readonly #table: string;
  #reading: Reading | null = null;
  /** The reading that follows, while a question waits for it. */
  #next: Promise<Reading> | null = null;

  constructor(table = ARP_TABLE) {
    this.#table = table;
  }

  /**
   * Six bytes in lower-case hexadecimal with dashes, or null where it can't be known: a client behind a router, an
   * IPv6 address that is not made from a hardware address, a system without {@link ARP_TABLE}.
   */
  async macOf(address: string): Promise<string | null> {
    if (address.includes(":")) return macInAddress(address);
    const askedAtMs = performance.now();
    let reading = this.#reading;
    if (reading !== null && askedAtMs - reading.atMs <= FRESH_MS) {
      const mac = (await reading.entries).get(address);
      if (mac !== undefined) return mac;
    }
    // A client may have come to the network after the last reading; the kernel knows it before its request arrives.
    this.#next ??= this.#readNext();
    reading = await this.#next;
    return (await reading.entries).get(address) ?? null;
  }

  async #readNext(): Promise<Reading> {
    const waitMs = (this.#reading?.atMs ?? Number.NEGATIVE_INFINITY) + PAUSE_MS - performance.now();
    // In any case a moment later: the caller notes this promise first.
    await (waitMs > 0 ? new Promise((resolve) => setTimeout(resolve, waitMs)) : null);
    this.#next = null;
    this.#reading = { atMs: performance.now(), entries: this.#read() };
    return this.#reading;
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
