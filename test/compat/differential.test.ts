import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { exceptions } from "./exceptions.js";
import { type Scenario, scenarios } from "./scenarios.js";

/** Time for one scenario; the original hangs in some. */
const SCENARIO_MS = 8000;

/** Runs a scenario in a process of its own and returns its trace. */
function traceOf(scenario: Scenario, implementation: "ours" | "original"): Promise<string[]> {
  return new Promise((resolve) => {
    const child = fork(join(__dirname, "run-scenario.js"), [scenario.name, implementation], {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      execArgv: ["--no-deprecation"],
    });
    const trace: string[] = [];
    const timer = setTimeout(() => {
      trace.push("hangs");
      child.kill("SIGKILL");
    }, SCENARIO_MS);
    child.on("message", (line) => trace.push(String(line)));
    // Messages may still be on their way when the process has ended: the channel tells when it is empty.
    const exited = new Promise((done) => child.once("exit", done));
    const emptied = new Promise((done) => child.once("disconnect", done));
    Promise.all([exited, emptied]).then(() => {
      clearTimeout(timer);
      resolve(trace);
    });
  });
}

describe("programs for npm tftp 0.1.2 see the same", { concurrency: 4 }, () => {
  for (const scenario of scenarios) {
    const { name, differs } = scenario;
    test(differs === undefined ? name : `${name} [${differs.id}]`, async () => {
      const [original, ours] = await Promise.all([traceOf(scenario, "original"), traceOf(scenario, "ours")]);
      if (differs === undefined) {
        assert.deepEqual(ours, original);
        return;
      }
      assert.ok(exceptions[differs.id] !== undefined, `${differs.id} is not in the table of exceptions`);
      assert.notDeepEqual(ours, original, "an exception that makes no difference is none");
      const wanted = [...differs.ours, "the end"];
      const same =
        ours.length === wanted.length && wanted.every((line, index) => matches(ours[index] ?? "", line));
      assert.ok(
        same,
        `ours: ${JSON.stringify(ours, null, 1)}\noriginal: ${JSON.stringify(original, null, 1)}`,
      );
    });
  }
});

test("every exception is used, and there are enough scenarios to mean something", () => {
  const used = new Set(scenarios.map((scenario) => scenario.differs?.id));
  assert.deepEqual(
    Object.keys(exceptions).filter((id) => !used.has(id)),
    [],
  );
  assert.ok(scenarios.length > 40, `only ${scenarios.length} scenarios`);
});

function matches(line: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? line === wanted : wanted.test(line);
}
