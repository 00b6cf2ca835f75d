import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";

/** Far more than anything takes on a busy machine. */
const DEADLINE_MS = 20_000;
const LOOK_EVERY_MS = 5;

/** Looks until something outside of this process's events is so: a file, a directory. Fails when it never is. */
export async function eventually(what: string, isSo: () => boolean): Promise<void> {
  const untilMs = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    assert.ok(performance.now() < untilMs, `waited in vain: ${what}`);
    await setTimeout(LOOK_EVERY_MS);
  }
}
