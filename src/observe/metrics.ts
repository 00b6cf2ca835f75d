import type { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ObservedServer } from "./observed-server.js";
import { type TransferInfo, type TransferResult, transferOutcomes } from "./records.js";
import { type Method, type MethodTotals, methods, type Totals } from "./totals.js";

/** The parts of prom-client that metrics are made of; it is loaded by whoever wants metrics. */
export interface PrometheusClient {
  readonly Counter: typeof Counter;
  readonly Gauge: typeof Gauge;
  readonly Histogram: typeof Histogram;
}

/** What the metrics are read from. */
export interface MetricsSubject {
  readonly server: ObservedServer;
  readonly totals: Totals;
  /** Lines that the log left out so far. */
  readonly logLinesLeftOut?: (() => number) | undefined;
}

/** From a size probe on the own switch to an installer image over a slow link. */
const DURATION_BUCKETS_S = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];

/** A file in the cache answers within a millisecond; a queue at the limit takes seconds. */
const FIRST_ANSWER_BUCKETS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Counters of both directions, by what they count. */
const COUNTERS: readonly { readonly name: string; readonly help: string; readonly key: CountKey }[] = [
  { name: "ntftp_blocks_sent_total", help: "DATA packets sent, repeated ones included", key: "blocksSent" },
  { name: "ntftp_retransmissions_total", help: "DATA packets sent more than once", key: "retransmissions" },
  { name: "ntftp_duplicates_total", help: "Packets of clients that came more than once", key: "duplicates" },
  { name: "ntftp_timeouts_total", help: "How often a client was not in time", key: "timeouts" },
  { name: "ntftp_junk_packets_total", help: "Packets to transfers that made no sense", key: "junk" },
];

type CountKey = "blocksSent" | "retransmissions" | "duplicates" | "timeouts" | "junk";

/**
 * Registers the metrics of a server. Counters are set from its totals whenever somebody reads them: a transfer costs
 * nothing for them. @returns lets go of the server
 */
export function registerMetrics(
  prometheus: PrometheusClient,
  registry: Registry,
  { server, totals, logLinesLeftOut = () => 0 }: MetricsSubject,
): () => void {
  const counter = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (set: (labels: Record<L, string>, value: number) => void) => void,
  ): void => {
    new prometheus.Counter<L>({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        read((labels, value) => this.inc(labels, value));
      },
    });
  };
  const gauge = (name: string, help: string, read: () => number): void => {
    new prometheus.Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const eachMethod = (read: (totals: MethodTotals, method: Method) => void): void => {
    for (const method of methods) read(totals.of(method), method);
  };
  counter("ntftp_transfers_started_total", "Transfers that began", ["method"], (set) =>
    eachMethod(({ started }, method) => set({ method }, started)),
  );
  counter("ntftp_transfers_total", "Transfers that ended, by how", ["method", "outcome"], (set) =>
    eachMethod(({ outcomes }, method) => {
      for (const outcome of transferOutcomes) set({ method, outcome }, outcomes[outcome]);
    }),
  );
  counter(
    "ntftp_transferred_bytes_total",
    "Bytes of files that arrived, those of running transfers included",
    ["method"],
    (set) => {
      const bytes = totals.transferredBytes();
      for (const method of methods) set({ method }, bytes[method]);
    },
  );
  for (const { name, help, key } of COUNTERS) {
    counter(name, `${help}; of ended transfers`, ["method"], (set) =>
      eachMethod((counts, method) => set({ method }, counts[key])),
    );
  }
  counter("ntftp_requests_refused_total", "Requests that did not become a transfer", ["reason"], (set) => {
    for (const [reason, count] of totals.refusals) set({ reason }, count);
  });
  counter("ntftp_worker_errors_total", "Workers that died, and handlers that threw", [], (set) =>
    set({}, totals.workerErrors),
  );
  counter("ntftp_log_lines_left_out_total", "Log lines beyond --log-rate", [], (set) =>
    set({}, logLinesLeftOut()),
  );
  gauge("ntftp_transfers_active", "Transfers whose data is moving", () => server.status().activeTransfers);
  gauge(
    "ntftp_requests_queued",
    "Requests that wait for a place or a file",
    () => server.status().queuedRequests,
  );
  gauge("ntftp_native_path", "1 when datagrams take the native path, 0 for node:dgram", () =>
    server.native?.isNative ? 1 : 0,
  );
  registerThreads(prometheus, registry, server);
  return registerHistograms(prometheus, registry, server);
}

function registerThreads(prometheus: PrometheusClient, registry: Registry, server: ObservedServer): void {
  new prometheus.Gauge({
    name: "ntftp_worker_transfers",
    help: "Transfers by the thread that moves their data, those that only wait for a lost last ACK included",
    labelNames: ["worker"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, transfers } of server.status().threads) this.set({ worker: name }, transfers);
    },
  });
  for (const [state, key] of [
    ["busy", "busyMs"],
    ["idle", "idleMs"],
  ] as const) {
    new prometheus.Counter({
      name: `ntftp_worker_${state}_seconds_total`,
      help: `Time in which the event loop of a thread was ${state}`,
      labelNames: ["worker"],
      registers: [registry],
      collect() {
        this.reset();
        for (const thread of server.status().threads) this.inc({ worker: thread.name }, thread[key] / 1000);
      },
    });
  }
}

function registerHistograms(
  prometheus: PrometheusClient,
  registry: Registry,
  server: ObservedServer,
): () => void {
  const durations = new prometheus.Histogram({
    name: "ntftp_transfer_duration_seconds",
    help: "From the admitted request to the end of the data, of transfers that moved all of it",
    labelNames: ["method"],
    buckets: DURATION_BUCKETS_S,
    registers: [registry],
  });
  const firstAnswers = new prometheus.Histogram({
    name: "ntftp_first_answer_seconds",
    help: "From a request's arrival to its first answer, waiting included",
    labelNames: ["method"],
    buckets: FIRST_ANSWER_BUCKETS_S,
    registers: [registry],
  });
  const onEnd = ({ method }: TransferInfo, result: TransferResult): void => {
    const { outcome, durationMs, firstAnswerMs } = result;
    if (outcome === "done" || outcome === "last-ack-missing")
      durations.observe({ method }, durationMs / 1000);
    if (firstAnswerMs !== null) firstAnswers.observe({ method }, firstAnswerMs / 1000);
  };
  server.on("transferEnd", onEnd);
  return () => server.off("transferEnd", onEnd);
}
