import type { ServerOptions } from "../index.js";
import { type OptionRow, optionGroups } from "./option-row.js";
import { commonOptions } from "./options/common.js";
import { fileOptions } from "./options/files.js";
import { limitOptions } from "./options/limits.js";
import { logOptions } from "./options/log.js";
import { serverOptions } from "./options/server.js";
import type { ValueKind } from "./value-kinds.js";

/** All options of the command. A new one is a row in `options/`, and one in docs/reference.md. */
export const optionTable = [
  ...commonOptions,
  ...serverOptions,
  ...fileOptions,
  ...limitOptions,
  ...logOptions,
] as const;

type Row = (typeof optionTable)[number];

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;

type Single<R> = R extends { readonly kind: ValueKind<infer T> } ? T : never;

type ValueOf<R> =
  | (R extends { readonly isRepeatable: true } ? Single<R>[] : Single<R>)
  | (R extends { readonly isValueOptional: true } ? true : never);

/** The values of the options that were given, by name in camel case. */
export type OptionValues = { [R in Row as Camel<R["name"]>]?: ValueOf<R> };

/** Names a row whose values do not fit its library option: then the next line does not compile. */
type Misfit = {
  [R in Row as R["name"]]: R extends { readonly library: infer L extends keyof ServerOptions }
    ? ValueOf<R> extends ServerOptions[L]
      ? never
      : R["name"]
    : never;
}[Row["name"]];
const misfits: [Misfit] extends [never] ? readonly [] : Misfit = [];
void misfits;

/** The rows without their precise types. */
export const optionRows: readonly OptionRow[] = optionTable;

/** Options that `get` and `put` have too. */
export const commonRows: readonly OptionRow[] = optionRows.filter(
  ({ group, isMainOnly }) => group === optionGroups[0] && !isMainOnly,
);

/** The name of an option among {@link OptionValues}. */
export function attributeOf({ name }: OptionRow): keyof OptionValues {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof OptionValues;
}

/** What `createServer` gets of the values. */
export function toServerOptions(values: OptionValues): ServerOptions {
  const options: Record<string, unknown> = {};
  for (const row of optionRows) {
    const value = values[attributeOf(row)];
    if (row.library === undefined || value === undefined) continue;
    // Two flags may stand for one option: either is enough.
    options[row.library] = options[row.library] === true && value === false ? true : value;
  }
  return options;
}
