import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { program } from "./programs.js";

/** Section of docs/migration.md, manual page of its program, and settings that others than the page define. */
const PAGES = [
  // /etc/default is read by Debian's start script.
  ["tftpd-hpa", "in.tftpd.8.gz", /^TFTP_/],
  ["atftpd", "atftpd.8.gz", /^\/srv/],
  ["dnsmasq", "dnsmasq.8.gz", /^$/],
] as const;

test("what docs/migration.md says of other programs' options is in their manual pages", () => {
  const document = readFileSync(join(__dirname, "../../../docs/migration.md"), "utf8");
  for (const [title, file, elsewhere] of PAGES) {
    const section = document.split(`## From ${title}`)[1]?.split("\n## ")[0] ?? "";
    // \- is how troff writes a minus sign.
    const page = gunzipSync(readFileSync(program(`usr/share/man/man8/${file}`)))
      .toString()
      .replaceAll("\\-", "-");
    const rows = section.split("\n").filter((line) => line.startsWith("| `"));
    const options = rows.flatMap((row) => {
      const [, first = ""] = row.split("|");
      return [...first.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
    });
    let seen = 0;
    for (const option of options) {
      for (const [name] of option.matchAll(/^-?-?[a-zA-Z][a-zA-Z-]*|(?<= )--?[a-z][a-z-]*/g)) {
        if (elsewhere.test(option)) continue;
        seen++;
        assert.ok(page.includes(name.replace(/^--/, "")), `${title}: ${name} of ${option}`);
      }
    }
    assert.ok(seen >= 5, `${title}: only ${seen} options were looked at`);
  }
});
