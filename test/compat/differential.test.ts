import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { exceptions } from "./exceptions.js";
import type { ExpectedTrace, Scenario } from "./scenario.js";
import { scenarios } from "./scenarios.js";
import { type Recording, TraceRecorder } from "./trace-recorder.js";
import { THE_END } from "./world.js";

/** How often a scenario is played on a machine that has no time for it. */
const ATTEMPTS_MAX = 6;

const recorder = new TraceRecorder();

/** Two at a time, each with one process per implementation: the timing of the original must not suffer. */
describe("programs for npm tftp 0.1.2", { concurrency: 2 }, () => {
  before(() => recorder.open());
  after(() => recorder.close());

  for (const scenario of scenarios) {
    test(titleOf(scenario), async (context) => {
      const [original, ours] = await Promise.all([
        recorder.record(scenario.name, "original"),
        recorder.record(scenario.name, "ours"),
      ]);
      if (agrees(scenario, original, ours)) return;
      await alone(() => playAgain(scenario, (text) => context.diagnostic(text)));
    });
  }
});

test("every exception has a scenario, no two scenarios one name, and there are enough to mean something", () => {
  const used = new Set(scenarios.flatMap(({ differs }) => differs?.because ?? []));
  const unused = Object.keys(exceptions).filter((id) => !(used as Set<string>).has(id));
  assert.deepEqual(unused, []);
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
  assert.ok(scenarios.length > 120, `only ${scenarios.length} scenarios`);
});

let queue: Promise<unknown> = Promise.resolve();

/** One after another: what is played again must not be short of time because of its like. */
function alone(act: () => Promise<void>): Promise<void> {
  const turn = queue.then(act);
  queue = turn.catch(() => undefined);
  return turn;
}

/** Throws when the traces differ and the machine had time; a real difference shows then, and every time. */
function agrees(scenario: Scenario, original: Recording, ours: Recording): boolean {
  try {
    judge(scenario, original.trace, ours.trace);
    return true;
  } catch (error) {
    if (!original.wasStarved && !ours.wasStarved) throw error;
    return false;
  }
}

async function playAgain(scenario: Scenario, say: (text: string) => void): Promise<void> {
  for (let attempt = 2; ; attempt++) {
    say(`attempt ${attempt}, as it had to wait for the processor: ${scenario.name}`);
    const original = await recorder.record(scenario.name, "original");
    const ours = await recorder.record(scenario.name, "ours");
    if (attempt === ATTEMPTS_MAX) {
      judge(scenario, original.trace, ours.trace);
      return;
    }
    if (agrees(scenario, original, ours)) return;
  }
}

/** Throws where the traces are not what the scenario says. */
function judge({ differs }: Scenario, original: readonly string[], ours: readonly string[]): void {
  if (differs === undefined) {
    assert.deepEqual(ours, original);
    assert.match(ours.at(-1) ?? "", /^(the end$|process died: )/);
    assert.notDeepEqual(ours, [THE_END], "a trace without a line proves nothing");
    return;
  }
  assert.notDeepEqual(ours, original, "an exception that makes no difference is none");
  assertTrace("ours", ours, differs.ours);
  assertTrace("the original", original, differs.original);
}

/** The name of the test says what the same is, or what we do instead. */
function titleOf({ name, differs }: Scenario): string {
  if (differs === undefined) return `the same: ${name}`;
  return `${name} - ${differs.because.map((id) => `${id}: ${exceptions[id].ours}`).join("; ")}`;
}

function assertTrace(label: string, trace: readonly string[], expected: ExpectedTrace): void {
  const same =
    trace.length === expected.length &&
    expected.every((wanted, index) => {
      const line = trace[index] ?? "";
      return typeof wanted === "string" ? line === wanted : wanted.test(line);
    });
  assert.ok(same, `${label}: got ${JSON.stringify(trace, null, 1)}, expected ${expected.join("\n ")}`);
}
