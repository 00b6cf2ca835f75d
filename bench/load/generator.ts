import { performance } from "node:perf_hooks";
import type { SocketFactory } from "../../src/io/socket.js";
import { SeededRandom } from "../shared/random.js";
import { Connection, type ConnectionOwner } from "./connection.js";
import { Download } from "./download.js";
import type { Exchange, Outcome } from "./exchange.js";
import { Latencies } from "./latencies.js";
import { ProgressSlot, type ThreadData, type ThreadResult } from "./messages.js";
import { Schedule } from "./schedule.js";
import { ErrorTally, emptyTally } from "./tally.js";
import { Upload } from "./upload.js";
import { Wire } from "./wire.js";

/** Time-outs need no more; a rate does, as what begins late counts as slow. */
const TICK_MS = 5;
const TICK_WITH_RATE_MS = 1;

/** Seeds of threads lie this far apart. */
const SEED_STEP = 0x9e3779b9;

/** All connections of one thread. */
export class Generator implements ConnectionOwner {
  readonly tally = emptyTally();
  readonly timeoutMs: number;
  readonly retries: number;
  readonly dallies: boolean;
  readonly #data: ThreadData;
  readonly #sockets: SocketFactory;
  readonly #random: SeededRandom;
  readonly #errors = new ErrorTally();
  readonly #latencies = Latencies.empty();
  readonly #connections: Connection[] = [];
  readonly #idle: Connection[] = [];
  #schedule = new Schedule(0, 0, null);
  #startedMs = 0;
  #loopAtStart = performance.eventLoopUtilization();
  #tick: NodeJS.Timeout | null = null;
  #granted = { blockSize: 0, windowSize: 0 };
  #finish: (result: ThreadResult) => void = () => undefined;

  constructor(data: ThreadData, sockets: SocketFactory) {
    const { plan } = data;
    this.#data = data;
    this.#sockets = sockets;
    this.timeoutMs = plan.timeoutMs;
    this.retries = plan.retries;
    this.dallies = plan.loss > 0;
    this.#random = new SeededRandom(plan.seed + plan.threadIndex * SEED_STEP);
    for (let index = 0; index < plan.connections; index++) {
      const connection = new Connection(plan.firstConnection + index, this);
      this.#connections.push(connection);
      this.#idle.push(connection);
    }
  }

  /** Carries the plan out. */
  run(): Promise<ThreadResult> {
    const { amount, ratePerSecond } = this.#data.plan;
    this.#startedMs = performance.now();
    this.#loopAtStart = performance.eventLoopUtilization();
    this.#schedule = new Schedule(this.#startedMs, amount, ratePerSecond);
    const tickMs = ratePerSecond === null ? TICK_MS : TICK_WITH_RATE_MS;
    this.#tick = setInterval(() => this.#onTick(), tickMs);
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#dispatch();
    });
  }

  openWire(): Promise<Wire> {
    const { plan } = this.#data;
    const weather = { loss: plan.loss, random: this.#random, tally: this.tally };
    return Wire.open(this.#sockets, plan, plan, weather);
  }

  createExchange(wire: Wire, connection: Connection): Exchange {
    const { plan, contents } = this.#data;
    // Threads take the files in turn, each from another one on.
    const turn = this.#schedule.begun - 1 + plan.threadIndex;
    const file = plan.files[turn % plan.files.length] as string;
    const { blockSize, windowSize } = plan;
    const content = contents.get(file);
    if (plan.method === "GET") {
      return new Download({ fileName: file, blockSize, windowSize }, wire, this.tally, content ?? null);
    }
    const fileName = file.replaceAll("%n", String(connection.number));
    return new Upload({ fileName, blockSize, windowSize }, wire, this.tally, content ?? new Uint8Array(0));
  }

  onEnded(connection: Connection, outcome: Outcome, latencyMs: number, exchange: Exchange | null): void {
    if (outcome.code === null) {
      this.tally.completed++;
      this.#latencies.record(latencyMs);
      if (exchange !== null) this.#granted = exchange.granted;
    } else {
      this.tally.failed++;
      this.#errors.count(outcome.code, outcome.message);
    }
    this.#idle.push(connection);
    this.#dispatch();
  }

  #dispatch(): void {
    const hasRate = this.#data.plan.ratePerSecond !== null;
    while (this.#idle.length > 0) {
      const dueMs = this.#schedule.take(performance.now());
      if (dueMs === null) break;
      void this.#idle.pop()?.begin(hasRate ? dueMs : null);
    }
    if (this.#schedule.isOver && this.#idle.length === this.#connections.length) this.#end();
  }

  #onTick(): void {
    const nowMs = performance.now();
    const { durationSeconds } = this.#data.plan;
    if (durationSeconds !== null && nowMs - this.#startedMs >= durationSeconds * 1000) {
      this.#end();
      return;
    }
    for (const connection of this.#connections) connection.tick(nowMs);
    if (this.#data.plan.ratePerSecond !== null) this.#dispatch();
    this.#showProgress();
  }

  #end(): void {
    if (this.#tick === null) return;
    clearInterval(this.#tick);
    this.#tick = null;
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const { utilization } = performance.eventLoopUtilization(this.#loopAtStart);
    for (const connection of this.#connections) {
      const running = connection.cut();
      if (running === null) continue;
      this.tally.cut++;
      if (running.answered) this.#granted = running.granted;
    }
    this.#showProgress();
    this.#finish({
      tally: this.tally,
      errors: this.#errors.list(),
      latencies: this.#latencies.encode(),
      seconds,
      loopUtilization: utilization,
      granted: this.#granted,
      sockets: this.#sockets.kind,
    });
  }

  #showProgress(): void {
    const { progress } = this.#data;
    progress[ProgressSlot.completed] = this.tally.completed;
    progress[ProgressSlot.failed] = this.tally.failed;
    progress[ProgressSlot.bytes] = this.tally.bytes;
    progress[ProgressSlot.retransmissions] = this.tally.retransmissions;
  }
}
