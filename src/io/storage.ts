/**
 * Where the bytes of a transfer come from and go to. Offsets are absolute byte positions in the stored
 * form of the file (octets as on disk); translation to netascii happens above, in the driver.
 */

/** Why a store could not go on; the driver turns it into an ERROR packet and an error of the transfer. */
export interface StorageFailure {
  readonly kind: "not-found" | "access" | "disk-full" | "exists" | "changed" | "io";
  /** The underlying error, for the local caller; its text is never sent to the peer. */
  readonly cause: Error;
}

/** A stretch of a larger memory. (Views would say the same; making one costs more than sending a block.) */
export interface Piece {
  readonly memory: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** No bytes at all. */
export const NO_PIECE: Piece = { memory: new Uint8Array(0), offset: 0, length: 0 };

/** The bytes of a piece, for those who need them as such. */
export function viewOf({ memory, offset, length }: Piece): Uint8Array {
  return memory.subarray(offset, offset + length);
}

/** How a source calls back; never within `attach`. */
export interface SourceHandlers {
  /** More bytes became available (see {@link BlockSource.availableBytes}), or the end became known. */
  onAvailable(): void;
  onFailure(failure: StorageFailure): void;
}

/**
 * Supplies the bytes of a transfer in order, with random access to what has not been released.
 * Used by one transfer; several sources may share memory underneath.
 */
export interface BlockSource {
  /** Total bytes where known (`null` for a stream without a size). Does not change once the source is in use. */
  readonly sizeBytes: number | null;
  /** Bytes from the start that can be read at once: `[released, availableBytes)`. Never falls. */
  readonly availableBytes: number;
  /** True when `availableBytes` is the end of the data. */
  readonly ended: boolean;
  /** Registers the handlers; called once before anything else. */
  attach(handlers: SourceHandlers): void;
  /** Asks for bytes up to `uptoBytes` (exclusive) to become available; repeated and overlapping calls are fine. */
  want(uptoBytes: number): void;
  /**
   * The longest contiguous piece that starts at `offset` and holds at most `length` bytes; at least 1 byte, all of
   * it available. The memory keeps its content until garbage collected.
   */
  locate(offset: number, length: number): Piece;
  /** Bytes below `uptoBytes` will not be read again. */
  release(uptoBytes: number): void;
  /** Gives everything back. Idempotent; no handler is called afterwards. */
  close(): void;
}

export interface SinkHandlers {
  /** After `write` returned false: there is room again. */
  onDrained(): void;
  /** `finish` succeeded: the file is complete under its final name. */
  onFinished(): void;
  onFailure(failure: StorageFailure): void;
}

/** Takes the bytes of a transfer in order. All or nothing: only `finish` makes the file appear. */
export interface BlockSink {
  attach(handlers: SinkHandlers): void;
  /**
   * Takes bytes; copies what it keeps (`bytes` is borrowed). Returns false when the sink wants no more
   * until `onDrained`; bytes given all the same are taken: at most one window, or 64 KiB that were acknowledged in
   * advance, arrive after a false.
   */
  write(bytes: Uint8Array): boolean;
  /** No more bytes: make the file durable under its final name, then `onFinished`. */
  finish(): void;
  /** Drops everything that was written; nothing is left behind. Idempotent; also after a failure. */
  discard(): void;
}
