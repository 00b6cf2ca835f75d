import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseCommandLine } from "../../src/cli/args.js";
import { completionScript } from "../../src/cli/completion.js";
import { optionRows } from "../../src/cli/option-table.js";

/** What bash offers for the last of some words. */
function bashOffers(...words: string[]): string[] {
  const program = `${completionScript("bash")}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ntftp; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync("bash", ["-c", program, "bash", ...words], { encoding: "utf8" });
  return output.split("\n").filter(Boolean);
}

test("bash completes commands, options, and values that are words or names", () => {
  assert.deepEqual(bashOffers("ntftp", ""), ["get", "put", "completion"]);
  assert.deepEqual(bashOffers("ntftp", "--blk"), ["--blksize"]);
  assert.deepEqual(bashOffers("ntftp", "--mode", "n"), ["netascii"]);
  assert.deepEqual(bashOffers("ntftp", "--symlinks", "=", "fo"), ["follow"]);
  assert.deepEqual(bashOffers("ntftp", "--symlinks", "="), ["inside", "follow", "deny"]);
  assert.deepEqual(bashOffers("ntftp", "-l", "/us"), ["/usr"]);
  assert.deepEqual(bashOffers("ntftp", "--retries", ""), [], "a number can't be guessed");
  assert.deepEqual(bashOffers("ntftp", "put", "/etc/hostnam"), ["/etc/hostname"]);
  assert.deepEqual(bashOffers("ntftp", "get", "--listen"), [], "no option of get");
  assert.deepEqual(bashOffers("ntftp", "completion", ""), ["bash", "zsh", "fish"]);
});

test("every option is in every script", () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    const script = completionScript(shell);
    for (const { name } of optionRows) {
      const spelling = shell === "fish" ? `-l ${name} ` : `--${name}`;
      assert.ok(script.includes(spelling), `${shell}: ${name}`);
    }
  }
});

test("the command prints the script of a shell it knows, and names them otherwise", () => {
  assert.deepEqual(parseCommandLine(["completion", "zsh"]), { kind: "completion", shell: "zsh" });
  assert.throws(() => parseCommandLine(["completion", "tcsh"]), /bash, zsh, fish/);
  assert.throws(() => parseCommandLine(["completion"]), /missing required argument/);
});

test("the manual page has every option with its default", () => {
  const page = readFileSync(join(__dirname, "../../../dist/man/ntftp.1"), "utf8").replaceAll("\\-", "-");
  for (const { name, default: preset } of optionRows) {
    const at = page.indexOf(`--${name}\\fR`);
    assert.ok(at > 0, name);
    if (preset !== undefined) assert.ok(page.slice(at).split(".TP")[0]?.includes(`Default: ${preset}`), name);
  }
});
