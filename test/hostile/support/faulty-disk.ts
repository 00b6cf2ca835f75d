import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../../helpers/files.js";

export type FaultyCall =
  | "open"
  | "read"
  | "write"
  | "close"
  | "fstat"
  | "fchmod"
  | "rename"
  | "link"
  | "unlink"
  | "statfs";

/** What goes wrong with a call. */
export interface Fault {
  /** The error it ends with: `EIO`. */
  readonly code?: string;
  /** Reads and writes before this position are fine. */
  readonly afterBytes?: number;
  /** It takes until this fault is taken back. */
  readonly hold?: boolean;
}

export type Faults = { readonly [call in FaultyCall]?: Fault };

/** Tells processes that were started with `env` which of their folders have faults. */
export class FaultyDisk {
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    const preload = `--require ${join(__dirname, "faulty-fs.js")}`;
    this.env = {
      NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} ${preload}`,
      NTFTP_FAULTY_DISK: folder,
    };
  }

  static async open(context: { after(cleanUp: () => Promise<void>): void }): Promise<FaultyDisk> {
    const folder = await temporaryFolder(context);
    mkdirSync(join(folder, "next"));
    return new FaultyDisk(folder);
  }

  /** From now on, for files right below a folder of this name. */
  breaks(folderName: string, faults: Faults): void {
    const next = join(this.#folder, "next", folderName);
    writeFileSync(next, JSON.stringify(faults));
    renameSync(next, join(this.#folder, folderName));
  }

  /** Calls for files of the folder that met a fault. */
  hits(folderName: string): ReadonlySet<string> {
    const lines = readFileSync(join(this.#folder, "hits"), "utf8").split("\n");
    return new Set(
      lines.flatMap((line) => (line.startsWith(`${folderName} `) ? [line.split(" ")[1] ?? ""] : [])),
    );
  }

  repair(folderName: string): void {
    rmSync(join(this.#folder, folderName), { force: true });
  }
}
