import assert from "node:assert/strict";
import { test } from "node:test";
import { configKeyOf } from "../../src/cli/config.js";
import { optionRows } from "../../src/cli/option-table.js";
import { readReference } from "../helpers/reference.js";

test("the table of docs/reference.md has every option, with library option, key and default, and no other", () => {
  const code = (text: string | null | undefined) => (text == null ? "—" : `\`${text}\``);
  const written = readReference().map(({ option, library, key, default: fallback }) =>
    [option, library, key, fallback].join(" | "),
  );
  const expected = optionRows.map((row) =>
    [`\`--${row.name}\``, code(row.library), code(configKeyOf(row)), row.default ?? "—"].join(" | "),
  );
  // Both ways, so that a failure names the rows to write.
  assert.deepEqual(
    {
      missing: expected.filter((row) => !written.includes(row)),
      unknown: written.filter((row) => !expected.includes(row)),
    },
    { missing: [], unknown: [] },
  );
  assert.ok(optionRows.length > 30);
});
