import type { ServerResponse } from "node:http";
import { formatEndpoint } from "./escape.js";
import { sendText } from "./http-endpoint.js";
import type {
  EndedRow,
  LiveHello,
  LivePoint,
  LiveThread,
  LiveTick,
  LiveTotals,
  RunningRow,
} from "./live-messages.js";
import type { ObservedServer } from "./observed-server.js";
import { type TransferInfo, type TransferResult, transferOutcomes } from "./records.js";
import type { Totals } from "./totals.js";

const TICK_MS = 1_000;
/** Seconds of the plot. */
const HISTORY_POINTS = 300;
/** Ended transfers that a new page is shown. */
const RECENT_MAX = 200;
/** Running transfers in a tick: some 150 bytes each. */
const RUNNING_MAX = 1_000;
/** Pages that watch at the same time. */
const CLIENTS_MAX = 16;
/** Bytes that wait for a page which does not read; beyond, it is let go, and may come again. */
const BUFFERED_BYTES_MAX = 1_048_576;

/**
 * What the live page shows, as server-sent events: one tick each second, made once for all pages, and only while one
 * looks. Nothing here grows with the number of transfers.
 */
export class LiveFeed {
  readonly #server: ObservedServer;
  readonly #totals: Totals;
  readonly #clients = new Set<ServerResponse>();
  readonly #startedAtMs = Date.now();
  readonly #history: LivePoint[] = [];
  /** Newest last. */
  readonly #recent: EndedRow[] = [];
  /** Newest last; those since the last tick. */
  #ended: EndedRow[] = [];
  #bytes = { GET: 0, PUT: 0 };
  #sampledAtMs = performance.now();
  #busy = new Map<string, { busyMs: number; idleMs: number }>();
  #threads: readonly LiveThread[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(server: ObservedServer, totals: Totals) {
    this.#server = server;
    this.#totals = totals;
    server.on("transferEnd", this.#onEnd);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Pages that watch. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Answers a page with the stream of events. */
  serve(response: ServerResponse): void {
    if (this.#clients.size >= CLIENTS_MAX) {
      response.setHeader("Retry-After", "10");
      sendText(response, 503, `${CLIENTS_MAX} pages watch already\n`);
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    this.#clients.add(response);
    response.on("close", () => this.#clients.delete(response));
    const point = this.#history.at(-1) ?? this.#emptyPoint();
    const hello: LiveHello = {
      ...this.#state(point, this.#recent),
      startedAtMs: this.#startedAtMs,
      history: this.#history,
    };
    response.write(`retry: 2000\n${eventText("hello", hello)}`);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#server.off("transferEnd", this.#onEnd);
    for (const client of this.#clients) client.end();
  }

  readonly #onEnd = (info: TransferInfo, result: TransferResult): void => {
    const row = endedRow(info, result);
    push(this.#recent, row, RECENT_MAX);
    push(this.#ended, row, RECENT_MAX);
  };

  #tick(): void {
    const point = this.#sample();
    push(this.#history, point, HISTORY_POINTS);
    const ended = this.#ended;
    this.#ended = [];
    if (this.#clients.size === 0) return;
    const text = eventText("tick", this.#state(point, ended));
    for (const client of this.#clients) {
      if (client.writableLength > BUFFERED_BYTES_MAX) client.destroy();
      else client.write(text);
    }
  }

  #emptyPoint(): LivePoint {
    return { atMs: Date.now(), getBytesPerSecond: 0, putBytesPerSecond: 0, active: 0 };
  }

  #sample(): LivePoint {
    const nowMs = performance.now();
    const seconds = Math.max(0.001, (nowMs - this.#sampledAtMs) / 1000);
    const bytes = this.#totals.transferredBytes();
    // A worker's figures may come a moment late, so that a sum can seem to fall.
    const rate = (method: "GET" | "PUT"): number =>
      Math.max(0, Math.round((bytes[method] - this.#bytes[method]) / seconds));
    const { activeTransfers: active } = this.#server.status();
    const point = {
      atMs: Date.now(),
      getBytesPerSecond: rate("GET"),
      putBytesPerSecond: rate("PUT"),
      active,
    };
    this.#sampledAtMs = nowMs;
    this.#bytes = bytes;
    this.#threads = this.#loads();
    return point;
  }

  #loads(): readonly LiveThread[] {
    const before = this.#busy;
    this.#busy = new Map();
    return this.#server.status().threads.map(({ name, transfers, busyMs, idleMs }) => {
      this.#busy.set(name, { busyMs, idleMs });
      const last = before.get(name) ?? { busyMs, idleMs };
      const busy = Math.max(0, busyMs - last.busyMs);
      const life = busy + Math.max(0, idleMs - last.idleMs);
      return { name, transfers, load: life > 0 ? busy / life : 0 };
    });
  }

  #state(point: LivePoint, ended: readonly EndedRow[]): LiveTick {
    const { activeTransfers: active, queuedRequests: queued } = this.#server.status();
    const running: RunningRow[] = [];
    for (const { info, sizeBytes, transferredBytes } of this.#server.progress()) {
      if (running.length === RUNNING_MAX) break;
      running.push({ ...rowOf(info), sizeBytes, bytes: transferredBytes });
    }
    const totals = liveTotals(this.#totals);
    return { atMs: Date.now(), totals, active, queued, threads: this.#threads, point, running, ended };
  }
}

function eventText(name: string, data: unknown): string {
  // JSON has no line ends of its own, so that no name can end an event.
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Keeps the newest. */
function push<T>(rows: T[], row: T, countMax: number): void {
  rows.push(row);
  if (rows.length > countMax) rows.shift();
}

function rowOf({ id, method, file, remoteAddress, remotePort, startedAtMs }: TransferInfo) {
  return { id, method, file, client: formatEndpoint(remoteAddress, remotePort), startedAtMs };
}

function endedRow(info: TransferInfo, result: TransferResult): EndedRow {
  const { outcome, durationMs, transferredBytes, sizeBytes, bytesPerSecond, retransmissions, error } = result;
  return {
    ...rowOf(info),
    sizeBytes,
    bytes: transferredBytes,
    outcome,
    endedAtMs: Date.now(),
    durationMs: Math.round(durationMs),
    bytesPerSecond: Math.round(bytesPerSecond),
    blockSize: info.blockSize,
    windowSize: info.windowSize,
    retransmissions,
    error: error?.message.slice(0, ERROR_LENGTH_MAX) ?? null,
  };
}

/** Characters of an error's text: it may come from a handler, and be of any length. */
const ERROR_LENGTH_MAX = 300;

function liveTotals(totals: Totals): LiveTotals {
  const [get, put] = [totals.of("GET"), totals.of("PUT")];
  const bytes = totals.transferredBytes();
  const outcomes = Object.fromEntries(
    transferOutcomes.map((outcome) => [outcome, get.outcomes[outcome] + put.outcomes[outcome]]),
  ) as LiveTotals["outcomes"];
  let refused = 0;
  for (const count of totals.refusals.values()) refused += count;
  return {
    started: get.started + put.started,
    ended: Object.values(outcomes).reduce((all, count) => all + count, 0),
    outcomes,
    getBytes: bytes.GET,
    putBytes: bytes.PUT,
    blocksSent: get.blocksSent + put.blocksSent,
    retransmissions: get.retransmissions + put.retransmissions,
    refused,
    workerErrors: totals.workerErrors,
  };
}
