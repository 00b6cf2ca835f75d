import { type CommonSettings, fillCommonOptions } from "../options.js";
import type { ClientOptions } from "./client.js";

/** {@link ClientOptions} without gaps. */
export interface ClientSettings extends CommonSettings {
  /** Most bytes of a GET. */
  readonly downloadBytesMax: number;
  readonly dedicatedThread: boolean;
}

/**
 * Fills the gaps.
 * @throws RangeError for a limit that is none: replaced by the default, it would protect nobody
 */
export function fillClientOptions(options: ClientOptions): ClientSettings {
  const { maxDownloadSize: max = Number.MAX_SAFE_INTEGER, dedicatedThread = false } = options;
  if (!Number.isSafeInteger(max) || max < 0) {
    throw new RangeError(`maxDownloadSize is ${max}, it can be a whole number of bytes from 0 on`);
  }
  return { ...fillCommonOptions(options), downloadBytesMax: max, dedicatedThread };
}
