import { type Assertion, type CharacterSet, type Node, parseExpression } from "./expression-syntax.js";

/** Instructions of one expression: what `{255}` in `{255}` would need is refused when it is read. */
const INSTRUCTIONS_MAX = 2000;

/** Groups whose text is remembered, the whole match included: `\0` to `\9`. */
const GROUPS_MAX = 10;

/** Steps of matching that are left. Runs out before a request can hold up the others. */
export interface Budget {
  steps: number;
}

/** Thrown when a {@link Budget} is used up. */
export class BudgetExceeded extends Error {
  override readonly name = "BudgetExceeded";
}

/** Where an expression matches: index and text of the match, text of its groups ("" where one took no part). */
export interface Match {
  /** In code points. */
  readonly start: number;
  readonly end: number;
  /** `\0` to `\9`. */
  readonly groups: readonly string[];
}

type Instruction =
  | { readonly op: "set"; readonly set: CharacterSet }
  | { readonly op: "assertion"; readonly assertion: Assertion }
  | { readonly op: "save"; readonly slot: number }
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "match" };

/**
 * A POSIX extended regular expression. Finds the leftmost match and of those the longest, in time proportional to
 * program times text: all ways through the expression are followed at once, so none can explode.
 */
export class Expression {
  readonly #program: readonly Instruction[];
  readonly #ignoreCase: boolean;
  /** It begins with `^`: there is no other place to begin at. */
  readonly #isAnchored: boolean;

  /** @throws Error with one sentence that says what is wrong with the expression */
  constructor(source: string, ignoreCase = false) {
    const program: Instruction[] = [];
    emit(parseExpression(source), program);
    append(program, { op: "match" });
    this.#program = program;
    const [first] = program;
    this.#isAnchored = first?.op === "assertion" && first.assertion === "start";
    this.#ignoreCase = ignoreCase;
  }

