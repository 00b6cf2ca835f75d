import { stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { loadNameRules, type NameRules } from "./name-rules.js";
import { fillServerOptions, type ServerOptions, type ServerSettings } from "./options.js";

/** Settings that hold for what begins from now on. All others are built into sockets, threads and tables. */
const CHANGEABLE: ReadonlySet<string> = new Set<keyof ServerSettings>([
  "root",
  "denyGET",
  "denyPUT",
  "retries",
  "timeoutMs",
  "blockSize",
  "windowSize",
  "mtuBytes",
  "refusedOptions",
  "portRange",
  "uploads",
  "symlinks",
  "lowercase",
  "ignoreCase",
  "map",
  "uniqueRoot",
  "subnetRoots",
  "transfersPerClientMax",
  "queuedRequestsMax",
]);

/** Where a setting has another name than its option. */
const OPTION_NAMES: Readonly<Record<string, string>> = { transfersMax: "maxTransfers" };

/** What a server changes to. */
export interface Reloaded {
  readonly settings: ServerSettings;
  readonly names: NameRules;
}

/**
 * Reads options anew for a server that runs: nothing has changed yet when this rejects.
 *
 * @throws as `createServer` for bad options; Error (`ERR_RELOAD`) for an option that can't change while the server
 *   runs; the file system's error, or 'The root is not a directory'; what is wrong in the map
 */
export async function prepareReload(options: ServerOptions, running: ServerSettings): Promise<Reloaded> {
  const settings = fillServerOptions(options);
  for (const key of Object.keys(settings) as (keyof ServerSettings)[]) {
    if (CHANGEABLE.has(key) || isDeepStrictEqual(settings[key], running[key])) continue;
    const error = new Error(`${OPTION_NAMES[key] ?? key} can't be changed while the server runs: restart it`);
    throw Object.assign(error, { code: "ERR_RELOAD" });
  }
  if (!(await stat(settings.root)).isDirectory()) throw new Error("The root is not a directory");
  return { settings, names: await loadNameRules(settings) };
}
