/* Entry of a thread of the generator: wiring, no logic. */
import { parentPort, workerData } from "node:worker_threads";
import { threadRuntime } from "../../src/runtime.js";
import { Generator } from "./generator.js";
import type { ThreadData, ThreadMessage } from "./messages.js";

const tell = (message: ThreadMessage): void => parentPort?.postMessage(message);
const generator = new Generator(workerData as ThreadData, threadRuntime().sockets);

parentPort?.once("message", async () => {
  tell({ kind: "done", result: await generator.run() });
});
tell({ kind: "ready" });
