import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import type { ServerRequest } from "./request.js";
import type { ServerResponse } from "./response.js";
import type { ServerTransfer } from "./server-transfer.js";

/** What a handler finds as `this`. */
export interface HandlerContext {
  /** Directory that is served. */
  readonly root: string;
  /** Answers from files below `root`, as the server's default listener does; once per request. */
  requestListener(req: ServerRequest, res: ServerResponse): void;
}

/** The default export of a handler module: a request listener that runs beside the engine, in the workers. */
export type RequestHandler = (
  this: HandlerContext,
  req: ServerRequest,
  res: ServerResponse,
) => void | Promise<void>;

/**
 * Asks the handler. What it throws, or rejects with, is an ERROR for the client, and told to `report`: an exception of
 * one request must not end a thread with hundreds.
 */
export function askHandler(
  handler: RequestHandler,
  root: string,
  report: (error: Error) => void,
  req: ServerRequest,
  res: ServerResponse,
  transfer: ServerTransfer,
): void {
  const fail = (error: unknown): void => {
    req.abort("Internal error");
    report(error instanceof Error ? error : new Error(String(error)));
  };
  const context: HandlerContext = {
    root,
    requestListener: (request) => {
      if (request === req && req.claim()) transfer.serveFiles(root);
    },
  };
  try {
    const running = handler.call(context, req, res);
    if (running instanceof Promise) running.catch(fail);
  } catch (error) {
    fail(error);
  }
}

/**
 * Loads a module, ESM or CommonJS, and takes its default export.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`) when that is no function; what the module throws
 */
export async function loadHandler(module: string): Promise<RequestHandler> {
  const specifier = isAbsolute(module) ? pathToFileURL(module).href : module;
  let loaded = (await import(specifier)) as { default?: unknown };
  // CommonJS compiled from an ES module: its default export is one level down.
  if (typeof loaded.default !== "function" && typeof loaded.default === "object" && loaded.default !== null) {
    loaded = loaded.default;
  }
  if (typeof loaded.default === "function") return loaded.default as RequestHandler;
  const error = new TypeError(`The handler ${module} has no function as its default export`);
  throw Object.assign(error, { code: "ERR_INVALID_ARG_TYPE" });
}
