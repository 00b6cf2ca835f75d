import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleBytes } from "../../helpers/files.js";

/** A root with files of telling sizes; it goes away with the process. */
export async function fixtureRoot(): Promise<string> {
  const outside = mkdtempSync(join(tmpdir(), "ntftp-hostile-"));
  process.once("exit", () => rmSync(outside, { recursive: true, force: true }));
  const root = join(outside, "root");
  await mkdir(join(root, "dir"), { recursive: true });
  const sizes = { empty: 0, tiny: 5, short: 100, f: 1000, even: 1024, long: 100_000, big: 2_000_000 };
  for (const [name, size] of Object.entries(sizes)) await writeFile(join(root, name), sampleBytes(size));
  await writeFile(join(root, "dir", "f"), sampleBytes(1000));
  await writeFile(join(root, "text"), "a\nb\rc\r\n");
  await writeFile(join(outside, "secret"), "secret");
  return root;
}
