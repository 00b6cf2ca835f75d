import type { AddressInfo } from "node:net";
import { HttpEndpoint, sendText } from "./http-endpoint.js";
import { type ListenAddress, parseListenAddress } from "./listen-address.js";
import { LiveFeed } from "./live-feed.js";
import { addLivePage } from "./live-page.js";
import { registerMetrics } from "./metrics.js";
import type { ObservedServer } from "./observed-server.js";
import { Totals } from "./totals.js";

/** What of a server is to be seen, and where. */
export interface MonitorOptions {
  /**
   * Where Prometheus finds `/metrics`: a port of this machine alone, or `address:port`. `/healthz` beside it answers
   * 200 while the server listens, else 503.
   */
  metrics?: number | string | undefined;
  /** Where a browser finds the live page; as above. Both may share an address. */
  dashboard?: number | string | undefined;
  /** Lines that a log left out so far, for the metrics. */
  logLinesLeftOut?: (() => number) | undefined;
}

/** What {@link startMonitor} started. */
export interface Monitor {
  /** Where the metrics are, with the real port. */
  readonly metrics: AddressInfo | null;
  /** Where the live page is, with the real port. */
  readonly dashboard: AddressInfo | null;
  /** Stops listening and lets go of the server. */
  close(): void;
}

/**
 * Starts the HTTP endpoints that show what a server does. They don't keep the process alive.
 *
 * @throws RangeError for an address that makes no sense; rejects with Node's error where one can't be bound
 */
export async function startMonitor(server: ObservedServer, options: MonitorOptions): Promise<Monitor> {
  const endpoints = new Endpoints();
  const totals = new Totals(server);
  const ends: (() => void)[] = [() => totals.close(), () => endpoints.close()];
  const close = (): void => {
    for (const end of ends.splice(0)) end();
  };
  try {
    const metricsAt = readAddress(options.metrics);
    const dashboardAt = readAddress(options.dashboard);
    if (metricsAt !== null) ends.push(await addMetrics(endpoints.at(metricsAt), server, totals, options));
    if (dashboardAt !== null) {
      const feed = new LiveFeed(server, totals);
      ends.push(() => feed.close());
      await addLivePage(endpoints.at(dashboardAt), feed);
    }
    return {
      metrics: metricsAt === null ? null : await endpoints.listen(metricsAt),
      dashboard: dashboardAt === null ? null : await endpoints.listen(dashboardAt),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function readAddress(option: number | string | undefined): ListenAddress | null {
  return option === undefined ? null : parseListenAddress(String(option));
}

async function addMetrics(
  endpoint: HttpEndpoint,
  server: ObservedServer,
  totals: Totals,
  { logLinesLeftOut }: MonitorOptions,
): Promise<() => void> {
  // Only a server with metrics pays for loading it.
  const prometheus = await import("prom-client");
  const registry = new prometheus.Registry();
  prometheus.collectDefaultMetrics({ register: registry });
  const end = registerMetrics(prometheus, registry, { server, totals, logLinesLeftOut });
  endpoint.route("/metrics", async (response) => {
    const text = await registry.metrics();
    response.writeHead(200, { "Content-Type": registry.contentType });
    response.end(text);
  });
  endpoint.route("/healthz", (response) => {
    const listens = server.address() !== null;
    sendText(response, listens ? 200 : 503, listens ? "ok\n" : "not listening\n");
  });
  return () => {
    end();
    registry.clear();
  };
}

/** One HTTP server for each address, whatever is shown there. */
class Endpoints {
  readonly #byAddress = new Map<
    string,
    { readonly endpoint: HttpEndpoint; bound: Promise<AddressInfo> | null }
  >();

  at(address: ListenAddress): HttpEndpoint {
    return this.#entry(address).endpoint;
  }

  listen(address: ListenAddress): Promise<AddressInfo> {
    const entry = this.#entry(address);
    entry.bound ??= entry.endpoint.listen(address);
    return entry.bound;
  }

  close(): void {
    for (const { endpoint } of this.#byAddress.values()) endpoint.close();
  }

  #entry({ host, port }: ListenAddress) {
    const key = `${host} ${port}`;
    let entry = this.#byAddress.get(key);
    if (entry === undefined) {
      entry = { endpoint: new HttpEndpoint(), bound: null };
      this.#byAddress.set(key, entry);
    }
    return entry;
  }
}
