import { TimerQueue } from "./driver/timer-queue.js";
import type { Clock } from "./io/clock.js";
import { dgramSockets } from "./io/dgram-socket.js";
import { NodeClock } from "./io/node-clock.js";
import type { SocketFactory } from "./io/socket.js";

/** What all transfers of one thread share. */
export interface Runtime {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly sockets: SocketFactory;
}

let runtime: Runtime | null = null;

/** The runtime of the calling thread, made at the first call: importing the package opens and starts nothing. */
export function threadRuntime(): Runtime {
  if (runtime === null) {
    const clock = new NodeClock();
    runtime = { clock, timers: new TimerQueue(clock), sockets: dgramSockets };
  }
  return runtime;
}
