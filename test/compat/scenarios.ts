import { apiScenarios } from "./scenarios-api.js";
import { bugScenarios } from "./scenarios-bugs.js";
import type { ScenarioWorld, TftpModule } from "./world.js";

/** One program, run against both implementations. */
export interface Scenario {
  readonly name: string;
  play(tftp: TftpModule, world: ScenarioWorld): Promise<void>;
  /**
   * Why the traces differ, and what ours has to be; without it they have to be equal. `id` is a row of the table
   * in exceptions.ts.
   */
  readonly differs?: { readonly id: string; readonly ours: readonly (string | RegExp)[] };
}

export const scenarios: readonly Scenario[] = [...apiScenarios, ...bugScenarios];
