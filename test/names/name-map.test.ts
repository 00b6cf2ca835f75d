import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MapSyntaxError } from "../../src/names/map-syntax.js";
import { type MapContext, type MapResult, NameMap } from "../../src/names/name-map.js";

const GET: MapContext = { method: "GET", address: "192.0.2.169" };
const PUT: MapContext = { method: "PUT", address: "2001:db8::1" };

function apply(rules: string, name: string, context = GET): string | MapResult {
  const result = new NameMap(rules).apply(name, context);
  return result.ok ? result.name : result;
}

test("the operations of in.tftpd's map files, one by one", () => {
  const cases: [string, string, string | MapResult, MapContext?][] = [
    ["r b x", "abcb", "axcb"],
    ["rg b x", "abcb", "axcx"],
    ["rgi B x", "abcb", "axcx"],
    ["r b", "abcb", "acb"],
    ["r a b\nr b c", "a", "c"],
    ["re a b\nr b c", "a", "b"],
    ["e a\nr a b", "a", "a"],
    ["r ^a b\nrs ^c a", "c", "b"],
    ["a \\.pvt$", "x.pvt", { ok: false, reason: "refused", line: 1 }],
    ["# only what begins with pub/\n\na~ ^pub/", "x", { ok: false, reason: "refused", line: 3 }],
    ["~a ^pub/", "pub/x", "pub/x"],
    ["~e ^cfg\nr cfg CFG", "x/cfg", "x/cfg"],
    ["rG a get", "a", "get"],
    ["rG a get", "a", "a", PUT],
    ["rP a put", "a", "put", PUT],
    ["rP a put", "a", "a"],
    ["r4 a four", "a", "four"],
    ["r4 a four", "a", "a", PUT],
    ["r6 a six", "a", "six", PUT],
    ["r6 a six", "a", "a"],
  ];
  for (const [rules, name, expected, context] of cases) {
    assert.deepEqual(apply(rules, name, context), expected, rules);
  }
});

test("the escapes of replacements", () => {
  const cases: [string, string, string, MapContext?][] = [
    ["r (a)(b) \\2\\1\\0\\3", "xab", "xbaab"],
    ["r ^ \\i/", "f", "192.0.2.169/f"],
    ["r ^ \\x/", "f", "C00002A9/f"],
    ["r ^ \\i/", "f", "2001:db8::1/f", PUT],
    ["r ^ \\x/", "f", "20010DB8000000000000000000000001/f", PUT],
    ["r ^ \\x/", "f", "FE800000000000000000000000000001/f", { method: "GET", address: "fe80::1%eth0" }],
    ["r ^ \\x/", "f", "00000000000000000000FFFFC0000201/f", { method: "GET", address: "::ffff:192.0.2.1" }],
    ["r (.*) \\U\\0-x\\E-x", "aB", "AB-X-x"],
    ["r (.)(.) \\U\\1\\L\\2", "ab", "Ab"],
    ["r \\\\ /", "a\\b", "a/b"],
    ["r / \\\\", "a/b", "a\\b"],
    ["r a\\ b c\\ d # comment", "a b", "c d"],
    ["r \\# no\\#", "#1", "no#1"],
    ["r a \\.\\-", "a", ".-"],
  ];
  for (const [rules, name, expected, context] of cases) {
    assert.equal(apply(rules, name, context), expected, rules);
  }
});

test("the sample of in.tftpd's manual works as it did", () => {
  const rules = `
    ri ^[a-z]:                 # no drive letters
    rg \\\\ /                    # no backslashes
    rg \\# @
    e ^ok/
    r ^[^/] /tftpboot/\\0
    a \\.pvt$
  `;
  assert.equal(apply(rules, "C:\\boot\\a#b"), "/boot/a@b");
  assert.equal(apply(rules, "ok/x.pvt"), "ok/x.pvt");
  assert.equal(apply(rules, "x"), "/tftpboot/x");
  assert.deepEqual(apply(rules, "x.pvt"), { ok: false, reason: "refused", line: 7 });
});

