import { posix } from "node:path";

/**
 * The form of a remote name that goes on the wire: `./a` is `a`, `a//b` is `a/b`, an absolute name keeps its
 * slash.
 *
 * @throws Error for a name that leaves the server's root or holds control characters
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`) for anything that is no string
 */
export function normalizeRemoteName(name: string): string {
  const normalized = posix.normalize(name);
  if (normalized === ".." || normalized.startsWith("../")) {
    throw new Error("The path of the filename cannot point to upper levels");
  }
  if (/[\0-\x1f\x7f]/.test(normalized)) {
    throw new Error("The filename cannot contain control characters");
  }
  return normalized;
}
