import { scenarios } from "./scenarios.js";
import { ScenarioWorld, type TftpModule } from "./world.js";

/*
 * Runs one scenario against one implementation in a process of its own, as the original takes its process down in
 * several of them:  node run-scenario.js NAME ours|original      The trace goes to the parent, line by line.
 */
const [name = "", implementation = ""] = process.argv.slice(2);
const scenario = scenarios.find((candidate) => candidate.name === name);
if (scenario === undefined) throw new Error(`no scenario ${name}`);
const tftp: TftpModule = implementation === "ours" ? require("../../src/index.js") : require("tftp");

const world = new ScenarioWorld();
const note = world.note.bind(world);
world.note = (line) => {
  note(line);
  process.send?.(line);
};
process.on("uncaughtException", (error) => {
  world.note(`process died: ${error.message.split("\n")[0]}`);
  process.disconnect?.();
  process.exit(7);
});

scenario.play(tftp, world).then(
  () => {
    world.close();
    process.send?.("the end", () => process.exit(0));
  },
  (error: Error) => {
    world.note(`scenario failed: ${error.message}`);
    process.exit(1);
  },
);
