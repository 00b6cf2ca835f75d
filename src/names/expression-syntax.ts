/*
 * Reads POSIX extended regular expressions (what egrep and in.tftpd take) into a tree. No back references: they
 * are what makes matching take exponential time. Errors are one sentence, meant for a line of a map file.
 */

/** A set of characters: ranges of code points, both ends included. */
export interface CharacterSet {
  readonly ranges: readonly (readonly [number, number])[];
  readonly isNegated: boolean;
}

/** Places between characters. */
export type Assertion = "start" | "end" | "word-start" | "word-end" | "word-edge" | "no-word-edge";

/** The tree of an expression. */
export type Node =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "group"; readonly index: number; readonly body: Node }
  | { readonly kind: "sequence"; readonly parts: readonly Node[] }
  | { readonly kind: "alternatives"; readonly parts: readonly Node[] }
  | { readonly kind: "repeat"; readonly body: Node; readonly min: number; readonly max: number };

/** RE_DUP_MAX of POSIX: the largest number in `{m,n}`. */
const REPEAT_MAX = 255;
/** Parentheses in parentheses: deeper ones are nonsense, and this reader calls itself. */
const NESTING_MAX = 50;

const ANY: CharacterSet = { ranges: [], isNegated: true };

/** @throws Error with one sentence */
export function parseExpression(source: string): Node {
  return new Reader([...source]).readAll();
}

class Reader {
  readonly #source: readonly string[];
  #at = 0;
  #groups = 0;
  #depth = 0;

  constructor(source: readonly string[]) {
    this.#source = source;
  }

