import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The checkout: the compiled test lies in dist/test/tidy. */
export const root = join(__dirname, "../../..");

/** One source file with its path from the root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** All TypeScript files below a folder. */
export function sourcesBelow(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll("\\", "/")}`)
    .filter((path) => /\.m?ts$/.test(path) && !path.endsWith(".d.ts"))
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), "utf8");
      return { path, text, lines: text.split("\n") };
    });
}

/** What a file imports, with line numbers: static, re-exported, dynamic and required. */
export function importsOf(file: SourceFile): { specifier: string; line: number }[] {
  const pattern = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\brequire\(\s*)["']([^"']+)["']/g;
  return [...file.text.matchAll(pattern)].map((match) => ({
    specifier: match[1] ?? "",
    line: file.text.slice(0, match.index).split("\n").length,
  }));
}
