import { ErrorCode, type Fault, violationOnWire } from "./engine/index.js";

/** The error names of npm `tftp` and their texts; `index.ts` exports each as a string constant. */
export const errorTexts = {
  ENOENT: "File not found",
  EACCESS: "Access violation",
  ENOSPC: "Disk full or allocation exceeded",
  EBADOP: "Illegal TFTP operation",
  ETID: "Unknown transfer ID",
  EEXIST: "File already exists",
  ENOUSER: "No such user",
  EDENY: "The request has been denied",
  ESOCKET: "Invalid remote socket",
  EBADMSG: "Malformed TFTP message",
  EABORT: "Aborted",
  EFBIG: "File too big",
  ETIME: "Timed out",
  EBADMODE: "Invalid transfer mode",
  EBADNAME: "Invalid filename",
  EIO: "I/O error",
  ENOGET: "Cannot GET files",
  ENOPUT: "Cannot PUT files",
  ERBIG: "Request bigger than 512 bytes (too much extensions)",
  ECONPUT: "Concurrent PUT request over the same file",
  ECURPUT: "The requested file is being written by another request",
  ECURGET: "The requested file is being read by another request",
} as const;

/** The name of an error text: each is exported as a constant. */
export type ErrorName = keyof typeof errorTexts;

const BRAND = Symbol.for("ntftp.TftpError");

/**
 * Every error that comes from the protocol. `instanceof` works across copies of the package.
 *
 * `code` is set wherever it is unambiguous: `ENOENT`, `EACCESS`, `ENOSPC`, `EBADOP`, `ETID`, `EEXIST`, `ENOUSER`,
 * `EDENY` for ERROR packets 1 to 8; `ETIME` (silence), `ERBIG` (request over 512 bytes), `EBADMSG`, `EBADOP`,
 * `EDENY`, `EFBIG` (what the peer did is against the protocol), `ESIZE` (not the number of bytes announced),
 * `ENOTFOUND` (host name), `EABORT` (this side ended it). ERROR packets with number 0 have only a text.
 */
export class TftpError extends Error {
  override readonly name = "TftpError";
  /** Stable name of the cause; see the class. Absent for ERROR packets with number 0. */
  readonly code?: string;
  /** The number of the ERROR packet that was received or sent, 0..8. */
  readonly tftpCode?: number;

  constructor(message: string, details: { code?: string; tftpCode?: number; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    if (details.code !== undefined) this.code = details.code;
    if (details.tftpCode !== undefined) this.tftpCode = details.tftpCode;
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

/** Makes the error of a failed transfer; `prefix` is "(Server) " on the client, as npm `tftp` has it. */
export function faultToError(fault: Fault, prefix: "(Server) " | ""): Error {
  switch (fault.kind) {
    case "peer-error": {
      const code = NAME_BY_CODE[fault.errorCode];
      const details = { tftpCode: fault.errorCode, ...(code === undefined ? {} : { code }) };
      return new TftpError(prefix + fault.message, details);
    }
    case "violation": {
      const { errorCode, message } = violationOnWire(fault.name);
      const text = fault.name === "ESIZE" ? `The peer sent ${fault.detail}` : prefix + message;
      return new TftpError(text, { code: fault.name, tftpCode: errorCode, cause: fault.detail });
    }
    case "timeout":
      return new TftpError(errorTexts.ETIME, { code: "ETIME" });
    case "aborted":
      return new TftpError(fault.message, { code: "EABORT", tftpCode: ErrorCode.notDefined });
    case "storage":
    case "network":
      return fault.cause;
  }
}

/** What `abort(error)` tells the peer: nothing, an Error or anything else becomes a text and its number. */
export function abortOnWire(error: unknown): { readonly errorCode: number; readonly message: string } {
  const text = error instanceof Error ? error.message : error ? String(error) : "";
  const message = text === "" ? errorTexts.EABORT : text;
  const errorCode = CODE_BY_TEXT.get(message) ?? ErrorCode.notDefined;
  return { errorCode, message };
}

const NAME_BY_CODE: readonly (ErrorName | undefined)[] = [
  undefined,
  "ENOENT",
  "EACCESS",
  "ENOSPC",
  "EBADOP",
  "ETID",
  "EEXIST",
  "ENOUSER",
  "EDENY",
];

const CODE_BY_TEXT: ReadonlyMap<string, number> = new Map(
  NAME_BY_CODE.flatMap((name, code) => (name === undefined ? [] : [[errorTexts[name], code] as const])),
);
