import { isIP } from "node:net";
import type { PortRange, SubnetRoot, SymlinkPolicy } from "../index.js";
import { parseListenAddress } from "../observe/listen-address.js";
import { type Mode, parseMode } from "./uri.js";

/**
 * What the value of an option can be: as text on the command line, as JSON in a configuration file.
 * Both readers throw an Error whose message is one sentence that says what it can be.
 */
export interface ValueKind<T> {
  readonly fromText: (text: string) => T;
  readonly fromJson: (value: unknown) => T;
  /** JSON schema of the value in a configuration file. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Names of files in the value, looked up from somewhere. */
  below?(value: T, lookUp: (name: string) => string): T;
  /** For shell completion: the words it can be, or what kind of name. */
  readonly completion?: readonly string[] | "file" | "directory";
}

/** Given or not; has no value on the command line. */
export const flag: ValueKind<boolean> = {
  fromText: () => true,
  fromJson: (value) => {
    if (typeof value === "boolean") return value;
    throw new Error("It has to be true or false.");
  },
  schema: { type: "boolean" },
};

/** Any text but "". */
export function text(completion?: "file" | "directory"): ValueKind<string> {
  const fromText = (value: string): string => {
    if (value !== "") return value;
    throw new Error("It has to be a text that is not empty.");
  };
  const kind = { fromText, fromJson: jsonText(fromText), schema: { type: "string", minLength: 1 } };
  if (completion === undefined) return kind;
  return { ...kind, completion, below: (value, lookUp) => lookUp(value) };
}

/** A whole number, both ends included. */
export function wholeNumber(low: number, high: number): ValueKind<number> {
  const check = (value: unknown): number => {
    if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
    throw new Error(`It has to be a whole number from ${low} to ${high}.`);
  };
  return {
    fromText: (value) => check(/^[0-9]{1,15}$/.test(value) ? Number(value) : Number.NaN),
    fromJson: check,
    schema: { type: "integer", minimum: low, maximum: high },
  };
}

/** One of some words. */
export function oneOf<const W extends string>(...words: readonly [W, ...W[]]): ValueKind<W> {
  const list = words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` : words[0];
  const fromText = (value: string): W => {
    const known = words.find((word) => word === value);
    if (known !== undefined) return known;
    throw new Error(`It can be ${list}.`);
  };
  return { fromText, fromJson: jsonText(fromText), schema: { enum: words }, completion: words };
}

/** Text with a form of its own. */
export function parsedText<T>(fromText: (text: string) => T, pattern?: string): ValueKind<T> {
  const schema = pattern === undefined ? { type: "string" } : { type: "string", pattern };
  return { fromText, fromJson: jsonText(fromText), schema };
}

/** `octet` or `netascii`, in any case. */
export const mode: ValueKind<Mode> = {
  ...parsedText((value) => parseMode(value) ?? "octet"),
  completion: ["octet", "netascii"],
};

/** How symbolic links are treated. */
export const symlinkPolicy: ValueKind<SymlinkPolicy> = oneOf("inside", "follow", "deny");

/** FIRST-LAST. */
export const portRange: ValueKind<PortRange> = parsedText((value) => {
  const [, first = 0, last = 0] = (/^(\d{1,5})-(\d{1,5})$/.exec(value) ?? []).map(Number);
  if (first >= 1 && first <= last && last <= 65_535) return { first, last };
  throw new Error("It has to be two ports in order, as in 50000-50999.");
}, "^[0-9]{1,5}-[0-9]{1,5}$");

/** [HOST:]PORT of an HTTP server; checked, and kept as it was given. */
export const listenAddress: ValueKind<string> = parsedText((value) => {
  parseListenAddress(value);
  return value;
});

/** An address of this machine to bind. */
export const bindAddress: ValueKind<string> = parsedText((value) => {
  if (value === "localhost" || isIP(value.split("%")[0] ?? "") !== 0) return value;
  throw new Error("It has to be an IP address or localhost; IPv6 without brackets.");
});

/** An IP address. */
export const ipAddress: ValueKind<string> = parsedText((value) => {
  if (isIP(value.split("%")[0] ?? "") !== 0) return value;
  throw new Error("It has to be an IP address.");
});

/** ADDRESS/BITS=DIRECTORY. */
export const subnetRoot: ValueKind<SubnetRoot> = {
  ...parsedText((value) => {
    const [, address = "", bits = "", root = ""] = /^([^/=]*)\/(\d{1,3})=(.+)$/.exec(value) ?? [];
    const family = isIP(address);
    if (family !== 0 && Number(bits) <= (family === 6 ? 128 : 32))
      return { subnet: `${address}/${bits}`, root };
    throw new Error("It has to be a network and a directory, as in 192.0.2.0/24=/srv/lab.");
  }, "^[^/=]+/[0-9]{1,3}=.+$"),
  below: ({ subnet, root }, lookUp) => ({ subnet, root: lookUp(root) }),
};

/** The name of a TFTP option (RFC 2347). */
export const tftpOption: ValueKind<string> = {
  ...parsedText((value) => {
    if (/^[!-~]{1,64}$/.test(value)) return value;
    throw new Error("It has to be the name of a TFTP option, as in blksize.");
  }, "^[!-~]{1,64}$"),
  completion: ["blksize", "windowsize", "timeout", "utimeout", "tsize", "rollover"],
};

function jsonText<T>(fromText: (text: string) => T): (value: unknown) => T {
  return (value) => {
    if (typeof value !== "string") throw new Error("It has to be a text in quotes.");
    return fromText(value);
  };
}
