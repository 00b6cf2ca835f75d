import { Expression } from "./expression.js";

/** A part of a replacement. */
export type ReplacementPart =
  | { readonly kind: "text"; readonly text: string }
  /** `\0` to `\9`. */
  | { readonly kind: "group"; readonly index: number }
  /** `\i`, `\x`: the client's address as text, or as hexadecimal digits. */
  | { readonly kind: "address"; readonly form: "text" | "hex" }
  /** `\U`, `\L`, `\E`. */
  | { readonly kind: "case"; readonly to: "upper" | "lower" | "kept" };

/** One line of a map file. */
export interface MapRule {
  /** From 1 on. */
  readonly line: number;
  readonly expression: Expression;
  /** `~`: the rule is for names that the expression does not match. */
  readonly isInverse: boolean;
  /** `r`, else null. */
  readonly replacement: readonly ReplacementPart[] | null;
  /** `g`: again until it no longer matches. */
  readonly isRepeated: boolean;
  /** `a`: the request is refused. */
  readonly isRefusal: boolean;
  /** What comes behind a rule that matched: the next rule, none (`e`), or the first (`s`). */
  readonly goOn: "next" | "end" | "restart";
  /** `G`, `P`: for one method only. */
  readonly method: "GET" | "PUT" | null;
  /** `4`, `6`: for clients of one family only. */
  readonly family: 4 | 6 | null;
}

/** Characters of a map file: far more than any boot server has. */
const MAP_CHARACTERS_MAX = 1_000_000;
/** Each request goes through all of them. */
const RULES_MAX = 1000;

/** A mistake in a map file; the message begins with the line: `line 3: ...`. */
export class MapSyntaxError extends Error {
  override readonly name = "MapSyntaxError";
}

/**
 * Reads a map file in the form of in.tftpd: per line an operation, an expression, a replacement, with white space
 * between and comments from `#` on.
 *
 * @throws MapSyntaxError
 */
export function parseMap(source: string): MapRule[] {
  if (source.length > MAP_CHARACTERS_MAX) {
    throw new MapSyntaxError(`it is longer than ${MAP_CHARACTERS_MAX} characters`);
  }
  const rules: MapRule[] = [];
  source.split("\n").forEach((text, index) => {
    const words = splitFields(text);
    if (words.length === 0) return;
    try {
      rules.push(parseRule(words, index + 1));
    } catch (error) {
      throw new MapSyntaxError(`line ${index + 1}: ${(error as Error).message}`);
    }
    if (rules.length > RULES_MAX) {
      throw new MapSyntaxError(`line ${index + 1}: there are more than ${RULES_MAX} rules`);
    }
  });
  return rules;
}

/** Fields end at white space; `#` begins a comment; a backslash before either makes it a character like others. */
function splitFields(line: string): string[] {
  const fields: string[] = [];
  let field: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const character = line[at] as string;
    const next = line[at + 1];
    if (character === "#") break;
    if (/\s/.test(character)) {
      if (field !== null) fields.push(field);
      field = null;
    } else if (character === "\\" && next !== undefined) {
      at++;
      field = (field ?? "") + (/[\s#]/.test(next) ? next : character + next);
    } else {
      field = (field ?? "") + character;
    }
  }
  if (field !== null) fields.push(field);
  return fields;
}

function parseRule(
  [operation = "", source, replacement = "", ...more]: readonly string[],
  line: number,
): MapRule {
  const unknown = /[^rgiesaGP46~]/.exec(operation);
  if (unknown !== null) {
    throw new Error(`'${unknown[0]}' is no operation, they are r g i e s a G P 4 6 ~`);
  }
  if (source === undefined) throw new Error("there is no expression behind the operation");
  if (more.length > 0) {
    throw new Error(`'${more[0]}' is too much, write a space in a name as \\ and a space`);
  }
  const has = (letter: string) => operation.includes(letter);
  if (has("~") && has("r")) throw new Error("r and ~ exclude each other: there is no match to replace");
  if (has("g") && !has("r")) throw new Error("g repeats a replacement, and there is no r");
  if (has("G") && has("P")) throw new Error("G and P exclude each other, leave both out for either method");
  if (has("4") && has("6")) throw new Error("4 and 6 exclude each other, leave both out for either family");
  return {
    line,
    expression: new Expression(source, has("i")),
    isInverse: has("~"),
    replacement: has("r") ? parseReplacement(replacement) : null,
    isRepeated: has("g"),
    isRefusal: has("a"),
    goOn: has("e") ? "end" : has("s") ? "restart" : "next",
    method: has("G") ? "GET" : has("P") ? "PUT" : null,
    family: has("4") ? 4 : has("6") ? 6 : null,
  };
}

function parseReplacement(source: string): ReplacementPart[] {
  const parts: ReplacementPart[] = [];
  let text = "";
  const add = (part: ReplacementPart): void => {
    if (text !== "") parts.push({ kind: "text", text });
    text = "";
    parts.push(part);
  };
  for (let at = 0; at < source.length; at++) {
    const character = source[at] as string;
    if (character !== "\\") {
      text += character;
      continue;
    }
    const escaped = source[++at];
    if (escaped === undefined)
      throw new Error("a backslash ends the replacement, write \\\\ for the character");
    const part = ESCAPES[escaped] ?? (/[0-9]/.test(escaped) ? groupPart(escaped) : null);
    if (part !== null) add(part);
    else if (/[a-z]/i.test(escaped)) {
      throw new Error(
        `\\${escaped} is no escape of a replacement, they are \\0 to \\9 \\i \\x \\U \\L \\E \\\\`,
      );
    } else text += escaped;
  }
  if (text !== "") parts.push({ kind: "text", text });
  return parts;
}

function groupPart(digit: string): ReplacementPart {
  return { kind: "group", index: Number(digit) };
}

const ESCAPES: Readonly<Record<string, ReplacementPart>> = {
  i: { kind: "address", form: "text" },
  x: { kind: "address", form: "hex" },
  U: { kind: "case", to: "upper" },
  L: { kind: "case", to: "lower" },
  E: { kind: "case", to: "kept" },
};
