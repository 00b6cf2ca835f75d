import { stat } from "node:fs/promises";
import { posix } from "node:path";
import { BlockCache } from "../io/block-cache.js";
import { type FileSink, openFileSink } from "../io/file-sink.js";
import { FileSource } from "../io/file-source.js";
import { openLocalFile } from "../io/root-path.js";
import type { BlockSink } from "../io/storage.js";
import { threadRuntime } from "../runtime.js";
import { fromExtensionsObject, type Stats } from "../streams/stats.js";
import type { TransferOptions } from "./client.js";
import type { ClientSettings } from "./client-settings.js";
import { type ClientRequest, type ClientStore, ClientTransfer } from "./client-transfer.js";
import { DigestCheck, type ExpectedDigests } from "./get-stream.js";

/** How often `onProgress` is called while bytes move. */
const PROGRESS_MS = 100;

/** Called once when a `get` or `put` has ended, with an error or with nothing. */
export type Callback = (error?: Error | null) => void;

/** How far a transfer has come. */
export interface Progress {
  readonly transferredBytes: number;
  /** Null when the server did not say. */
  readonly totalBytes: number | null;
}

/** Options of `get` and `put`. */
export interface FileOptions extends TransferOptions, ExpectedDigests {
  /** Called about ten times a second, and once at the end of a complete transfer. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Called once, when both ends have agreed. */
  onStats?: ((stats: Stats) => void) | undefined;
}

/** The callback that ends the arguments, if one does. */
export function callbackOf(rest: readonly unknown[]): Callback | undefined {
  const last = rest.at(-1);
  return typeof last === "function" ? (last as Callback) : undefined;
}

/**
 * Reads `[name][, options]` in front of the callback: of a single argument a text is the name and an object (null
 * too) the options.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`) for anything else: an option that is lost in silence is worse
 */
export function parseFileArguments(rest: readonly unknown[]): {
  name: string | undefined;
  options: FileOptions;
} {
  const values = callbackOf(rest) === undefined ? [...rest] : rest.slice(0, -1);
  while (values.length > 0 && values.at(-1) === undefined) values.pop();
  const [first, second] = values;
  if (values.length < 2 && typeof first === "object")
    return { name: undefined, options: (first as FileOptions) ?? {} };
  if (values.length > 0 && typeof first !== "string") throw invalidArgument("file name", "string", first);
  if (second !== undefined && typeof second !== "object") throw invalidArgument("options", "object", second);
  return { name: first as string | undefined, options: (second as FileOptions | null | undefined) ?? {} };
}

/** @throws TypeError (`ERR_INVALID_ARG_TYPE`) for what is no path */
export function requirePath(local: unknown): void {
  if (typeof local === "string" || Buffer.isBuffer(local) || local instanceof URL) return;
  throw invalidArgument("local file name", "string", local);
}

function invalidArgument(what: string, wanted: string, value: unknown): TypeError {
  const error = new TypeError(
    `The ${what} must be of type ${wanted}. Received ${typeof value} (${String(value)})`,
  );
  return Object.assign(error, { code: "ERR_INVALID_ARG_TYPE" });
}

/** Downloads into a local file. */
export async function getFile(
  settings: ClientSettings,
  remoteName: string,
  local: string,
  options: FileOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  await refuseDirectory(local, true);
  const check = DigestCheck.from(options);
  const file = await openFileSink({ path: Buffer.from(local), allowSpecial: true });
  const sink = check === null ? file : checkedSink(file, check);
  const request: ClientRequest = {
    method: "GET",
    remoteName,
    mode: options.mode ?? "octet",
    userExtensions: fromExtensionsObject(options.userExtensions),
    sizeBytes: 0,
  };
  try {
    await runTransfer(settings, request, { sink }, options, (sizeBytes) => file.expect(sizeBytes));
  } catch (error) {
    await file.settled();
    throw error;
  }
}

/** Uploads a local file. */
export async function putFile(
  settings: ClientSettings,
  local: string,
  remoteName: string,
  options: FileOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  await refuseDirectory(local, false);
  const opened = await openLocalFile(local);
  const cache = new BlockCache();
  const source = new FileSource(cache, cache.open(opened));
  const request: ClientRequest = {
    method: "PUT",
    remoteName,
    mode: options.mode ?? "octet",
    userExtensions: fromExtensionsObject(options.userExtensions),
    sizeBytes: opened.sizeBytes,
  };
  await runTransfer(settings, request, { source }, options);
}

/** The default remote name of a local file. */
export function basenameOf(local: string): string {
  return posix.basename(process.platform === "win32" ? local.replaceAll("\\", "/") : local);
}

function runTransfer(
  settings: ClientSettings,
  request: ClientRequest,
  store: ClientStore,
  options: FileOptions,
  onSize?: (sizeBytes: number) => void,
): Promise<void> {
  const { signal, onProgress } = options;
  return new Promise((resolve, reject) => {
    let totalBytes: number | null = request.method === "PUT" ? request.sizeBytes : null;
    const report = () => onProgress?.({ transferredBytes: transfer.transferredBytes, totalBytes });
    const timer = onProgress === undefined ? null : setInterval(report, PROGRESS_MS);
    const settle = (): void => {
      if (timer !== null) clearInterval(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      settle();
      transfer.abort(0, "Aborted");
      reject(signal?.reason);
    };
    const transfer = new ClientTransfer(threadRuntime(), settings, request, store, {
      onStats: (stats) => {
        if (request.method === "GET") totalBytes = stats.size;
        if (stats.size !== null) onSize?.(stats.size);
        options.onStats?.(stats);
      },
      onCompleted: () => {
        settle();
        report();
        resolve();
      },
      onFailed: (error) => {
        settle();
        reject(error);
      },
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    transfer.start();
  });
}

async function refuseDirectory(local: string, mayBeMissing: boolean): Promise<void> {
  let isDirectory: boolean;
  try {
    isDirectory = (await stat(local)).isDirectory();
  } catch (error) {
    if (mayBeMissing && (error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (isDirectory) throw new Error("The local file is a directory");
}

/** A file that takes its name only when the sum is right. */
function checkedSink(file: FileSink, check: DigestCheck): BlockSink {
  let onFailure: ((cause: Error) => void) | null = null;
  return {
    attach: (handlers) => {
      onFailure = (cause) => handlers.onFailure({ kind: "io", cause });
      file.attach(handlers);
    },
    write: (bytes) => {
      check.update(bytes);
      return file.write(bytes);
    },
    finish: () => {
      const error = check.verdict();
      if (error === null) file.finish();
      else onFailure?.(error);
    },
    discard: () => file.discard(),
  };
}
