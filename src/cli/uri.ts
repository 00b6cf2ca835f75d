import { isIP } from "node:net";

/** Transfer modes of the command line. */
export type Mode = "octet" | "netascii";

/** Where a server is. */
export interface Endpoint {
  readonly host: string;
  /** Undefined: the default, 69. */
  readonly port: number | undefined;
}

/** A parsed `tftp://` URI. */
export interface TftpUri extends Endpoint {
  /** The remote name, decoded; "" when the URI ends with its host. */
  readonly path: string;
  readonly mode: Mode | undefined;
}

/**
 * Reads `tftp://host[:port]/path[;mode=octet|netascii]` (RFC 3617). IPv6 literals stand in brackets, with or
 * without a zone; %-escapes are decoded, plain spaces are accepted.
 *
 * @throws Error with one line that says what is wrong
 */
export function parseUri(text: string): TftpUri {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1];
  if (scheme?.toLowerCase() !== "tftp") throw new Error("The protocol must be 'tftp'");
  const match = /^tftp:\/\/([^/?#@]+)(?:\/(.*))?$/is.exec(text);
  if (match === null) throw new Error(`Bad uri '${text}', it looks like tftp://host[:port]/path`);
  const [, authority = "", rest = ""] = match;
  const [, rawPath = "", rawMode] = /^(.*?)(?:;mode=([^;]*))?$/is.exec(rest) ?? [];
  return { ...parseEndpoint(authority), path: decodePath(rawPath), mode: parseMode(rawMode) };
}

/**
 * Reads `host`, `host:port`, `[ipv6]`, `[ipv6]:port` or a bare IPv6 literal.
 * @throws Error with one line that says what is wrong
 */
export function parseEndpoint(text: string): Endpoint {
  if (isIP(text.split("%")[0] ?? "") === 6) return { host: text, port: undefined };
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) {
    // A zone's % may be escaped itself (RFC 6874).
    const host = (bracketed[1] ?? "").replace(/%25/, "%");
    if (isIP(host.split("%")[0] ?? "") !== 6) throw new Error(`'${host}' in brackets is no IPv6 address`);
    return { host, port: parsePort(bracketed[2]) };
  }
  const [host = "", port, ...more] = text.split(":");
  if (host === "" || more.length > 0) throw new Error(`Bad address '${text}', it looks like host[:port]`);
  return { host, port: parsePort(port) };
}

/** @throws Error for any mode but octet and netascii; `undefined` stays. */
export function parseMode(mode: string | undefined): Mode | undefined {
  if (mode === undefined) return undefined;
  const known = mode.toLowerCase();
  if (known === "octet" || known === "netascii") return known;
  throw new Error(`The transfer mode can be 'octet' or 'netascii', '${mode}' was given`);
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new Error(`Bad port '${text}', it can be 1 to 65535`);
  return port;
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Error(`Bad uri: '${path}' has an incomplete %-escape; write % itself as %25`);
  }
}
