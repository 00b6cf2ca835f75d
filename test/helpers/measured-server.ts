import { getHeapSnapshot } from "node:v8";
import type { Worker } from "node:worker_threads";
import { createServer, type TransferInfo, type TransferResult } from "../../src/index.js";

/**
 * A server in a process of its own, started by `fork` with the root as its argument. It says its port, and answers
 * each message with what lives: resident memory tells more of the allocator's habits than of leaks.
 */
export interface Living {
  /** Bytes of a heap snapshot (which collects garbage first) of the main thread and of each worker. */
  readonly heapBytes: readonly number[];
  /** Transfers that failed so far. */
  readonly failures: readonly string[];
}

async function sizeOf(snapshot: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const chunk of snapshot) bytes += chunk.length;
  return bytes;
}

if (require.main === module) {
  const workers: Worker[] = [];
  process.on("worker", (worker: Worker) => workers.push(worker));
  const failures: string[] = [];
  const server = createServer({ host: "127.0.0.1", port: 0, root: process.argv[2], workers: 2 });
  server.on("transferEnd", (info: TransferInfo, { error }: TransferResult) => {
    if (error !== null) failures.push(`${info.method} ${info.file}: ${error.message}`);
  });
  server.listen(() => process.send?.({ port: server.address()?.port }));
  process.on("message", async () => {
    const heapBytes = [await sizeOf(getHeapSnapshot())];
    for (const worker of workers) heapBytes.push(await sizeOf(await worker.getHeapSnapshot()));
    process.send?.({ heapBytes, failures } satisfies Living);
  });
}
