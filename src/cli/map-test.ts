import { createServer } from "../index.js";
import { escapeControls } from "../observe/escape.js";
import type { MapTestInvocation } from "./args.js";
import { ExitCode } from "./exit-codes.js";
import { Reporter } from "./reporter.js";

/**
 * `ntftp --map FILE --map-test NAME`: says what becomes of each name, rule by rule.
 * @returns the exit code: failed when a name is refused
 */
export async function runMapTest({ names, address, output, server }: MapTestInvocation): Promise<number> {
  const reporter = new Reporter(output);
  const tested = createServer(server);
  let exitCode: number = ExitCode.done;
  for (const asked of names) {
    const [, word = "GET", name = asked] = /^(GET|PUT) (.*)$/s.exec(asked) ?? [];
    const method = word === "PUT" ? "PUT" : "GET";
    const { steps, file, refusal } = await tested.testName(name, { method, address });
    reporter.event({ event: "map-test", method, requested: name, address, steps, file, refusal });
    reporter.say(`${method} ${escapeControls(name)}`);
    for (const { line, before, after } of steps) {
      const effect = after === before ? "matches" : `-> ${escapeControls(after)}`;
      reporter.say(`  line ${line}: ${effect}`);
    }
    reporter.say(refusal === null ? `= ${escapeControls(file ?? "")}` : `refused: ${refusal}`);
    if (refusal !== null) exitCode = ExitCode.failed;
  }
  return exitCode;
}
