import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tidy/sources.js";

/** A row of the table of options in docs/reference.md. */
export interface ReferenceRow {
  readonly option: string;
  readonly library: string;
  readonly key: string;
  readonly default: string;
  /** What it is called elsewhere, by the name of the program. */
  readonly elsewhere: Readonly<Record<"in.tftpd" | "atftpd" | "dnsmasq", string>>;
}

/** The table of options in docs/reference.md. */
export function readReference(): ReferenceRow[] {
  const lines = readFileSync(join(root, "docs/reference.md"), "utf8").split("\n");
  const rows: ReferenceRow[] = [];
  for (const line of lines) {
    if (!line.startsWith("| `--")) continue;
    const cells = line.split("|").slice(1, -1);
    const [option = "", library = "", key = "", fallback = "", tftpd = "", atftpd = "", dnsmasq = ""] =
      cells.map((cell) => cell.trim());
    if (cells.length !== 7) throw new Error(`${option} has ${cells.length} cells, it needs 7`);
    rows.push({
      option,
      library,
      key,
      default: fallback,
      elsewhere: { "in.tftpd": tftpd, atftpd, dnsmasq },
    });
  }
  return rows;
}
