import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { isLoopback, type ListenAddress } from "./listen-address.js";

/** Open connections; a browser needs six, a scraper one. */
const CONNECTIONS_MAX = 64;
/** A request is one line and a few headers. */
const HEADER_BYTES_MAX = 8_192;
const HEADERS_TIMEOUT_MS = 10_000;

/** Answers the requests for one path. */
export type Route = (response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/**
 * A small HTTP server for reading: GET and HEAD of known paths, nothing that could change anything. It does not keep
 * the process alive.
 */
export class HttpEndpoint {
  readonly #server: Server;
  readonly #routes = new Map<string, Route>();
  #isLocal = true;

  constructor() {
    this.#server = createServer(
      { maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_TIMEOUT_MS },
      (request, response) => this.#answer(request, response),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.requestTimeout = HEADERS_TIMEOUT_MS;
    this.#server.on("connection", (socket) => socket.unref());
    // Bytes that are no HTTP: the connection is closed without a word.
    this.#server.on("clientError", (_, socket) => socket.destroy());
  }

  /** @param path - exact, without a query */
  route(path: string, route: Route): void {
    this.#routes.set(path, route);
  }

  /** Binds. Rejects with Node's error, `EADDRINUSE` and its like. */
  listen({ host, port }: ListenAddress): Promise<AddressInfo> {
    this.#isLocal = isLoopback(host);
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        this.#server.unref();
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const route = this.#routes.get(path);
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Cache-Control", "no-store");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      sendText(response, 405, "Only GET and HEAD\n");
    } else if (this.#isLocal && !isLocalHost(request.headers.host)) {
      // A page from elsewhere whose name was made to point to this machine (DNS rebinding) may not read along.
      sendText(
        response,
        403,
        "This address is for this machine: ask for it as localhost or by its IP address\n",
      );
    } else if (route === undefined) {
      sendText(response, 404, "Nothing here\n");
    } else {
      Promise.resolve(route(response, request)).catch((error: Error) => {
        if (!response.headersSent) sendText(response, 500, `${error.message}\n`);
        else response.destroy();
      });
    }
  }
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(text);
}

function isLocalHost(header: string | undefined): boolean {
  const host = (header ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return host === "localhost" || isIP(host) !== 0;
}
