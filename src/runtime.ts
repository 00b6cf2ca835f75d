import { TimerQueue } from "./driver/timer-queue.js";
import type { Clock } from "./io/clock.js";
import { NodeClock } from "./io/node-clock.js";
import { type SelectedSockets, selectSockets } from "./io/select-socket.js";
import type { SocketFactory } from "./io/socket.js";

/** What all transfers of one thread share. */
export interface Runtime {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly sockets: SocketFactory;
  /** Which kind of sockets that is, and why. */
  readonly native: Pick<SelectedSockets, "isNative" | "reason">;
}

let runtime: Runtime | null = null;

/** The runtime of the calling thread, made at the first call: importing the package opens and starts nothing. */
export function threadRuntime(): Runtime {
  if (runtime === null) {
    const clock = new NodeClock();
    const selected = selectSockets();
    runtime = { clock, timers: new TimerQueue(clock), sockets: selected.sockets, native: selected };
  }
  return runtime;
}
