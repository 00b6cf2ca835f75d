import { lookup } from "node:dns";
import { isIP } from "node:net";
import { TftpError } from "../errors.js";
import { canonicalAddress, reachableAddress } from "../io/address.js";

/**
 * The addresses to try for a host, best first, in the spelling that sockets report. Calls back asynchronously.
 *
 * `localhost` is 127.0.0.1 and then ::1, whatever the order of the resolver: servers of this protocol sit on
 * IPv4 far more often, and a silent address costs time.
 */
export function resolveHost(
  host: string,
  callback: (error: Error | null, addresses: string[]) => void,
): void {
  const bare = host.split("%")[0] ?? "";
  if (isIP(bare) !== 0) {
    process.nextTick(callback, null, [canonicalAddress(reachableAddress(host))]);
    return;
  }
  if (host.toLowerCase() === "localhost") {
    process.nextTick(callback, null, ["127.0.0.1", "::1"]);
    return;
  }
  lookup(host, { all: true }, (error, found) => {
    if (error !== null) {
      const text = `Cannot resolve the domain name "${host}"`;
      callback(new TftpError(text, { code: "ENOTFOUND", cause: error }), []);
      return;
    }
    callback(null, [...new Set(found.map((entry) => canonicalAddress(entry.address)))]);
  });
}
