import { ErrorCode } from "./constants.js";
import type { ViolationName } from "./effects.js";

/** The ERROR packet that tells a peer what it did wrong; the texts are npm `tftp`'s. */
export function violationOnWire(name: ViolationName): {
  readonly errorCode: number;
  readonly message: string;
} {
  return ON_WIRE[name];
}

const ON_WIRE: Record<ViolationName, { errorCode: number; message: string }> = {
  EBADMSG: { errorCode: ErrorCode.notDefined, message: "Malformed TFTP message" },
  EBADOP: { errorCode: ErrorCode.illegalOperation, message: "Illegal TFTP operation" },
  EDENY: { errorCode: ErrorCode.optionNegotiation, message: "The request has been denied" },
  EFBIG: { errorCode: ErrorCode.notDefined, message: "File too big" },
  ESIZE: { errorCode: ErrorCode.diskFull, message: "Disk full or allocation exceeded" },
};

/** What the bytes received so far say against the number that was announced; null: nothing. */
export function sizeFault(announced: number | null, received: number, isLast: boolean): string | null {
  if (announced === null) return null;
  if (received > announced) return `more than the ${announced} bytes announced`;
  return isLast && received < announced ? `${received} bytes instead of the ${announced} announced` : null;
}
