import { ErrorCode, type StorageReply } from "../engine/index.js";
import type { StorageFailure } from "../io/storage.js";

/** The ERROR packet for a failing store. The texts are npm `tftp`'s; none carries a path of this machine. */
export function storageReplyFor(failure: StorageFailure): StorageReply {
  return { kind: "failed", ...storageFailureOnWire(failure.kind), cause: failure.cause };
}

/** Number and text of a failing store in an ERROR packet. */
export function storageFailureOnWire(kind: StorageFailure["kind"]): {
  readonly errorCode: number;
  readonly message: string;
} {
  return ON_WIRE[kind];
}

const ON_WIRE: Record<StorageFailure["kind"], { errorCode: number; message: string }> = {
  "not-found": { errorCode: ErrorCode.fileNotFound, message: "File not found" },
  access: { errorCode: ErrorCode.accessViolation, message: "Access violation" },
  "disk-full": { errorCode: ErrorCode.diskFull, message: "Disk full or allocation exceeded" },
  exists: { errorCode: ErrorCode.fileExists, message: "File already exists" },
  changed: { errorCode: ErrorCode.notDefined, message: "I/O error" },
  io: { errorCode: ErrorCode.notDefined, message: "I/O error" },
};
