import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { scenarios } from "./scenarios.js";
import { waitedForCpuMs } from "./starvation.js";
import { describe, ScenarioWorld, type TftpModule, THE_END } from "./world.js";

/** The last message to the parent. */
export interface OverMessage {
  readonly kind: "over";
  readonly waitedForCpuMs: number;
}

/*
 * Runs one scenario against one implementation in a process of its own, as the original takes its process down in
 * several of them:  node dist/test/compat/run-scenario.js "NAME" ours|original
 * The trace goes to the parent, line by line; started by hand, it is printed.
 */
const [name = "", implementation = ""] = process.argv.slice(2);
const scenario = scenarios.find((candidate) => candidate.name === name);
if (scenario === undefined) throw new Error(`no scenario "${name}"`);

const ours = join(__dirname, "../../src");
const isOurs = implementation === "ours";
const tftp: TftpModule = require(isOurs ? join(ours, "index.js") : "tftp");
const specifier = isOurs ? pathToFileURL(join(ours, "index.mjs")).href : "tftp";

const emit = (line: string): void => {
  if (process.send === undefined) console.log(line);
  else process.send(line);
};
const world = new ScenarioWorld(specifier, emit);

process.once("uncaughtException", (error) => {
  world.note(`process died: ${describe(error)}`);
  // What is still to come would not have happened.
  process.on("uncaughtException", () => undefined);
  end(7);
});

scenario.play(tftp, world).then(
  () => {
    emit(THE_END);
    end(0);
  },
  (error: Error) => {
    emit(`scenario failed: ${error.stack}`);
    end(1);
  },
);

/** Lets the trace get out first. */
function end(exitCode: number): void {
  try {
    world.close();
  } catch {
    // What a dying implementation left behind may be in any state; the parent removes the folder.
  }
  if (process.send === undefined) process.exit(exitCode);
  const over: OverMessage = { kind: "over", waitedForCpuMs: waitedForCpuMs() };
  process.send(over, () => process.exit(exitCode));
}
