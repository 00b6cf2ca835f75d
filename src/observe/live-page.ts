import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HttpEndpoint } from "./http-endpoint.js";
import type { LiveFeed } from "./live-feed.js";

/** The root of the package: this file is compiled to dist/src/observe. */
const PACKAGE = join(__dirname, "../../..");

/** Everything the page consists of; nothing is loaded from elsewhere. */
const FILES: readonly { readonly path: string; readonly file: string; readonly type: string }[] = [
  { path: "/", file: "dashboard/index.html", type: "text/html; charset=utf-8" },
  { path: "/style.css", file: "dashboard/style.css", type: "text/css; charset=utf-8" },
  ...["page", "format", "plot", "running-table", "ended-table", "summary"].map((name) => ({
    path: `/${name}.js`,
    file: `dist/dashboard/${name}.js`,
    type: "text/javascript; charset=utf-8",
  })),
];

/** What a browser may do with the page: run its own files, and ask this server. Nothing of it is inline. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Puts the live page and its feed on an endpoint. @throws Node's error when a file of the package is missing */
export async function addLivePage(endpoint: HttpEndpoint, feed: LiveFeed): Promise<void> {
  for (const { path, file, type } of FILES) {
    const content = await readFile(join(PACKAGE, file));
    endpoint.route(path, (response) => {
      response.writeHead(200, {
        "Content-Type": type,
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
      });
      response.end(content);
    });
  }
  endpoint.route("/events", (response) => feed.serve(response));
}
