import { BLOCK_SIZE_MAX, BLOCK_SIZE_MIN, WINDOW_SIZE_MAX } from "./engine/index.js";

/** Options that client and server share, as npm `tftp` has them: a bad value is coerced or replaced by the default. */
export interface CommonOptions {
  /** Address or (client only) name; default "localhost". */
  host?: string | undefined;
  /** UDP port; default 69. Server: 0 takes one of the kernel's choice. */
  port?: number | string | undefined;
  /** Time-outs without progress that are survived; default 3. */
  retries?: number | string | undefined;
  /**
   * Milliseconds: the longest pause before something is sent again, and the unit of patience, as a transfer
   * fails after `timeout * (retries + 1)` without progress. Default 3000. On the wire it is whole seconds (RFC 2349).
   */
  timeout?: number | string | undefined;
  /** Largest DATA block in bytes, 8..65464; default 1468, which fits into an Ethernet packet. */
  blockSize?: number | string | undefined;
  /** Largest number of blocks per acknowledgement, 1..65535; default 4 (RFC 7440). */
  windowSize?: number | string | undefined;
}

/** {@link CommonOptions} without gaps: what the rest of the code sees. */
export interface CommonSettings {
  readonly host: string;
  readonly port: number;
  readonly retries: number;
  readonly timeoutMs: number;
  readonly blockSize: number;
  readonly windowSize: number;
}

export const PORT_DEFAULT = 69;
const HOST_DEFAULT = "localhost";
const RETRIES_DEFAULT = 3;
const TIMEOUT_MS_DEFAULT = 3000;
/** What is asked for, or granted at most; a peer that knows no options has the protocol's 512 and 1. */
const BLOCK_SIZE_WANTED = 1468;
const WINDOW_SIZE_WANTED = 4;

/** Fills the gaps by npm `tftp`'s rules. */
export function fillCommonOptions(options: CommonOptions): CommonSettings {
  const blockSize = coerceNumber(options.blockSize, BLOCK_SIZE_WANTED);
  const windowSize = coerceNumber(options.windowSize, WINDOW_SIZE_WANTED);
  return {
    host: options.host || HOST_DEFAULT,
    port: coerceNumber(options.port, PORT_DEFAULT),
    retries: coerceNumber(options.retries, RETRIES_DEFAULT),
    timeoutMs: coerceNumber(options.timeout, TIMEOUT_MS_DEFAULT),
    blockSize: blockSize < BLOCK_SIZE_MIN || blockSize > BLOCK_SIZE_MAX ? BLOCK_SIZE_WANTED : blockSize,
    windowSize: windowSize > WINDOW_SIZE_MAX ? WINDOW_SIZE_WANTED : windowSize,
  };
}

/** Falsy gives the default, anything else its integer part, at least 1 ("1234" is 1234, "12x" and -5 are 1). */
export function coerceNumber(value: unknown, fallback: number): number {
  if (!value) return fallback;
  return Math.max(1, ~~(value as number));
}
