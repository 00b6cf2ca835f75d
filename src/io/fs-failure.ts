import type { StorageFailure } from "./storage.js";

/** Sorts an error of the file system by what the peer may learn of it. */
export function toStorageFailure(error: unknown): StorageFailure {
  const cause = error instanceof Error ? error : new Error(String(error));
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  return { kind: KINDS[code] ?? "io", cause };
}

/** Makes an error as Node's fs would, for what only we can see (a FIFO, a link out of the root). */
export function fsError(code: string, text: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${text}, open '${path}'`), { code, path, syscall: "open" });
}

const KINDS: Record<string, StorageFailure["kind"]> = {
  ENOENT: "not-found",
  ENOTDIR: "not-found",
  ENAMETOOLONG: "not-found",
  ELOOP: "access",
  // As npm `tftp` answers a GET of a directory.
  EISDIR: "not-found",
  EACCES: "access",
  EPERM: "access",
  EROFS: "access",
  // What opening a socket file says.
  ENXIO: "access",
  ENODEV: "access",
  ENOSPC: "disk-full",
  EDQUOT: "disk-full",
  EFBIG: "disk-full",
  EEXIST: "exists",
};