  readAll(): Node {
    const node = this.#readAlternatives();
    if (this.#at < this.#source.length) throw new Error("')' without '(', write \\) for the character");
    return node;
  }

  #readAlternatives(): Node {
    const parts = [this.#readSequence()];
    while (this.#take("|")) parts.push(this.#readSequence());
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: "alternatives", parts };
  }

  #readSequence(): Node {
    const parts: Node[] = [];
    for (;;) {
      const next = this.#source[this.#at];
      if (next === undefined || next === "|" || next === ")") return { kind: "sequence", parts };
      parts.push(this.#readRepeated());
    }
  }

  #readRepeated(): Node {
    let node = this.#readAtom();
    for (;;) {
      if (this.#take("*")) node = { kind: "repeat", body: node, min: 0, max: Number.POSITIVE_INFINITY };
      else if (this.#take("+")) node = { kind: "repeat", body: node, min: 1, max: Number.POSITIVE_INFINITY };
      else if (this.#take("?")) node = { kind: "repeat", body: node, min: 0, max: 1 };
      else if (this.#take("{")) node = { kind: "repeat", body: node, ...this.#readInterval() };
      else return node;
    }
  }

  /** What stands behind `{`: `m}`, `m,}`, `,n}` or `m,n}`. */
  #readInterval(): { min: number; max: number } {
    const end = this.#source.indexOf("}", this.#at);
    const inside = end < 0 ? "" : this.#source.slice(this.#at, end).join("");
    const [, low, comma, high] = /^(\d{0,3})(,?)(\d{0,3})$/.exec(inside) ?? [];
    if (low === undefined || inside === "" || inside === ",") {
      throw new Error("'{' has to begin a count as {2}, {2,} or {2,4}, write \\{ for the character");
    }
    this.#at = end + 1;
    const min = Number(low || 0);
    const max = comma === "" ? min : high === "" ? Number.POSITIVE_INFINITY : Number(high);
    if (min > max) throw new Error(`the count {${inside}} is empty`);
    if (min > REPEAT_MAX || (max !== Number.POSITIVE_INFINITY && max > REPEAT_MAX)) {
      throw new Error(`the count {${inside}} is larger than ${REPEAT_MAX}`);
    }
    return { min, max };
  }

  #readAtom(): Node {
    const character = this.#source[this.#at++] ?? "";
    switch (character) {
      case "(":
        return this.#readGroup();
      case "[":
        return { kind: "set", set: this.#readBrackets() };
      case ".":
        return { kind: "set", set: ANY };
      case "^":
        return { kind: "assertion", assertion: "start" };
      case "$":
        return { kind: "assertion", assertion: "end" };
      case "\\":
        return this.#readEscape();
      case "*":
      case "+":
      case "?":
      case "{":
        throw new Error(`'${character}' has nothing to repeat, write \\${character} for the character`);
      default:
        return literal(character);
    }
  }

  #readGroup(): Node {
    if (++this.#depth > NESTING_MAX) throw new Error(`parentheses are nested more than ${NESTING_MAX} deep`);
    const index = ++this.#groups;
    const body = this.#readAlternatives();
    if (!this.#take(")")) throw new Error("'(' without ')', write \\( for the character");
    this.#depth--;
    return { kind: "group", index, body };
  }

  #readEscape(): Node {
    const character = this.#source[this.#at++];
    if (character === undefined)
      throw new Error("a backslash ends the expression, write \\\\ for the character");
    const set = ESCAPED_SETS[character];
    if (set !== undefined) return { kind: "set", set };
    const assertion = ESCAPED_ASSERTIONS[character];
    if (assertion !== undefined) return { kind: "assertion", assertion };
    if (/[1-9]/.test(character)) {
      throw new Error(`\\${character} refers back to a group, which is not possible here`);
    }
    if (/[a-z0-9]/i.test(character)) {
      const hint = character === "d" ? ", write [0-9] for a digit" : "";
      throw new Error(`\\${character} means nothing in an extended regular expression${hint}`);
    }
    return literal(character);
  }

  /** What stands behind `[`. A backslash is a character like others here, as POSIX has it. */
  #readBrackets(): CharacterSet {
    const isNegated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const character = this.#source[this.#at++];
      if (character === undefined) throw new Error("'[' without ']', write \\[ for the character");
      if (character === "]" && !isFirst) return { ranges, isNegated };
      if (character === "[" && /[:.=]/.test(this.#source[this.#at] ?? "")) {
        ranges.push(...this.#readClass());
        continue;
      }
      const low = codeOf(character);
      const after = this.#source[this.#at + 1];
      if (this.#source[this.#at] === "-" && after !== undefined && after !== "]") {
        this.#at += 2;
        const high = codeOf(after);
        if (high < low) throw new Error(`the range ${character}-${after} is empty`);
        ranges.push([low, high]);
      } else {
        ranges.push([low, low]);
      }
    }
  }

  /** What stands behind `[` inside of brackets: `:alpha:]`. */
  #readClass(): readonly (readonly [number, number])[] {
    const rest = this.#source.slice(this.#at, this.#at + 12).join("");
    const name = /^:([a-z]+):\]/.exec(rest)?.[1] ?? "";
    const ranges = CLASSES[name];
    if (ranges === undefined) {
      throw new Error(
        `'[${rest.slice(0, 8)}' is no class of characters, they are [:${Object.keys(CLASSES).join(":] [:")}:]`,
      );
    }
    this.#at += name.length + 3;
    return ranges;
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}

function literal(character: string): Node {
  const code = codeOf(character);
  return { kind: "set", set: { ranges: [[code, code]], isNegated: false } };
}

function codeOf(character: string): number {
  return character.codePointAt(0) as number;
}

const DIGIT = [[0x30, 0x39]] as const;
const UPPER = [[0x41, 0x5a]] as const;
const LOWER = [[0x61, 0x7a]] as const;
const SPACE = [
  [0x09, 0x0d],
  [0x20, 0x20],
] as const;
const PUNCTUATION = [
  [0x21, 0x2f],
  [0x3a, 0x40],
  [0x5b, 0x60],
  [0x7b, 0x7e],
] as const;
const WORD = [...DIGIT, ...UPPER, ...LOWER, [0x5f, 0x5f]] as const;

/** POSIX classes, in the C locale. */
const CLASSES: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  alnum: [...DIGIT, ...UPPER, ...LOWER],
  alpha: [...UPPER, ...LOWER],
  blank: [
    [0x09, 0x09],
    [0x20, 0x20],
  ],
  cntrl: [
    [0x00, 0x1f],
    [0x7f, 0x7f],
  ],
  digit: DIGIT,
  graph: [[0x21, 0x7e]],
  lower: LOWER,
  print: [[0x20, 0x7e]],
  punct: PUNCTUATION,
  space: SPACE,
  upper: UPPER,
  xdigit: [...DIGIT, [0x41, 0x46], [0x61, 0x66]],
};

/** GNU's additions, which in.tftpd takes too. */
const ESCAPED_SETS: Readonly<Record<string, CharacterSet>> = {
  w: { ranges: WORD, isNegated: false },
  W: { ranges: WORD, isNegated: true },
  s: { ranges: SPACE, isNegated: false },
  S: { ranges: SPACE, isNegated: true },
};

const ESCAPED_ASSERTIONS: Readonly<Record<string, Assertion>> = {
  "<": "word-start",
  ">": "word-end",
  b: "word-edge",
  B: "no-word-edge",
  "`": "start",
  "'": "end",
};
