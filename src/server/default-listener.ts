import { errorTexts } from "../errors.js";
import { BlockCache } from "../io/block-cache.js";
import { openFileSink } from "../io/file-sink.js";
import { FileSource } from "../io/file-source.js";
import { toStorageFailure } from "../io/fs-failure.js";
import { openForRead, resolveForWrite } from "../io/root-path.js";
import type { StorageFailure } from "../io/storage.js";
import type { ServerSettings } from "./options.js";
import type { ServerRequest } from "./request.js";
import type { ServerTransfer } from "./server-transfer.js";

/** Answers requests from the files below a root. */
export class DefaultListener {
  readonly #settings: ServerSettings;
  readonly #cache = new BlockCache();

  constructor(settings: ServerSettings) {
    this.#settings = settings;
  }

  /** Serves one claimed request; refuses it with the fitting ERROR when the file system says no. */
  serve(root: string, req: ServerRequest, transfer: ServerTransfer): void {
    const served = req.method === "GET" ? this.#send(root, transfer) : this.#store(root, transfer);
    served.catch((error: Error) => req.refuse(REFUSAL_TEXTS[toStorageFailure(error).kind], error));
  }

  async #send(root: string, transfer: ServerTransfer): Promise<void> {
    const opened = await openForRead(root, transfer.fileKey, this.#settings.symlinks);
    transfer.sendFrom(new FileSource(this.#cache, opened), opened.sizeBytes);
  }

  async #store(root: string, transfer: ServerTransfer): Promise<void> {
    const path = await resolveForWrite(root, transfer.fileKey, this.#settings.symlinks);
    const { mode, offer } = transfer.request;
    const expectedBytes = mode === "octet" ? offer.declaredSizeBytes : null;
    transfer.receiveInto(await openFileSink({ path, expectedBytes }));
  }
}

/** No text carries a path of this machine; the listeners of `req` get the whole error. */
const REFUSAL_TEXTS: Record<StorageFailure["kind"], string> = {
  "not-found": errorTexts.ENOENT,
  access: errorTexts.EACCESS,
  "disk-full": errorTexts.ENOSPC,
  exists: errorTexts.EEXIST,
  changed: errorTexts.EIO,
  io: errorTexts.EIO,
};
