import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine } from "../../src/cli/args.js";
import { attributeOf, commonRows, optionRows } from "../../src/cli/option-table.js";

function helpOf(...words: string[]): string {
  const invocation = parseCommandLine([...words, "--help"]);
  assert.ok(invocation.kind === "help");
  return invocation.text;
}

test("every row of the table is in the help, under its heading, and no two are alike", () => {
  const lines = helpOf().split("\n");
  let heading = "";
  const shown = new Map<string, string>();
  for (const line of lines) {
    if (/^\S.*:$/.test(line)) heading = line.slice(0, -1);
    const [, name] = /^ {2}(?:-., )?--([a-z0-9-]+)/.exec(line) ?? [];
    if (name !== undefined) shown.set(name, heading);
  }
  assert.deepEqual(
    [...shown].filter(([name]) => name !== "help").sort(),
    optionRows.map(({ name, group }) => [name, group]).sort(),
  );
  assert.equal(new Set(optionRows.map(attributeOf)).size, optionRows.length);
  const shorts = optionRows.flatMap(({ short }) => short ?? []);
  assert.equal(new Set(shorts).size, shorts.length);
  assert.ok(optionRows.length > 10);
});

test("get and put have the common rows, and no others", () => {
  for (const kind of ["get", "put"]) {
    const names = [...helpOf(kind).matchAll(/^ {2}(?:-., )?--([a-z0-9-]+)/gm)].map(([, name]) => name);
    assert.deepEqual(names, commonRows.map(({ name }) => name).concat("help"));
  }
});

test("texts of rows keep to one form", () => {
  for (const { name, help, placeholder, kind } of optionRows) {
    assert.match(name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    assert.match(help, /^[a-zA-Z]/, name);
    assert.doesNotMatch(help, /\.$|; default|\n/, name);
    const isFlag = kind.schema["type"] === "boolean";
    assert.equal(placeholder === undefined, isFlag, `${name}: a flag has no placeholder, any other has one`);
  }
});
