import { MessageChannel, parentPort, threadId, workerData } from "node:worker_threads";
import { WorkerLink } from "../src/server/worker-link.js";
import type {
  FromWorker,
  HelloMessage,
  TaskResult,
  ToWorker,
  TransferTask,
  WorkerSetup,
} from "../src/server/worker-messages.js";
import { WorkerSide } from "../src/server/worker-side.js";

/**
 * A thread of the pool: only the wiring. Piscina calls `runTransfer` for each task; everything else between the
 * threads goes over a link of our own, whose other end the first message carries.
 */
const { port1, port2 } = new MessageChannel();
const link: WorkerLink<FromWorker, ToWorker> = new WorkerLink(port1, (command: ToWorker) =>
  side.obey(command),
);
const side = new WorkerSide(workerData as WorkerSetup, link);
const hello: HelloMessage = { kind: "hello", threadId, port: port2 };
parentPort?.postMessage(hello, [port2]);

export default function runTransfer(task: TransferTask): Promise<TaskResult> {
  return side.run(task);
}
