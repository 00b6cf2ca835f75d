import type { OptionRow } from "../option-row.js";
import { tftpOption, wholeNumber } from "../value-kinds.js";

/** How much the server gives. */
export const limitOptions = [
  {
    name: "max-upload",
    kind: wholeNumber(0, 999_999_999_999_999),
    placeholder: "bytes",
    help: "largest file a PUT may bring",
    default: "what fits",
    group: "Limits of the server",
    library: "maxUploadSize",
  },
  {
    name: "max-transfers",
    kind: wholeNumber(1, 65_536),
    placeholder: "number",
    help: "transfers at a time",
    default: "4096",
    group: "Limits of the server",
    library: "maxTransfers",
  },
  {
    name: "max-transfers-per-client",
    kind: wholeNumber(1, 65_536),
    placeholder: "number",
    help: "transfers at a time of one address",
    default: "no limit",
    group: "Limits of the server",
    library: "maxTransfersPerClient",
  },
  {
    name: "max-queued-requests",
    kind: wholeNumber(0, 65_536),
    placeholder: "number",
    help: "requests that wait for a place",
    default: "1024",
    group: "Limits of the server",
    library: "maxQueuedRequests",
  },
  {
    name: "mtu",
    kind: wholeNumber(68, 65_535),
    placeholder: "bytes",
    help: "grant no block that needs IP fragments",
    default: "1500 without --blksize",
    group: "Limits of the server",
    library: "mtu",
  },
  {
    name: "refuse",
    kind: tftpOption,
    placeholder: "option",
    isRepeatable: true,
    help: "a TFTP option that is never granted, as blksize; may be repeated",
    group: "Limits of the server",
    library: "refuse",
  },
] as const satisfies readonly OptionRow[];
