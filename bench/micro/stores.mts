import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bench, do_not_optimize, group } from "mitata";
import { TimerQueue } from "../../src/driver/timer-queue.js";
import { invariant } from "../../src/engine/index.js";
import { BlockCache } from "../../src/io/block-cache.js";
import { FileSource } from "../../src/io/file-source.js";
import { openLocalFile } from "../../src/io/root-path.js";

const TIMERS = 1000;
const FILE_BYTES = 1_048_576;

/** Deadlines and file blocks: what every datagram touches besides the engine. Returns what cleans up. */
export async function defineStores(): Promise<() => Promise<void>> {
  group(`timer queue with ${TIMERS} deadlines`, defineTimers);

  const folder = await mkdtemp(join(tmpdir(), "ntftp-bench-"));
  const path = join(folder, "file");
  await writeFile(path, new Uint8Array(FILE_BYTES));
  const cache = new BlockCache();
  const source = new FileSource(cache, cache.open(await openLocalFile(path)));
  const file = cache.open(await openLocalFile(path));
  await new Promise<void>((resolve, reject) => {
    source.attach({
      onAvailable: () => {
        if (source.ended) resolve();
        else source.want(FILE_BYTES);
      },
      onFailure: ({ cause }) => reject(cause),
    });
    source.want(FILE_BYTES);
  });
  invariant(source.availableBytes === FILE_BYTES, "the file is in memory");
  group("block cache", () => {
    bench("a chunk that is in memory", () => do_not_optimize(cache.acquire(file, 3, () => undefined)));
    let offset = 0;
    bench("a window of 16 blocks located", () => {
      offset = (offset + 22_848) % (FILE_BYTES - 22_848);
      do_not_optimize(source.locate(offset, 22_848));
    });
  });
  return async () => {
    source.close();
    cache.close(file);
    await rm(folder, { recursive: true });
  };
}

function defineTimers(): void {
  let nowMs = 0;
  // A clock that never wakes: only the bookkeeping is measured.
  const queue = new TimerQueue({ nowMs: () => nowMs, wakeAt: () => undefined });
  const timers = Array.from({ length: TIMERS }, (_, index) => {
    const timer = queue.createTimer(() => undefined);
    timer.set(1000 + index);
    return timer;
  });
  let turn = 0;
  bench("a deadline moved away, as each datagram does", () => {
    nowMs += 0.01;
    turn = (turn + 1) % TIMERS;
    timers[turn]?.set(nowMs + 1000);
  });
  bench("a timer made, set and let go", () => {
    const timer = queue.createTimer(() => undefined);
    timer.set(nowMs + 500);
    timer.cancel();
  });
}
