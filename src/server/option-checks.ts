import { isIP } from "node:net";
import type { PortRange } from "../io/socket.js";

/*
 * Readers of single options. Each gives the value that the rest of the code sees, or throws a RangeError or
 * TypeError with one line that names the option, the value, and what it can be.
 */

/** @throws RangeError */
export function checkWhole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name} is ${value}, it can be a whole number from ${min} to ${max}`);
}

/** @throws RangeError */
export function checkOneOf<W extends string>(name: string, value: W, words: readonly W[]): W {
  if (words.includes(value)) return value;
  throw new RangeError(`${name} is "${value}", it can be ${words.join(", ")}`);
}

/** @throws RangeError */
export function checkPortRange(range: PortRange): PortRange {
  const { first, last } = range;
  const isPort = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (!isPort(first) || !isPort(last) || first > last) {
    throw new RangeError(`portRange is ${first}-${last}, it needs two ports from 1 to 65535 in order`);
  }
  return { first, last };
}

/** @throws Error npm `tftp`'s 'Invalid IP address (server)' */
export function checkListenAddress(host: string): string {
  const address = host === "localhost" ? "127.0.0.1" : host;
  if (typeof address === "string" && isIP(address.split("%")[0] ?? "") !== 0) return address;
  throw new Error("Invalid IP address (server)");
}

/** Names of TFTP options, in lower case. @throws TypeError */
export function checkOptionNames(name: string, values: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(values)) throw new TypeError(`${name} has to be an array of names of TFTP options`);
  for (const value of values) {
    if (typeof value === "string" && /^[!-~]{1,64}$/.test(value)) continue;
    throw new TypeError(`${name} holds ${JSON.stringify(value)}, which can't be the name of a TFTP option`);
  }
  return new Set(values.map((value) => value.toLowerCase()));
}
