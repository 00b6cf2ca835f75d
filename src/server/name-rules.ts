import { readFile } from "node:fs/promises";
import { posix } from "node:path";
import type { ErrorName } from "../errors.js";
import { normalizeName } from "../io/root-path.js";
import { MapSyntaxError } from "../names/map-syntax.js";
import { type MapContext, type MapResult, type MapStep, NameMap } from "../names/name-map.js";
import type { ServerSettings } from "./options.js";

/** What a requested name means, or the error that the client gets. */
export type ResolvedName =
  | {
      readonly ok: true;
      /** As `req.file` shows it. */
      readonly file: string;
      /** Below a root, without `.` and `..`. */
      readonly path: string;
      /** The same for all names of one file below one root. */
      readonly key: string;
    }
  | { readonly ok: false; readonly refusal: ErrorName };

/** What `server.testName` tells: a dry run of the rules for one name. */
export interface NameTest {
  /** The rules of the map that matched, in order. */
  readonly steps: readonly MapStep[];
  /** The name below the root, or null: the request is refused. */
  readonly file: string | null;
  /** Why it is refused, in one sentence; else null. */
  readonly refusal: string | null;
}

/**
 * From the name in a request to the name below the root, in this order: lower case, the map file, separators and
 * `..`. The map sees backslashes as the client sent them, as that of in.tftpd does, and has the last word on case.
 */
export class NameRules {
  readonly #lowercase: boolean;
  readonly #ignoreCase: boolean;
  readonly #map: NameMap | null;

  constructor(settings: Pick<ServerSettings, "lowercase" | "ignoreCase">, map: NameMap | null) {
    this.#lowercase = settings.lowercase;
    this.#ignoreCase = settings.ignoreCase;
    this.#map = map;
  }

  resolve(fileName: string, context: MapContext): ResolvedName {
    const mapped = this.#rewrite(fileName, context);
    if (!mapped.ok) return { ok: false, refusal: "EACCESS" };
    const name = normalizeName(mapped.name);
    if (!name.ok) return { ok: false, refusal: "EBADNAME" };
    const key = this.#ignoreCase ? name.key.toLowerCase() : name.key;
    return { ok: true, file: posix.normalize(mapped.name), path: name.path, key };
  }

  /** What happens to a name, and why. */
  test(fileName: string, context: MapContext): NameTest {
    const steps: MapStep[] = [];
    const mapped = this.#rewrite(fileName, context, (step) => steps.push(step));
    if (!mapped.ok) return { steps, file: null, refusal: `line ${mapped.line} ${REASONS[mapped.reason]}` };
    const name = normalizeName(mapped.name);
    if (!name.ok) return { steps, file: null, refusal: `the name is refused: ${name.reason}` };
    return { steps, file: name.path, refusal: null };
  }

  #rewrite(fileName: string, context: MapContext, onStep?: (step: MapStep) => void): MapResult {
    const name = this.#lowercase ? fileName.toLowerCase() : fileName;
    return this.#map === null ? { ok: true, name } : this.#map.apply(name, context, onStep);
  }
}

const REASONS = {
  refused: "refuses the request",
  endless: "is where the limit of rules that match, or of steps, is reached: the map does not end",
  "too-long": "makes the name longer than 4096 characters",
} as const;

/** The rules by the settings, with the map file as it is now. @throws Error with file, line, and what is wrong there */
export async function loadNameRules(settings: ServerSettings): Promise<NameRules> {
  return new NameRules(settings, settings.map === null ? null : await loadNameMap(settings.map));
}

async function loadNameMap(file: string): Promise<NameMap> {
  const source = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw Object.assign(new Error(`${file}: the map can't be read (${cause.code})`, { cause }), {
      code: "ERR_MAP",
    });
  });
  try {
    return new NameMap(source);
  } catch (cause) {
    if (!(cause instanceof MapSyntaxError)) throw cause;
    throw Object.assign(new Error(`${file}: ${cause.message}`, { cause }), { code: "ERR_MAP" });
  }
}
