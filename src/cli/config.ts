import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { OptionRow } from "./option-row.js";
import { attributeOf, type OptionValues, optionRows } from "./option-table.js";

/**
 * Reads a configuration file: JSON whose keys are the long names of options. Names of files in it are looked up from
 * the directory that it is in.
 *
 * @throws Error with one line: the file, the place in it, what it can be
 */
export function readConfig(file: string): OptionValues {
  const config = parseJson(file);
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new Error(`${file}: it has to be an object, as in {"root": "/srv/tftp"}`);
  }
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    if (key === "$schema") continue;
    const row = optionRows.find((each) => configKeyOf(each) === key);
    if (row === undefined) throw new Error(`${file}: ${explainUnknown(key)}`);
    values[attributeOf(row)] = readValue(file, key, row, value);
  }
  return values as OptionValues;
}

/** The key of an option in a configuration file; null where it can't stand in one. */
export function configKeyOf({ name, configKey }: OptionRow): string | null {
  return configKey === undefined ? name : configKey;
}

function parseJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file}: the configuration can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const [, position] = /position (\d+)/.exec(message) ?? [];
    const line = position === undefined ? "" : `line ${text.slice(0, Number(position)).split("\n").length}: `;
    throw new Error(`${file}: ${line}it is no JSON: ${message.replace(/\s+/g, " ")}`);
  }
}

function readValue(file: string, key: string, row: OptionRow, value: unknown): unknown {
  if (row.isRepeatable !== true) return readOne(file, key, row, value);
  if (!Array.isArray(value)) throw new Error(`${file}: ${key}: It has to be a list, as in [...].`);
  return value.map((item, index) => readOne(file, `${key}[${index}]`, row, item));
}

function readOne(file: string, place: string, { kind }: OptionRow, value: unknown): unknown {
  try {
    const read = kind.fromJson(value);
    return kind.below?.(read, (name) => resolve(dirname(file), name)) ?? read;
  } catch (error) {
    throw new Error(`${file}: ${place}: ${(error as Error).message}`);
  }
}

function explainUnknown(key: string): string {
  const keys = optionRows.flatMap((row) => configKeyOf(row) ?? []);
  const plain = key.replace(/^--/, "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const near = keys.find((known) => known === plain) ?? keys.find((known) => differsLittle(known, plain));
  return `there is no option '${key}'${near === undefined ? "" : `, did you mean '${near}'?`}`;
}

/** One letter too much, too few, or wrong. */
function differsLittle(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false;
  let same = 0;
  while (same < one.length && one[same] === other[same]) same++;
  const [restOne, restOther] = [one.slice(same), other.slice(same)];
  return (
    restOne.slice(1) === restOther.slice(1) ||
    restOne.slice(1) === restOther ||
    restOne === restOther.slice(1)
  );
}
