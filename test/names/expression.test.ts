import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BudgetExceeded, Expression } from "../../src/names/expression.js";

const BUDGET = 1_000_000;

function match(source: string, text: string, ignoreCase = false) {
  return new Expression(source, ignoreCase).match([...text], { steps: BUDGET });
}

/** The matched text and its groups, as far as they are not empty; null for no match. */
function groups(source: string, text: string, ignoreCase = false): string[] | null {
  const found = match(source, text, ignoreCase)?.groups ?? null;
  if (found === null) return null;
  const last = found.findLastIndex((group) => group !== "");
  return found.slice(0, Math.max(last + 1, 1));
}

test("the parts of extended regular expressions", () => {
  const cases: [string, string, string[] | null][] = [
    ["b", "abc", ["b"]],
    ["b.", "abc", ["bc"]],
    ["^b", "abc", null],
    ["c$", "abc", ["c"]],
    ["^$", "", [""]],
    ["a*", "baa", [""]],
    ["a+", "baa", ["aa"]],
    ["ba?", "baa", ["ba"]],
    ["a{2}", "aaa", ["aa"]],
    ["a{2,}", "aaaa", ["aaaa"]],
    ["a{,2}b", "aaab", ["aab"]],
    ["a{1,2}b", "aaab", ["aab"]],
    ["(a)(b)", "xab", ["ab", "a", "b"]],
    ["((a)|b)+", "ab", ["ab", "b", "a"]],
    ["a|b|", "b", ["b"]],
    ["[abc]+", "xcab", ["cab"]],
    ["[^abc]+", "axyb", ["xy"]],
    ["[]x]+", "a]x]", ["]x]"]],
    ["[^]x]+", "]ab]", ["ab"]],
    ["[a-c-]+", "d-b", ["-b"]],
    ["[\\\\/]+", "a\\/b", ["\\/"]],
    ["[\\]", "\\", ["\\"]],
    ["[[:digit:][:upper:]_]+", "ab1C_", ["1C_"]],
    ["[^[:space:]]+", " a\t", ["a"]],
    ["\\.\\*\\\\", "x.*\\", [".*\\"]],
    ["\\<b\\>", "ab b", ["b"]],
    ["\\w+\\W\\s*\\S", "ab-  c", ["ab-  c"]],
    ["\\ba", "ba a", ["a"]],
    ["\\Ba", "ba", ["a"]],
    ["ä.€", "xä𝄞€", ["ä𝄞€"]],
  ];
  for (const [source, text, expected] of cases) assert.deepEqual(groups(source, text), expected, source);
});

test("of the leftmost matches it is the longest, whatever alternative comes first", () => {
  assert.deepEqual(groups("a|ab", "xab"), ["ab"]);
  assert.deepEqual(groups("ab|b+", "abbbb"), ["ab"], "leftmost comes first");
  assert.deepEqual(groups("(x|xy)(z|yzz)?", "xyzz"), ["xyzz", "x", "yzz"]);
});

test("case can be ignored, of letters beyond ASCII too", () => {
  assert.deepEqual(groups("boot/[a-m]cd", "BOOT/BCD", true), ["BOOT/BCD"]);
  assert.deepEqual(groups("ÄB", "äb", true), ["äb"]);
  assert.equal(groups("[^a]", "A", true), null);
  assert.equal(groups("a", "A"), null);
});

test("what is no expression is one sentence", () => {
  const mistakes: [string, RegExp][] = [
    ["(a", /'\(' without '\)'/],
    ["a)", /'\)' without '\('/],
    ["[a", /'\[' without '\]'/],
    ["*a", /'\*' has nothing to repeat/],
    ["a|+", /'\+' has nothing to repeat/],
    ["a{x}", /has to begin a count/],
    ["a{3,2}", /\{3,2\} is empty/],
    ["a{256}", /larger than 255/],
    ["(a)\\1", /\\1 refers back/],
    ["\\d", /\\d means nothing.*\[0-9\]/],
    ["a\\", /a backslash ends/],
    ["[z-a]", /z-a is empty/],
    ["[[:word:]]", /no class of characters/],
    ["((a{255}){255}){255}", /too long/],
    ["(".repeat(60), /more than 50 deep/],
  ];
  for (const [source, message] of mistakes) {
    assert.throws(
      () => new Expression(source),
      (error: Error) => message.test(error.message) && !error.message.includes("\n"),
      source,
    );
  }
});

