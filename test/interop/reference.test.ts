import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { readReference } from "../helpers/reference.js";
import { program } from "./programs.js";

for (const name of ["in.tftpd", "atftpd", "dnsmasq"] as const) {
  test(`every flag that the reference names for ${name} is in its manual page`, async () => {
    const page = gunzipSync(await readFile(program(`usr/share/man/man8/${name}.8.gz`)))
      .toString("latin1")
      .replaceAll("\\-", "-");
    let flags = 0;
    for (const { option, elsewhere } of readReference()) {
      for (const [flag] of elsewhere[name].matchAll(/--[a-z0-9-]+/g)) {
        if (/^as /.test(elsewhere[name])) continue;
        flags++;
        const pattern = new RegExp(`${flag}(?![a-z0-9-])`);
        assert.match(page, pattern, `${option}: ${name} has no ${flag}`);
      }
    }
    assert.ok(flags >= 8, `only ${flags} flags were looked at`);
  });
}
