import type { FileSource } from "../io/file-source.js";
import type { ThreadStatus } from "../observe/records.js";
import { FileService } from "./file-service.js";
import { LocalPlacement } from "./local-placement.js";
import type { ServerSettings } from "./options.js";
import type { AnswerMode, PlacedRequest, PlacedTransfer, PlacementHandlers } from "./placement.js";
import { nameKey, RecentKeys } from "./recent-keys.js";
import type { HostThread } from "./transfer-host.js";
import type { ClonedFailure, FromWorker } from "./worker-messages.js";

/** Blocks of a brief transfer: to hand one to a worker and to hear of its end costs this thread as much as about so many. */
const BLOCKS_MAX = 8;

/** Names remembered: those of boot menus, and the many that loaders ask for in vain. */
const NAMES_MAX = 4096;

/** Brief files in memory. */
const CACHE_BYTES = 1_048_576;

/**
 * Downloads that are over after a few datagrams, in the server's own thread: menus, configurations, and names that do
 * not exist. What is brief shows when a name is asked for the first time, in a worker.
 */
export class BriefTransfers {
  readonly #thread: HostThread;
  readonly #placement: LocalPlacement;
  /** Bytes of the file, 0 where there is none. */
  readonly #sizes = new RecentKeys<number>(NAMES_MAX);

  constructor({ runtime, settings }: HostThread) {
    this.#thread = { runtime, settings, files: new MeasuringFiles(settings, this.#sizes), transferCount: 0 };
    this.#placement = new LocalPlacement(this.#thread);
  }

  /** What these transfers do to this thread. */
  threads(): readonly ThreadStatus[] {
    return this.#placement.threads();
  }

  /** Names may mean other files from now on. */
  configure(settings: ServerSettings): void {
    this.#thread.settings = settings;
    this.#thread.files.configure(settings);
    this.#sizes.clear();
  }

  /** Starts the transfer here, if it is known to be brief; null: it is a worker's. */
  place(
    request: PlacedRequest,
    answer: AnswerMode,
    root: string,
    handlers: PlacementHandlers,
  ): PlacedTransfer | null {
    // Who shares the request port is heard by a worker. Listeners and handlers may do anything with a request.
    if (answer !== "files" || request.method !== "GET" || request.heardBy !== null) return null;
    const bytes = this.#sizes.get(nameKey(root, request.path));
    if (bytes === undefined || bytes >= BLOCKS_MAX * request.offer.parameters.blockSize) return null;
    return this.#placement.place(request, answer, root, handlers);
  }

  /** What a worker tells of a transfer from files. */
  take(root: string, { method, path }: PlacedRequest, message: FromWorker): void {
    if (method !== "GET") return;
    if (message.kind === "completed") {
      this.#sizes.set(nameKey(root, path), message.account.sizeBytes ?? Number.POSITIVE_INFINITY);
    } else if (message.kind === "failed" && isMissing(message.failure)) {
      this.#sizes.set(nameKey(root, path), 0);
    }
  }
}

function isMissing(failure: ClonedFailure): boolean {
  return failure.kind === "refused" && failure.reason === "not-found";
}

/** Notes the size of each file that is opened: one that has grown is a worker's the next time. */
class MeasuringFiles extends FileService {
  readonly #sizes: RecentKeys<number>;

  constructor(settings: ServerSettings, sizes: RecentKeys<number>) {
    super(settings, CACHE_BYTES);
    this.#sizes = sizes;
  }

  override async openSource(root: string, request: PlacedRequest): Promise<FileSource> {
    const source = await super.openSource(root, request);
    this.#sizes.set(nameKey(root, request.path), source.sizeBytes);
    return source;
  }
}
