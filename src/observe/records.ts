/** What is known of a transfer when it begins: the argument of `transferStart`. */
export interface TransferInfo {
  /** Counts up from 1 in the order in which a server's transfers begin. */
  readonly id: number;
  readonly method: "GET" | "PUT";
  /** The name below the root, normalised. It comes from the network: escape it before you print it. */
  readonly file: string;
  /** The name as the client sent it, before the rules of names. Escape it, too. */
  readonly requestedFile: string;
  readonly mode: "octet" | "netascii";
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The address that was asked. */
  readonly localAddress: string;
  /** Payload bytes per DATA packet, as granted. */
  readonly blockSize: number;
  /** Blocks per acknowledgement, as granted. */
  readonly windowSize: number;
  /** Bytes that the client of a PUT announced (`tsize`), else null. */
  readonly declaredBytes: number | null;
  /** How long the request waited for a place or for its file. */
  readonly waitedMs: number;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
}

/**
 * How a transfer can end.
 *
 * - `done`: all bytes arrived, and the last acknowledgement
 * - `last-ack-missing`: all bytes were sent, the last ACK never came; the client most likely has the file
 * - `probe`: the client only wanted to know the size, and refused the rest, as boot ROMs do: no failure
 * - `not-found`: no such file
 * - `denied`: no permission, or a link that leaves the root
 * - `refused`: another reason not to take it, such as a file that must not be replaced
 * - `disk-full`: no space, before or in the middle
 * - `disk-error`: the file could not be read or written, or changed while it was sent
 * - `aborted-by-client`: the client sent an ERROR in the middle
 * - `aborted`: this side gave up: a request listener, or the server was closed
 * - `timed-out`: the client never answered at all
 * - `peer-gone`: the client fell silent in the middle, or its port was closed
 * - `network-error`: what had to be sent could not be
 * - `protocol-error`: what the client sent makes no sense, or is not what it announced
 * - `superseded`: the same client asked anew, as machines do that were restarted
 * - `evicted`: at a limit, it gave way to another client's request
 * - `no-socket`: this machine is out of descriptors or ports
 * - `worker-crash`: the worker thread died
 */
export type TransferOutcome = (typeof transferOutcomes)[number];

/** Every {@link TransferOutcome}, for tables and tests. */
export const transferOutcomes = [
  "done",
  "last-ack-missing",
  "probe",
  "not-found",
  "denied",
  "refused",
  "disk-full",
  "disk-error",
  "aborted-by-client",
  "aborted",
  "timed-out",
  "peer-gone",
  "network-error",
  "protocol-error",
  "superseded",
  "evicted",
  "no-socket",
  "worker-crash",
] as const;

/** Outcomes that give nobody a reason to look: the client has what it wanted. */
const SUCCESSES: ReadonlySet<TransferOutcome> = new Set(["done", "last-ack-missing", "probe"]);

/** True unless the client did not get what it wanted. A size probe is no failure. */
export function isSuccess(outcome: TransferOutcome): boolean {
  return SUCCESSES.has(outcome);
}

/** How a transfer ended: the second argument of `transferEnd`. Counts are those up to the end of the data. */
export interface TransferResult {
  readonly outcome: TransferOutcome;
  /** Why, unless all bytes arrived. */
  readonly error: Error | null;
  /** From the admitted request to the end of the data. */
  readonly durationMs: number;
  /** From the request's arrival to the first answer, waiting included; null when there was none but an ERROR. */
  readonly firstAnswerMs: number | null;
  /** Size of the file where it is known. */
  readonly sizeBytes: number | null;
  /** Bytes of the file that arrived: acknowledged by the client, or stored; with `last-ack-missing` all of them. */
  readonly transferredBytes: number;
  readonly bytesPerSecond: number;
  /** DATA packets that were sent, repeated ones included. */
  readonly blocksSent: number;
  /** DATA packets that were sent more than once. */
  readonly retransmissions: number;
  /** Packets of the client that came more than once. */
  readonly duplicates: number;
  /** How often nothing came in time. */
  readonly timeouts: number;
  /** Packets of the client that made no sense. */
  readonly junk: number;
}

/** How far a running transfer is. */
export interface TransferProgress {
  readonly info: TransferInfo;
  /** Null until the file is open, and where nobody knows. */
  readonly sizeBytes: number | null;
  readonly transferredBytes: number;
}

/** Why a request did not become a transfer. */
export type RefusalReason =
  /** The datagram is no TFTP request. */
  | "malformed"
  /** `denyGET`, `denyPUT`. */
  | "denied"
  /** The name leaves the root, or holds control characters. */
  | "bad-name"
  /** A rule of the map refuses the name, or the map does not end. */
  | "mapped-away"
  /** Neither octet nor netascii. */
  | "bad-mode"
  /** Another transfer writes the file, or reads it. */
  | "file-in-use"
  /** The announced size can't be stored. */
  | "too-large"
  /** No place, and no room to wait for one. */
  | "busy";

/** A request that was refused before it became a transfer: the argument of `requestRefused`. */
export interface RefusalInfo {
  readonly reason: RefusalReason;
  /** Null where the datagram is no request. */
  readonly method: "GET" | "PUT" | null;
  /** As requested, null where the datagram is no request. Escape it before you print it. */
  readonly file: string | null;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  /** What the client was told. */
  readonly message: string;
}

/** What a server does at this moment. */
export interface ServerStatus {
  /** Transfers whose data is moving. */
  readonly activeTransfers: number;
  /** Requests that wait for a place or a file. */
  readonly queuedRequests: number;
  /** The threads that move data: first the one that takes requests, then the workers. */
  readonly threads: readonly ThreadStatus[];
}

/** One thread that moves data. */
export interface ThreadStatus {
  /** "main", or the number of a worker, "0" being the first; one that replaces a dead one takes its number. */
  readonly name: string;
  /** Transfers that it has. */
  readonly transfers: number;
  /** Milliseconds of its life in which its event loop ran code; with `idleMs`, two readings give its load. */
  readonly busyMs: number;
  /** Milliseconds in which it waited for something to do. */
  readonly idleMs: number;
}
