import type { Scenario } from "./scenarios.js";
import { clientBugs } from "./scenarios-client.js";
import { serverBugs } from "./scenarios-server.js";

/** Where the original is broken, and where we decided otherwise. */
export const bugScenarios: readonly Scenario[] = [...clientBugs, ...serverBugs];
