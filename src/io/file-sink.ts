import { randomBytes } from "node:crypto";
import { close, constants, fchmod, fsync, open, write } from "node:fs";
import { link, rename, stat, statfs, unlink } from "node:fs/promises";
import { promisify } from "node:util";
import { fsError, toStorageFailure } from "./fs-failure.js";
import type { BlockSink, SinkHandlers, StorageFailure } from "./storage.js";

/** Blocks are gathered into writes of this size: each wakes another thread, and then this one. */
const WRITE_BYTES = 131_072;

/** Bytes that may wait for the disk before the sender is held back. */
const QUEUED_BYTES_MAX = 2 * WRITE_BYTES;

/** Longest part of the final name that the temporary one repeats: with prefix and suffix it stays below 255. */
const NAME_BYTES_MAX = 200;

export interface FileSinkOptions {
  /** Where the file appears when it is complete. */
  readonly path: Buffer;
  /** Announced size: checked against the free space, and not exceeded. */
  readonly expectedBytes?: number | null;
  /** Most bytes that are taken, whatever was announced. */
  readonly bytesMax?: number;
  /** Keep a file that is there: the upload fails with "exists". */
  readonly keepExisting?: boolean;
  /** Make no new file: without one that is there, the upload fails with "not-found". */
  readonly onlyExisting?: boolean;
  /** Have the bytes on the disk, not just with the system, before the file appears. */
  readonly sync?: boolean;
  /** The part of the temporary name that chance decides otherwise; who knows it can clean up after a crash. */
  readonly temporaryTag?: string;
  /** Devices and FIFOs are written to directly (the client's `/dev/null`); otherwise they are refused. */
  readonly allowSpecial?: boolean;
}

/**
 * Opens a sink that makes a file appear whole or not at all: bytes go to `.NAME.<random>.part` in the same
 * directory, which takes the final name when the last of them is written.
 *
 * @throws the file system's error; ENOSPC when the announced size does not fit or is more than `bytesMax`
 */
export async function openFileSink(options: FileSinkOptions): Promise<FileSink> {
  const { path } = options;
  const existing = await statOrNull(path);
  if (existing?.isDirectory()) throw fsError("EISDIR", "illegal operation on a directory", path.toString());
  if (existing !== null && !existing.isFile()) {
    if (!options.allowSpecial) throw fsError("EACCES", "not a regular file", path.toString());
    return new FileSink(await openFile(path, constants.O_WRONLY), null, options);
  }
  if (existing !== null && options.keepExisting)
    throw fsError("EEXIST", "file already exists", path.toString());
  if (existing === null && options.onlyExisting)
    throw fsError("ENOENT", "no such file to replace", path.toString());
  if ((options.expectedBytes ?? 0) > (options.bytesMax ?? Number.POSITIVE_INFINITY))
    throw fsError("ENOSPC", "more bytes announced than an upload may have", path.toString());
  await checkSpace(path, options.expectedBytes ?? 0);
  const temporary = temporaryPathOf(path, options.temporaryTag ?? randomTag());
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
  const fd = await openFile(temporary, flags, 0o666).catch((error: NodeJS.ErrnoException) => {
    // The user knows the name that was asked for, not ours.
    error.message = error.message.replace(temporary.toString(), path.toString());
    error.path = path.toString();
    throw error;
  });
  if (existing !== null) await fchmodFile(fd, existing.mode & 0o777).catch(() => undefined);
  return new FileSink(fd, temporary, options);
}

/** Makes temporary names unpredictable. */
export function randomTag(): string {
  return randomBytes(8).toString("hex");
}

/** The name under which the bytes of an upload gather. */
export function temporaryPathOf(path: Buffer, tag: string): Buffer {
  const slash = path.lastIndexOf(0x2f);
  const name = path.subarray(slash + 1).subarray(0, NAME_BYTES_MAX);
  return Buffer.concat([path.subarray(0, slash + 1), Buffer.from("."), name, Buffer.from(`.${tag}.part`)]);
}