test("rules that never end and names that never stop growing are refused", () => {
  const endless = ["rg a a", "s a", "rs a a", "r a b\nrs b a", "rs ^ x"];
  for (const rules of endless) {
    const result = apply(rules, "a");
    assert.ok(typeof result === "object" && !result.ok && result.reason === "endless", rules);
  }
  for (const rules of ["rg (.*) \\1\\1x", "rg ^ xxxxxxxxxx"]) {
    const result = apply(rules, "a");
    assert.ok(typeof result === "object" && !result.ok && result.reason === "too-long", rules);
  }
});

test("a mistake is named with its line", () => {
  const mistakes: [string, RegExp][] = [
    ["r a b\nq a b", /^line 2: 'q' is no operation/],
    ["r", /^line 1: there is no expression/],
    ["r a b c", /^line 1: 'c' is too much/],
    ["r~ a b", /exclude each other/],
    ["g a", /there is no r/],
    ["rGP a b", /G and P exclude/],
    ["r46 a b", /4 and 6 exclude/],
    ["r (a b", /^line 1: '\(' without/],
    ["r a \\q", /\\q is no escape/],
    ["r a b\\", /a backslash ends the replacement/],
    ["r a b\n".repeat(1001), /^line 1001: there are more than 1000/],
    [" ".repeat(1_000_001), /longer than/],
  ];
  for (const [rules, message] of mistakes) {
    assert.throws(
      () => new NameMap(rules),
      (error: Error) => {
        assert.ok(error instanceof MapSyntaxError, String(error));
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  }
});

/** Any text that may be a map, most often one that is. */
const maps = fc
  .array(
    fc
      .tuple(
        fc.string({ unit: fc.constantFrom(..."rgiesaGP46~"), minLength: 1, maxLength: 3 }),
        fc.string({ unit: fc.constantFrom(..."ab/.*+()[]|^$\\"), minLength: 1, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom(..."ab/\\0129ixULE"), maxLength: 8 }),
      )
      .map((fields) => fields.join(" ")),
    { maxLength: 5 },
  )
  .map((lines) => lines.join("\n"));

const names = fc.string({ unit: fc.constantFrom(..."abAB/.\\"), maxLength: 40 });

test("any map and any name end in a name or a refusal with its line", () => {
  let applied = 0;
  let refused = 0;
  fc.assert(
    fc.property(maps, names, fc.constantFrom(GET, PUT), (rules, name, context) => {
      let map: NameMap;
      try {
        map = new NameMap(rules);
      } catch (error) {
        assert.ok(error instanceof MapSyntaxError, String(error));
        return;
      }
      const steps: string[] = [];
      const result = map.apply(name, context, ({ before, after }) => steps.push(before, after));
      applied++;
      if (!result.ok) {
        refused++;
        assert.ok(result.line >= 1 && result.line <= rules.split("\n").length);
        return;
      }
      assert.ok(result.name.length <= 4096);
      // The steps are a chain from the name to the result.
      const chain = [name, ...steps, result.name];
      for (let i = 0; i < chain.length; i += 2) assert.equal(chain[i], chain[i + 1]);
      assert.deepEqual(map.apply(name, context), result, "the same again");
    }),
    { numRuns: 3000 },
  );
  assert.ok(applied > 500 && refused > 5, `${applied} maps were applied, ${refused} refused`);
});

test("plain rules do what replacing by hand does", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(word, word, names, (from, to, name) => {
      assert.equal(apply(`r ${from} ${to}`, name), name.replace(from, to));
      if (!to.includes(from) && !`${to}${to}`.includes(from)) {
        let expected = name;
        for (let i = 0; i < 100 && expected.includes(from); i++) expected = expected.replace(from, to);
        if (!expected.includes(from)) assert.equal(apply(`rg ${from} ${to}`, name), expected);
      }
      assert.equal(apply("r (.*) \\U\\1", name), name.toUpperCase());
      assert.equal(apply("r .* \\L\\0", name), name.toLowerCase());
    }),
    { numRuns: 2000 },
  );
});
