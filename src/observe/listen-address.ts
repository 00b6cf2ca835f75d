import { isIP } from "node:net";

/** Where an HTTP server of this package listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Nobody but this machine, unless somebody says so. */
const HOST_DEFAULT = "127.0.0.1";

/**
 * Reads `[HOST:]PORT`; HOST is an IP address (IPv6 in brackets) or localhost.
 * @throws RangeError with one sentence that says what it can be
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, host = HOST_DEFAULT, digits = ""] = /^(?:(.+):)?([0-9]{1,5})$/.exec(text) ?? [];
  const address = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  const isHost = address === "localhost" || isIP(host) === 4 || (address !== host && isIP(address) === 6);
  const port = Number(digits);
  if (digits !== "" && isHost && port <= 65_535) return { host: address, port };
  throw new RangeError(
    "It has to be a port, or an address and a port, as in 9469, 0.0.0.0:9469 or [::1]:9469.",
  );
}

/** True for addresses that only this machine reaches. */
export function isLoopback(address: string): boolean {
  return (
    address === "localhost" || address === "::1" || /^127\./.test(address) || /^::ffff:127\./.test(address)
  );
}
