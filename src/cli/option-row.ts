import type { ServerOptions } from "../index.js";
import type { ValueKind } from "./value-kinds.js";

/** Headings of `--help`, in its order. The rows of the first are options of `get` and `put` too. */
export const optionGroups = ["Options", "Server", "Files", "Limits of the server"] as const;

/**
 * One option: the only place that describes it. The parser, `--help`, the man page, shell completion, the schema of
 * the configuration file and the check of docs/reference.md are made from these rows.
 */
export interface OptionRow<T = unknown> {
  /** Its long name, without dashes; also its key in a configuration file. */
  readonly name: string;
  readonly short?: string;
  readonly kind: ValueKind<T>;
  /** The word for its value; none for a flag. */
  readonly placeholder?: string;
  /** The value may be missing: the option is `true` then. */
  readonly isValueOptional?: true;
  /** May be given more than once: the values become a list. */
  readonly isRepeatable?: true;
  /** A flag that is on by default: `--no-NAME` turns it off. */
  readonly isNegatable?: true;
  /** Says what it does: begins in lower case, without a full stop and without the default. */
  readonly help: string;
  /** In words, where there is one. */
  readonly default?: string;
  readonly group: (typeof optionGroups)[number];
  /** Not of `get` and `put`, in spite of its group. */
  readonly isMainOnly?: true;
  /** The option of `createServer` that gets the value. */
  readonly library?: keyof ServerOptions;
  /** Its key in a configuration file, where that is not its name; null: it can't stand in one. */
  readonly configKey?: string | null;
}