/** See {@link openFileSink}. */
export class FileSink implements BlockSink {
  readonly #fd: number;
  /** Null when bytes go straight to a special file. */
  readonly #temporary: Buffer | null;
  readonly #options: FileSinkOptions;
  #handlers: SinkHandlers | null = null;
  /** Full buffers, in order; the first is being written. */
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #buffer: Uint8Array = new Uint8Array(0);
  #buffered = 0;
  /** A large buffer that was written and serves again: a new one would have to be cleared first. */
  #spare: Uint8Array | null = null;
  #receivedBytes = 0;
  #position = 0;
  #writing = false;
  /** False as soon as `close` was called, whatever it says. */
  #isOpen = true;
  #finishing = false;
  #saturated = false;
  /** More came than may: the failure is about to be told. */
  #failing = false;
  #over = false;
  #settle: () => void = () => undefined;
  readonly #settled = new Promise<void>((resolve) => {
    this.#settle = resolve;
  });

  constructor(fd: number, temporary: Buffer | null, options: FileSinkOptions) {
    this.#fd = fd;
    this.#temporary = temporary;
    this.#options = options;
  }

  attach(handlers: SinkHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over || this.#failing) return true;
    this.#receivedBytes += bytes.length;
    const { expectedBytes, bytesMax, path } = this.#options;
    if (this.#receivedBytes > Math.min(expectedBytes ?? Infinity, bytesMax ?? Infinity)) {
      this.#failLater(fsError("ENOSPC", "more bytes than announced or allowed", path.toString()));
      // Nothing more, and no ACK of what won't be stored.
      return false;
    }
    for (let taken = 0; taken < bytes.length; ) {
      if (this.#buffered === this.#buffer.length) this.#nextBuffer();
      const count = Math.min(bytes.length - taken, this.#buffer.length - this.#buffered);
      // A view costs nearly as much as copying a block.
      const part = count === bytes.length ? bytes : bytes.subarray(taken, taken + count);
      this.#buffer.set(part, this.#buffered);
      this.#buffered += count;
      taken += count;
    }
    // Who was told to wait is told by `onDrained`, and by nothing else.
    if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#saturated = true;
    return !this.#saturated;
  }

  finish(): void {
    if (this.#failing) return;
    this.#finishing = true;
    this.#enqueueBuffer();
    if (!this.#writing) void this.#complete();
  }

  discard(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handlers = null;
    // A write under way uses the descriptor: its callback cleans up.
    if (!this.#writing) this.#remove();
  }

  /** The size became known later: fails at once, not at the last byte that fits, when there is no room for it. */
  expect(bytes: number): void {
    if (this.#temporary === null) return;
    checkSpace(this.#options.path, bytes).catch((error: Error) => {
      if (!this.#over) this.#fail(error);
    });
  }

  /** Resolves when the file has its name, or when nothing is left of it. */
  settled(): Promise<void> {
    return this.#settled;
  }

  /** The first buffer is small: most uploads that ever happen are configuration files. */
  #nextBuffer(): void {
    this.#enqueueBuffer();
    const spare = this.#spare;
    this.#spare = null;
    this.#buffer = spare ?? new Uint8Array(this.#receivedBytes <= 4096 ? 4096 : WRITE_BYTES);
  }

  #enqueueBuffer(): void {
    if (this.#buffered === 0) return;
    this.#queue.push(this.#buffer.subarray(0, this.#buffered));
    this.#queuedBytes += this.#buffered;
    this.#buffer = new Uint8Array(0);
    this.#buffered = 0;
    if (!this.#writing) this.#writeNext();
  }

  #writeNext(): void {
    const bytes = this.#queue[0];
    if (bytes === undefined) {
      if (this.#finishing) void this.#complete();
      return;
    }
    this.#writing = true;
    // Special files (a pipe, a terminal) have no positions.
    const position = this.#temporary === null ? null : this.#position;
    write(this.#fd, bytes, 0, bytes.length, position, (error, count) => {
      this.#writing = false;
      if (this.#over) this.#remove();
      else if (error !== null) this.#fail(error);
      else this.#wrote(bytes, count);
    });
  }

  #wrote(bytes: Uint8Array, count: number): void {
    this.#position += count;
    this.#queuedBytes -= count;
    if (count < bytes.length) this.#queue[0] = bytes.subarray(count);
    else {
      this.#queue.shift();
      if (bytes.buffer.byteLength === WRITE_BYTES) this.#spare = new Uint8Array(bytes.buffer);
    }
    this.#writeNext();
    if (!this.#saturated || this.#queuedBytes > QUEUED_BYTES_MAX / 2) return;
    this.#saturated = false;
    this.#handlers?.onDrained();
  }

  async #complete(): Promise<void> {
    this.#writing = true;
    try {
      if (this.#options.sync) await fsyncFile(this.#fd);
      if (this.#over) throw new Error("discarded");
      // Network file systems may say only now what they could not store: before the file takes the old one's place.
      this.#isOpen = false;
      await closeFile(this.#fd);
      if (this.#over) throw new Error("discarded");
      if (this.#temporary !== null) await this.#publish(this.#temporary);
    } catch (error) {
      this.#writing = false;
      if (this.#over) this.#remove();
      else this.#fail(error as Error);
      return;
    }
    // From here on the file is there, whatever happens to the transfer.
    this.#over = true;
    this.#settle();
    this.#handlers?.onFinished();
  }

  async #publish(temporary: Buffer): Promise<void> {
    const { path, keepExisting } = this.#options;
    try {
      if (keepExisting) await renameToNew(temporary, path);
      else await rename(temporary, path);
    } catch (error) {
      // As above: our own name for it says nothing to anybody.
      const failure = error as NodeJS.ErrnoException;
      failure.message = failure.message.replace(`'${temporary}' -> `, "");
      throw failure;
    }
  }

  #failLater(error: Error): void {
    this.#failing = true;
    process.nextTick(() => {
      if (!this.#over) this.#fail(error);
    });
  }

  #fail(error: Error): void {
    const handlers = this.#handlers;
    const failure: StorageFailure = toStorageFailure(error);
    this.discard();
    handlers?.onFailure(failure);
  }

  #remove(): void {
    const unlinkTemporary = (): void => {
      const temporary = this.#temporary;
      // Best effort: the directory itself may be gone.
      const removed = temporary === null ? Promise.resolve() : unlink(temporary).catch(() => undefined);
      removed.then(() => this.#settle());
    };
    if (this.#isOpen) close(this.#fd, unlinkTemporary);
    else unlinkTemporary();
  }
}

const openFile = promisify(open);
const closeFile = promisify(close);
const fsyncFile = promisify(fsync);
const fchmodFile = promisify(fchmod);

/** What file systems without hard links (FAT, as on the boot partitions of small boards) say to `link`. */
const NO_LINKS_CODES: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** @throws EEXIST when a file appeared meanwhile */
async function renameToNew(temporary: Buffer, path: Buffer): Promise<void> {
  try {
    // Unlike rename, link refuses to replace a file.
    await link(temporary, path);
  } catch (error) {
    if (!NO_LINKS_CODES.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    // Uploads of one name exclude each other; a program of this machine may still come in between.
    if ((await statOrNull(path)) !== null) throw fsError("EEXIST", "file already exists", path.toString());
    return rename(temporary, path);
  }
  await unlink(temporary);
}

async function statOrNull(path: Buffer): Promise<import("node:fs").Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function directoryOf(path: Buffer): Buffer {
  const slash = path.lastIndexOf(0x2f);
  return slash < 0 ? Buffer.from(".") : path.subarray(0, Math.max(slash, 1));
}

/** A file system that can't tell may well have the room: then the writes say it. @throws ENOSPC */
async function checkSpace(path: Buffer, bytes: number): Promise<void> {
  if (bytes === 0) return;
  const free = await statfs(directoryOf(path)).catch(() => null);
  if (free !== null && free.bavail * free.bsize < bytes)
    throw fsError("ENOSPC", "no space left on device", path.toString());
}
