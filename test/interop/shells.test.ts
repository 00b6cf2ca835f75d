import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { completionScript } from "../../src/cli/completion.js";
import { temporaryFolder } from "../helpers/files.js";

const STEP_MS = 60_000;

function run(program: string, words: readonly string[], timeout = STEP_MS): string {
  return execFileSync(program, words, { encoding: "utf8", timeout });
}

/**
 * Read by the shell that is typed into: what is typed before its line editor prompts may be lost. The keys are those of
 * Emacs; zsh takes those of vi where EDITOR says so, and npm sets that.
 */
const zshStart = (script: string): string => `
PS1=editor: RPS1=
bindkey -e
autoload -Uz compinit
compinit -D -u
source ${script}
`;

/** Types a line and the tab key into an interactive zsh, and lets that print what has become of the line. */
const ZSH_TYPIST = `
zmodload zsh/zpty
export TERM=vt100 ZDOTDIR=$1
zpty shell zsh -d -i
zpty -r -m shell out "*editor:*" || exit 3
zpty -n -w shell "$2"$'\\t'
zpty -n -w shell $'\\C-aprint -r -- "<\\C-e>END"\\n'
zpty -r -m shell out $'*\\n<*>END*' || exit 4
print -r -- "\${\${out##*$'\\n<'}%%>END*}"
zpty -d shell
`;

test("zsh completes the command", { timeout: 5 * STEP_MS }, async (context) => {
  const folder = await temporaryFolder(context);
  const script = join(folder, "_ntftp");
  await writeFile(script, completionScript("zsh"));
  await writeFile(join(folder, ".zshrc"), zshStart(script));
  await writeFile(join(folder, "typist.zsh"), ZSH_TYPIST);
  const complete = (line: string): string => {
    return run("zsh", [join(folder, "typist.zsh"), folder, line]).trim();
  };
  assert.equal(complete("ntftp --blks"), "ntftp --blksize");
  assert.equal(complete("ntftp --symlinks=fol"), "ntftp --symlinks=follow");
  assert.equal(complete("ntftp get --wi"), "ntftp get --windowsize");
  assert.equal(complete("ntftp completion f"), "ntftp completion fish");
});

test("fish completes the command", { timeout: 3 * STEP_MS }, async (context) => {
  const script = join(await temporaryFolder(context), "ntftp.fish");
  await writeFile(script, completionScript("fish"));
  const complete = (line: string): string[] => {
    const output = run("fish", ["--private", "--no-config", "-c", `source ${script}; complete -C "${line}"`]);
    return output
      .split("\n")
      .filter(Boolean)
      .map((row) => row.split("\t")[0] ?? "");
  };
  assert.deepEqual(complete("ntftp ").sort(), ["completion", "get", "put"]);
  assert.deepEqual(complete("ntftp --blk"), ["--blksize"]);
  assert.deepEqual(complete("ntftp --symlinks "), ["deny", "follow", "inside"]);
  assert.deepEqual(complete("ntftp get --lis"), []);
});

test("groff formats the manual page without a warning", { timeout: STEP_MS }, () => {
  const page = join(__dirname, "../../../dist/man/ntftp.1");
  const merged = run("sh", ["-c", `groff -man -ww -rLL=90n -Tutf8 -P-cbou '${page}' 2>&1`]);
  assert.match(merged, /^NTFTP\(1\)/);
  assert.doesNotMatch(merged, /(?:warning|error):/);
  assert.match(merged, /-b bytes, --blksize=bytes/);
});