  /** The leftmost-longest match, or null. @throws BudgetExceeded */
  match(text: readonly string[], budget: Budget): Match | null {
    const codes = text.map((character) => character.codePointAt(0) as number);
    let current = new Threads(this.#program.length);
    let next = new Threads(this.#program.length);
    let best: readonly number[] | null = null;
    for (let at = 0; at <= codes.length; at++) {
      // A thread that begins later comes last, and only while nothing has matched: leftmost wins.
      if (best === null && (at === 0 || !this.#isAnchored)) this.#follow(current, 0, [], codes, at, budget);
      else if (current.size === 0) break;
      for (let i = 0; i < current.size; i++) {
        const slots = current.slotsAt(i);
        if (best !== null && (slots[0] as number) > (best[0] as number)) continue;
        const pc = current.pcAt(i);
        const instruction = this.#program[pc] as Instruction;
        if (instruction.op === "match") {
          if (best === null || isBetter(slots, at, best)) best = withSlot(slots, 1, at);
        } else if (instruction.op === "set" && at < codes.length) {
          if (holds(instruction.set, codes[at] as number, this.#ignoreCase)) {
            this.#follow(next, pc + 1, slots, codes, at + 1, budget);
          }
        }
      }
      [current, next] = [next, current];
      next.clear();
    }
    return best === null ? null : toMatch(best, text);
  }

  /** Adds a thread and all that it reaches without taking a character. */
  #follow(
    threads: Threads,
    from: number,
    fromSlots: readonly number[],
    codes: readonly number[],
    at: number,
    budget: Budget,
  ): void {
    const stack: { pc: number; slots: readonly number[] }[] = [
      { pc: from, slots: fromSlots.length === 0 ? [at] : fromSlots },
    ];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { pc, slots } = top;
      if (--budget.steps < 0) throw new BudgetExceeded("the step limit of matching is reached");
      const instruction = this.#program[pc] as Instruction;
      if (!threads.visit(pc)) continue;
      switch (instruction.op) {
        case "split":
          stack.push({ pc: instruction.second, slots }, { pc: instruction.first, slots });
          break;
        case "save":
          stack.push({ pc: pc + 1, slots: withSlot(slots, instruction.slot, at) });
          break;
        case "assertion":
          if (isTrue(instruction.assertion, codes, at)) stack.push({ pc: pc + 1, slots });
          break;
        default:
          threads.add(pc, slots);
      }
    }
  }
}

/** The threads at one place of the text, in order of preference; each instruction at most once. */
class Threads {
  readonly #visited: Uint8Array;
  readonly #pcs: number[] = [];
  readonly #slots: (readonly number[])[] = [];

  constructor(programLength: number) {
    this.#visited = new Uint8Array(programLength);
  }

  get size(): number {
    return this.#pcs.length;
  }

  /** False when a preferred thread was here. */
  visit(pc: number): boolean {
    if (this.#visited[pc] === 1) return false;
    this.#visited[pc] = 1;
    return true;
  }

  add(pc: number, slots: readonly number[]): void {
    this.#pcs.push(pc);
    this.#slots.push(slots);
  }

  pcAt(index: number): number {
    return this.#pcs[index] as number;
  }

  slotsAt(index: number): readonly number[] {
    return this.#slots[index] as readonly number[];
  }

  clear(): void {
    this.#visited.fill(0);
    this.#pcs.length = 0;
    this.#slots.length = 0;
  }
}

function emit(node: Node, program: Instruction[]): void {
  switch (node.kind) {
    case "set":
      append(program, { op: "set", set: node.set });
      break;
    case "assertion":
      append(program, { op: "assertion", assertion: node.assertion });
      break;
    case "sequence":
      for (const part of node.parts) emit(part, program);
      break;
    case "group": {
      const isKept = node.index < GROUPS_MAX;
      if (isKept) append(program, { op: "save", slot: 2 * node.index });
      emit(node.body, program);
      if (isKept) append(program, { op: "save", slot: 2 * node.index + 1 });
      break;
    }
    case "alternatives":
      emitAlternatives(node.parts, program);
      break;
    case "repeat":
      emitRepeat(node.body, node.min, node.max, program);
  }
}

function emitAlternatives(parts: readonly Node[], program: Instruction[]): void {
  const ends: { first: number; second: number }[] = [];
  parts.forEach((part, index) => {
    const isLast = index === parts.length - 1;
    const split = isLast ? null : appendSplit(program);
    emit(part, program);
    if (split === null) return;
    ends.push(appendSplit(program));
    split.second = program.length;
  });
  // A split with one way only is a jump.
  for (const end of ends) end.first = end.second = program.length;
}

function emitRepeat(body: Node, min: number, max: number, program: Instruction[]): void {
  for (let i = 0; i < min; i++) emit(body, program);
  if (max === Number.POSITIVE_INFINITY) {
    const at = program.length;
    const split = appendSplit(program);
    emit(body, program);
    const back = appendSplit(program);
    back.first = back.second = at;
    split.second = program.length;
    return;
  }
  const exits: { first: number; second: number }[] = [];
  for (let i = min; i < max; i++) {
    exits.push(appendSplit(program));
    emit(body, program);
  }
  for (const exit of exits) exit.second = program.length;
}

function appendSplit(program: Instruction[]): { first: number; second: number } {
  const split = { op: "split" as const, first: program.length + 1, second: program.length + 1 };
  append(program, split);
  return split;
}

function append(program: Instruction[], instruction: Instruction): void {
  if (program.length >= INSTRUCTIONS_MAX) {
    throw new Error("the expression is too long, or its counts are too large");
  }
  program.push(instruction);
}

function withSlot(slots: readonly number[], slot: number, at: number): readonly number[] {
  const copy = [...slots];
  copy[slot] = at;
  return copy;
}

function isBetter(slots: readonly number[], end: number, best: readonly number[]): boolean {
  const [start = 0] = slots;
  const [bestStart = 0, bestEnd = 0] = best;
  return start < bestStart || (start === bestStart && end > bestEnd);
}

function toMatch(slots: readonly number[], text: readonly string[]): Match {
  const groups: string[] = [];
  for (let index = 0; index < GROUPS_MAX; index++) {
    const [start, end] = [slots[2 * index], slots[2 * index + 1]];
    groups.push(start === undefined || end === undefined ? "" : text.slice(start, end).join(""));
  }
  return { start: slots[0] ?? 0, end: slots[1] ?? 0, groups };
}

function holds({ ranges, isNegated }: CharacterSet, code: number, ignoreCase: boolean): boolean {
  const isIn = (value: number) => ranges.some(([low, high]) => value >= low && value <= high);
  if (!ignoreCase) return isIn(code) !== isNegated;
  const character = String.fromCodePoint(code);
  const found =
    isIn(code) || isIn(onlyCode(character.toLowerCase())) || isIn(onlyCode(character.toUpperCase()));
  return found !== isNegated;
}

/** Of a character whose other case is one character too; else -1. */
function onlyCode(text: string): number {
  const code = text.codePointAt(0) ?? -1;
  return text.length === String.fromCodePoint(Math.max(code, 0)).length ? code : -1;
}

function isTrue(assertion: Assertion, codes: readonly number[], at: number): boolean {
  if (assertion === "start") return at === 0;
  if (assertion === "end") return at === codes.length;
  const before = at > 0 && isWord(codes[at - 1] as number);
  const after = at < codes.length && isWord(codes[at] as number);
  if (assertion === "word-start") return !before && after;
  if (assertion === "word-end") return before && !after;
  return (before !== after) === (assertion === "word-edge");
}

function isWord(code: number): boolean {
  return /^\w$/.test(String.fromCodePoint(code));
}
