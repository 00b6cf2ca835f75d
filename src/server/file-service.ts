import { unlink } from "node:fs/promises";
import { abortOnWire, errorTexts } from "../errors.js";
import { BlockCache } from "../io/block-cache.js";
import { openFileSink, temporaryPathOf } from "../io/file-sink.js";
import { FileSource } from "../io/file-source.js";
import { toStorageFailure } from "../io/fs-failure.js";
import { openForRead, resolveForWrite } from "../io/root-path.js";
import type { BlockSink, StorageFailure } from "../io/storage.js";
import type { SymlinkPolicy } from "./options.js";
import type { PlacedRequest } from "./placement.js";

/** The files below a root, for the transfers of one thread: they share its block cache. */
export class FileService {
  readonly #symlinks: SymlinkPolicy;
  readonly #cache: BlockCache;

  /** @param cacheBytesMax - bytes of files kept for the next reader */
  constructor(symlinks: SymlinkPolicy, cacheBytesMax: number) {
    this.#symlinks = symlinks;
    this.#cache = new BlockCache({ bytesMax: cacheBytesMax });
  }

  /** @throws the file system's error, ENOENT and EACCES for what the rule of names keeps out */
  async openSource(root: string, request: PlacedRequest): Promise<FileSource> {
    return new FileSource(this.#cache, await openForRead(root, request.fileKey, this.#symlinks));
  }

  /** @throws the file system's error; ENOSPC when the announced size does not fit */
  async openSink(root: string, request: PlacedRequest): Promise<BlockSink> {
    const path = await resolveForWrite(root, request.fileKey, this.#symlinks);
    const { mode, offer } = request;
    const expectedBytes = mode === "octet" ? offer.declaredSizeBytes : null;
    return openFileSink({ path, expectedBytes, temporaryTag: request.uploadTag });
  }

  /** Removes what an upload left that nobody can finish any more. */
  async removeLeftOver(root: string, request: PlacedRequest): Promise<void> {
    try {
      const path = await resolveForWrite(root, request.fileKey, this.#symlinks);
      await unlink(temporaryPathOf(path, request.uploadTag));
    } catch {
      // It had not come so far, or was complete.
    }
  }
}

/** Why the file system refused, and the ERROR packet for it. No text carries a path of this machine. */
export function refusalOf(cause: unknown): {
  readonly reason: StorageFailure["kind"];
  readonly cause: Error;
} {
  const failure = toStorageFailure(cause);
  return { reason: failure.kind, cause: failure.cause };
}

/** The text of a refusal, npm `tftp`'s. */
export function refusalText(reason: StorageFailure["kind"]): string {
  return REFUSAL_TEXTS[reason];
}

/** Number and text of a refusal in an ERROR packet. */
export function refusalPacket(reason: StorageFailure["kind"]): {
  readonly errorCode: number;
  readonly message: string;
} {
  return abortOnWire(refusalText(reason));
}

const REFUSAL_TEXTS: Record<StorageFailure["kind"], string> = {
  "not-found": errorTexts.ENOENT,
  access: errorTexts.EACCESS,
  "disk-full": errorTexts.ENOSPC,
  exists: errorTexts.EEXIST,
  changed: errorTexts.EIO,
  io: errorTexts.EIO,
};
