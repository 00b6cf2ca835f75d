import { type Budget, BudgetExceeded, type Match } from "./expression.js";
import { type MapRule, parseMap, type ReplacementPart } from "./map-syntax.js";

/** Who asks for a name, and how. */
export interface MapContext {
  readonly method: "GET" | "PUT";
  /** The client's IP address; an IPv6 zone (`%eth0`) is left out. */
  readonly address: string;
}

/** What a map made of a name. */
export type MapResult =
  | { readonly ok: true; readonly name: string }
  /** `line`: of the rule that said so. */
  | { readonly ok: false; readonly reason: "refused" | "endless" | "too-long"; readonly line: number };

/** One rule that matched, for a dry run. */
export interface MapStep {
  readonly line: number;
  readonly before: string;
  /** The same as `before` where the rule replaces nothing. */
  readonly after: string;
}

/** Rules that match before a request is taken for one that never ends: in.tftpd's number. */
const MATCHES_MAX = 1024;
/**
 * Steps of matching for one name, all rules together; some 40 to 100 ms. A usual map needs thousands: each rule about as many
 * as the name has characters, and what it repeats.
 */
const STEPS_MAX = 400_000;
/** Longer paths no system opens. */
const NAME_CHARACTERS_MAX = 4096;

/** The rules of a map file. Rewriting a name is bounded in time and length, whatever the rules. */
export class NameMap {
  readonly #rules: readonly MapRule[];

  /** @throws MapSyntaxError with the line that is wrong */
  constructor(source: string) {
    this.#rules = parseMap(source);
  }

  get ruleCount(): number {
    return this.#rules.length;
  }

  /** @param onStep - hears of each rule that matches */
  apply(name: string, context: MapContext, onStep?: (step: MapStep) => void): MapResult {
    const budget: Budget = { steps: STEPS_MAX };
    const family = context.address.includes(":") ? 6 : 4;
    let current = name;
    let matches = 0;
    for (let at = 0; at < this.#rules.length; ) {
      const rule = this.#rules[at] as MapRule;
      const { line } = rule;
      at++;
      if (rule.method !== null && rule.method !== context.method) continue;
      if (rule.family !== null && rule.family !== family) continue;
      const match = matchWithin(rule, current, budget);
      if (match === "exceeded") return { ok: false, reason: "endless", line };
      if ((match !== null) === rule.isInverse) continue;
      if (++matches > MATCHES_MAX) return { ok: false, reason: "endless", line };
      const before = current;
      if (rule.replacement !== null && match !== null) {
        current = replace(current, match, rule.replacement, context.address);
      }
      onStep?.({ line, before, after: current });
      if (rule.isRefusal) return { ok: false, reason: "refused", line };
      if (current.length > NAME_CHARACTERS_MAX) return { ok: false, reason: "too-long", line };
      if (rule.isRepeated) at--;
      else if (rule.goOn === "end") break;
      else if (rule.goOn === "restart") at = 0;
    }
    return { ok: true, name: current };
  }
}

function matchWithin(rule: MapRule, text: string, budget: Budget): Match | null | "exceeded" {
  try {
    return rule.expression.match([...text], budget);
  } catch (error) {
    if (error instanceof BudgetExceeded) return "exceeded";
    throw error;
  }
}

function replace(text: string, match: Match, parts: readonly ReplacementPart[], address: string): string {
  const characters = [...text];
  let made = "";
  let toCase: "upper" | "lower" | "kept" = "kept";
  for (const part of parts) {
    if (part.kind === "case") {
      toCase = part.to;
      continue;
    }
    const piece = textOf(part, match, address);
    made += toCase === "upper" ? piece.toUpperCase() : toCase === "lower" ? piece.toLowerCase() : piece;
  }
  return characters.slice(0, match.start).join("") + made + characters.slice(match.end).join("");
}

function textOf(part: Exclude<ReplacementPart, { kind: "case" }>, match: Match, address: string): string {
  if (part.kind === "text") return part.text;
  if (part.kind === "group") return match.groups[part.index] ?? "";
  const [bare = ""] = address.split("%");
  return part.form === "text" ? bare : toHex(bare);
}

/** `192.0.2.169` is C00002A9, IPv6 has all of its 32 digits. */
function toHex(address: string): string {
  if (!address.includes(":")) {
    return address
      .split(".")
      .map((part) => Number(part).toString(16).padStart(2, "0"))
      .join("")
      .toUpperCase();
  }
  // The last two groups may be written as IPv4.
  const groups = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = "", tail] = groups.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array<string>(Math.max(zeros, 0)).fill("0"), ...last]
    .map((group) => group.padStart(4, "0"))
    .join("")
    .toUpperCase();
}
