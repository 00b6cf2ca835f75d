import type { RefusalReason, TransferOutcome } from "./records.js";

/** From the most to the least important; a log of one level has the lines of those before it. */
export const logLevels = ["error", "warn", "info", "debug"] as const;

export type LogLevel = (typeof logLevels)[number];

/** True when a log of this level has lines of that one. */
export function includesLevel(log: LogLevel, line: LogLevel): boolean {
  return logLevels.indexOf(line) <= logLevels.indexOf(log);
}

/**
 * How much a transfer's end matters to whoever runs the server. `error`: this machine is in trouble. `warn`: a client
 * did not get what it asked for, and somebody may have to look. Boot ROMs try many names and ask for sizes: that is
 * their normal way.
 */
export const levelOfOutcome: { readonly [outcome in TransferOutcome]: LogLevel } = {
  done: "info",
  "last-ack-missing": "info",
  probe: "info",
  "not-found": "info",
  superseded: "info",
  "aborted-by-client": "info",
  denied: "warn",
  refused: "warn",
  "timed-out": "warn",
  "peer-gone": "warn",
  "protocol-error": "warn",
  aborted: "warn",
  evicted: "warn",
  "network-error": "error",
  "disk-full": "error",
  "disk-error": "error",
  "no-socket": "error",
  "worker-crash": "error",
};

/** Datagrams that are no requests are for those who look for them. */
export const levelOfRefusal: { readonly [reason in RefusalReason]: LogLevel } = {
  malformed: "debug",
  "file-in-use": "info",
  denied: "warn",
  "bad-name": "warn",
  "mapped-away": "info",
  "bad-mode": "warn",
  "too-large": "warn",
  busy: "warn",
};
