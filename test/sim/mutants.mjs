// Breaks the compiled engine in one place after the other, and looks whether the simulator notices.
//
//   npm run sim:mutants [-- --seeds 2000] [-- --only WORD]      (after npm run build)
//
// A mutant that survives is a rule that no invariant states, or a line that does nothing. Those of which we know that
// nobody could notice them in a simulation are marked with the reason; everything else that survives fails the command.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTANTS } from "./mutants-list.mjs";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "2000" }, only: { type: "string", default: "" } },
});

/** A mutant that hangs has been noticed, too. */
const RUN_MS_MAX = 120_000;

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = mkdtempSync(join(tmpdir(), "ntftp-mutants-"));
try {
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  process.exitCode = runAll();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function runAll() {
  const wanted = MUTANTS.filter(({ what, file }) => `${file} ${what}`.includes(values.only));
  let survived = 0;
  let excused = 0;
  for (const mutant of wanted) {
    const verdict = judge(mutant);
    if (verdict === "survived" && mutant.unseen === undefined) survived++;
    if (verdict === "survived" && mutant.unseen !== undefined) excused++;
    const reason = verdict === "survived" && mutant.unseen ? ` (${mutant.unseen})` : "";
    console.log(`${verdict.padEnd(40).slice(0, 90)} ${mutant.file}: ${mutant.what}${reason}`);
  }
  const fell = wanted.length - survived - excused;
  console.log(
    `${wanted.length} mutants: ${fell} noticed, ${excused} that nobody can notice here, ${survived} missed`,
  );
  return survived === 0 ? 0 : 1;
}

function judge({ file, from, to, what }) {
  const path = join(folder, "dist/src", `${file}.js`);
  const source = readFileSync(path, "utf8");
  const places = source.split(from).length - 1;
  if (places !== 1)
    throw new Error(`"${what}": its text is in ${file} ${places} times instead of once:\n${from}`);
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  try {
    for (const words of [
      ["--exhaustive", "1"],
      ["--seeds", values.seeds, "--first"],
    ]) {
      const run = spawnSync(process.execPath, ["dist/test/sim/main.js", ...words], {
        cwd: folder,
        encoding: "utf8",
        timeout: RUN_MS_MAX,
        killSignal: "SIGKILL",
      });
      if (run.error !== undefined) return "noticed: it hangs";
      if (run.status !== 0) return `noticed: ${run.stderr.split("\n")[0]}`;
    }
    return "survived";
  } finally {
    writeFileSync(path, source);
  }
}
