import { readFileSync } from "node:fs";
import { join } from "node:path";

const DOCUMENT = join(__dirname, "../../../docs/netboot.md");

/** What one section of docs/netboot.md tells its reader to do. */
export interface Recipe {
  /** Files to write, in order; a name that comes again is appended to. */
  readonly files: ReadonlyMap<string, string>;
  /** Shell commands, line by line. */
  readonly commands: readonly string[];
  /** The line that starts the server; of the common section only. */
  readonly server: string | undefined;
}

/** The sections of the document by their headings. Blocks say in their info string what they are. */
export function readRecipes(): ReadonlyMap<string, Recipe> {
  const recipes = new Map<string, Recipe>();
  for (const section of readFileSync(DOCUMENT, "utf8").split(/^## /m).slice(1)) {
    const title = section.slice(0, section.indexOf("\n")).trim();
    const files = new Map<string, string>();
    const commands: string[] = [];
    let server: string | undefined;
    for (const [, info = "", text = ""] of section.matchAll(/^```(\S+ ?.*)\n([\s\S]*?)^```$/gm)) {
      const file = /\bfile=(\S+)/.exec(info)?.[1];
      if (file !== undefined) files.set(file, (files.get(file) ?? "") + text);
      else if (/ run$/.test(info)) commands.push(...text.trim().split("\n"));
      else if (/ server$/.test(info)) server = text.trim();
      else throw new Error(`${title}: a block is neither file, run nor server: ${info}`);
    }
    recipes.set(title, { files, commands, server });
  }
  return recipes;
}
