import { isIP, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";

/**
 * The one spelling of an IP literal that sockets report too: `0:0:0:0:0:0:0:1` becomes `::1`. An IPv6 zone
 * (`fe80::1%eth0`) stays. Anything else than an IP literal is returned as it is.
 */
export function canonicalAddress(address: string): string {
  const zoneAt = address.indexOf("%");
  const bare = zoneAt < 0 ? address : address.slice(0, zoneAt);
  const zone = zoneAt < 0 ? "" : address.slice(zoneAt);
  if (isIP(bare) !== 6) return address;
  return new SocketAddress({ address: bare, family: "ipv6" }).address + zone;
}

/** The literal for 4 or 16 bytes in network byte order, canonical and without a zone. */
export function addressOfBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 2) {
    groups.push((((bytes[at] as number) << 8) | (bytes[at + 1] as number)).toString(16));
  }
  return canonicalAddress(groups.join(":"));
}

/** Where a datagram to the unspecified address ends up: on this machine. Other addresses stay. */
export function reachableAddress(address: string): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  return address === "::" ? "::1" : address;
}

/** True for `0.0.0.0` and `::` in any spelling. */
export function isUnspecified(address: string): boolean {
  const canonical = canonicalAddress(address);
  return canonical === "0.0.0.0" || canonical === "::";
}

/**
 * The addresses of this machine that a socket can be bound to, canonical, link-local ones with their zone.
 * @param family - 4, 6, or 0 for both
 */
export function localAddresses(family: 0 | 4 | 6): string[] {
  const addresses = new Set<string>();
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    for (const entry of entries ?? []) {
      const entryFamily = entry.family === "IPv4" ? 4 : 6;
      if (family !== 0 && family !== entryFamily) continue;
      const linkLocal = entryFamily === 6 && entry.scopeid !== 0;
      addresses.add(canonicalAddress(linkLocal ? `${entry.address}%${name}` : entry.address));
    }
  }
  return [...addresses];
}

/** `address:port`, IPv6 in brackets: for keys and texts. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
