import { unlink } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { BlockCache, CACHE_BYTES_MAX } from "../io/block-cache.js";
import { type FileSink, openFileSink, temporaryPathOf } from "../io/file-sink.js";
import { FileSource } from "../io/file-source.js";
import { type OpenedFile, openForRead, resolveForWrite, stateOfName } from "../io/root-path.js";
import type { ServerSettings } from "./options.js";
import type { PlacedRequest } from "./placement.js";
import { nameKey, RecentKeys } from "./recent-keys.js";

/** Names remembered: those of a boot menu and its images, many times over. */
const NAMES_MAX = 1024;

/** What of the settings decides how names become files. */
export type FileSettings = Pick<ServerSettings, "symlinks" | "ignoreCase" | "uploads">;

/** The files below a root, for the transfers of one thread: they share its block cache. */
export class FileService {
  #settings: FileSettings;
  readonly #cache: BlockCache;
  /** Names that were opened under these settings, and the state of their files then. */
  readonly #states = new RecentKeys<Pick<OpenedFile, "identity" | "state">>(NAMES_MAX);
  /** Looks at files that have not begun, by name. */
  readonly #looks = new Map<string, Promise<string | null>>();

  /** @param cacheBytesMax - bytes of files kept for the next reader */
  constructor(settings: FileSettings, cacheBytesMax = CACHE_BYTES_MAX) {
    this.#settings = settings;
    this.#cache = new BlockCache({ bytesMax: cacheBytesMax });
  }

  /** For what is opened from now on. */
  configure(settings: FileSettings): void {
    this.#settings = settings;
    this.#states.clear();
  }

  /** @throws the file system's error, ENOENT and EACCES for what the rule of names keeps out */
  async openSource(root: string, request: PlacedRequest): Promise<FileSource> {
    const { path } = request;
    const known = this.#states.get(nameKey(root, path));
    if (known !== undefined && (await this.#look(root, path)) === known.state) {
      const file = this.#cache.reuse(known.identity);
      if (file !== null) return new FileSource(this.#cache, file);
    }
    const settings = this.#settings;
    const opened = await openForRead(root, path, settings.symlinks, settings.ignoreCase);
    // What was allowed under the settings before a reload says nothing about those after it.
    if (settings === this.#settings) {
      this.#states.set(nameKey(root, path), { identity: opened.identity, state: opened.state });
    }
    return new FileSource(this.#cache, this.#cache.open(opened));
  }

  /**
   * The state of a file, seen after this call. Who asks in the same turn of the loop shares the look: machines that are
   * switched on together ask for the same few names, and a look is a third of what a small file costs.
   */
  #look(root: string, path: string): Promise<string | null> {
    const name = nameKey(root, path);
    let look = this.#looks.get(name);
    if (look === undefined) {
      look = nextTurn().then(() => {
        this.#looks.delete(name);
        return stateOfName(root, path);
      });
      this.#looks.set(name, look);
    }
    return look;
  }

  /**
   * @throws the file system's error; ENOSPC when the announced size does not fit or is not allowed, EEXIST and ENOENT
   * for what the policy of uploads keeps out
   */
  async openSink(root: string, request: PlacedRequest): Promise<FileSink> {
    const path = await this.#resolveForWrite(root, request);
    const { mode, offer } = request;
    const expectedBytes = mode === "octet" ? offer.declaredSizeBytes : null;
    const { bytesMax, mayReplace, mayCreate } = this.#settings.uploads;
    return openFileSink({
      path,
      expectedBytes,
      bytesMax,
      keepExisting: !mayReplace,
      onlyExisting: !mayCreate,
      temporaryTag: request.uploadTag,
    });
  }

  /** Removes what an upload left that nobody can finish any more. */
  async removeLeftOver(root: string, request: PlacedRequest): Promise<void> {
    try {
      const path = await this.#resolveForWrite(root, request);
      await unlink(temporaryPathOf(path, request.uploadTag));
    } catch {
      // It had not come so far, or was complete.
    }
  }

  #resolveForWrite(root: string, { path }: PlacedRequest): Promise<Buffer> {
    const { symlinks, ignoreCase } = this.#settings;
    return resolveForWrite(root, path, symlinks, ignoreCase);
  }
}