/** Sources of the common part of both languages, without alternatives, where the longest match could differ. */
const sources = fc.letrec<{ atom: string; repeated: string; sequence: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "[a-c]", "\\."),
    tie("sequence").map((inner) => `(${inner})`),
  ),
  repeated: fc
    .tuple(tie("atom"), fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{1,2}"))
    .map(([atom, repeat]) => atom + repeat),
  sequence: fc.array(tie("repeated"), { minLength: 1, maxLength: 4 }).map((parts) => parts.join("")),
})).sequence;

test("it matches exactly where JavaScript's expressions do", () => {
  let matches = 0;
  fc.assert(
    fc.property(
      sources,
      fc.boolean(),
      fc.boolean(),
      fc.string({ unit: fc.constantFrom("a", "b", "c", "."), maxLength: 8 }),
      (inner, atStart, atEnd, text) => {
        const source = `${atStart ? "^" : ""}${inner}${atEnd ? "$" : ""}`;
        const theirs = new RegExp(source, "u").exec(text);
        const ours = match(source, text);
        assert.equal(ours === null, theirs === null, source);
        if (ours === null || theirs === null) return;
        matches++;
        assert.equal(ours.start, theirs.index, "the leftmost");
        assert.ok(ours.end - ours.start >= theirs[0].length, "the longest");
        // What we found is a match by their rules too.
        const found = text.slice(ours.start, ours.end);
        assert.ok(new RegExp(`^(?:${inner})$`, "u").test(found), `${source} does not match ${found}`);
      },
    ),
    { numRuns: 5000 },
  );
  assert.ok(matches > 500, `only ${matches} matches were compared`);
});

test("of alternatives it finds the longest that JavaScript can be made to find", () => {
  fc.assert(
    fc.property(
      fc.array(sources, { minLength: 2, maxLength: 3 }),
      fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 7 }),
      (parts, text) => {
        const source = parts.join("|");
        const ours = match(source, text);
        // By trying every piece of the text.
        let expected: [number, number] | null = null;
        const whole = new RegExp(`^(?:${source})$`, "u");
        for (let start = 0; start <= text.length && expected === null; start++) {
          for (let end = text.length; end >= start && expected === null; end--) {
            if (whole.test(text.slice(start, end))) expected = [start, end];
          }
        }
        assert.deepEqual(ours === null ? null : [ours.start, ours.end], expected, source);
      },
    ),
    { numRuns: 2000 },
  );
});

test("any text is an expression or one sentence, and matching ends within its budget", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."ab()[]{}|*+?.^$\\-,:12w<"), maxLength: 20 }),
      fc.string({ unit: fc.constantFrom("a", "b", "-"), maxLength: 60 }),
      fc.nat(2000),
      (source, text, steps) => {
        let expression: Expression;
        try {
          expression = new Expression(source);
        } catch (error) {
          assert.doesNotMatch((error as Error).message, /\n|undefined/);
          return;
        }
        const budget = { steps };
        try {
          expression.match([...text], budget);
        } catch (error) {
          assert.ok(error instanceof BudgetExceeded, String(error));
        }
        assert.ok(budget.steps >= -1);
      },
    ),
    { numRuns: 5000 },
  );
});

test("patterns that explode elsewhere take steps in proportion to the text", () => {
  for (const source of ["(a+)+$", "^(a|a)*$", "(a|aa)+$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"]) {
    const used = [100, 200, 400].map((length) => {
      const budget = { steps: 10_000_000 };
      assert.equal(new Expression(source).match([...`${"a".repeat(length)}!`], budget), null, source);
      return 10_000_000 - budget.steps;
    });
    const [small = 0, , large = 0] = used;
    assert.ok(large < small * 5, `${source}: ${used} steps for 100, 200, 400 characters`);
  }
});
