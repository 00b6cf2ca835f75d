import type { ExceptionId } from "./exceptions.js";
import type { ScenarioWorld, TftpModule } from "./world.js";

/** What a trace has to be, line by line, its end included. */
export type ExpectedTrace = readonly (string | RegExp)[];

/** One program, run against both implementations. */
export interface Scenario {
  /** What the program does. */
  readonly name: string;
  play(tftp: TftpModule, world: ScenarioWorld): Promise<void>;
  /** Without it the traces have to be equal. */
  readonly differs?: {
    /** Rows of the table in exceptions.ts that explain every differing line. */
    readonly because: readonly ExceptionId[];
    /** The evidence. */
    readonly original: ExpectedTrace;
    readonly ours: ExpectedTrace;
  };
}
