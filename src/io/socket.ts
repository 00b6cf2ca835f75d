/** One end of a UDP flow. `address` is an IP literal in canonical form (an IPv6 zone stays attached). */
export interface Peer {
  readonly address: string;
  /** UDP port, 1..65535: the peer's TID (RFC 1350 §4). */
  readonly port: number;
}

/** A run of equally sized datagrams whose 4-byte headers count up: the shape that batches and GSO want. */
export interface OutgoingRun {
  readonly kind: "run";
  readonly peer: Peer;
  /** The first two header bytes of every datagram, as a big-endian 16-bit number. */
  readonly opcode: number;
  /** Header bytes 2..3 of the first datagram; each following one is one higher. Never passes 65535 inside a run. */
  readonly firstNumber: number;
  /** How many datagrams; at least 1. */
  readonly count: number;
  /** Payload bytes of every datagram but the last, which takes what remains of `payload` (0 is allowed). */
  readonly payloadBytesEach: number;
  /** The payloads of all datagrams in a row. Borrowed until `send` returns; its content never changes afterwards. */
  readonly payload: Uint8Array;
}

/** One small datagram (a request, an ACK, an OACK, an ERROR), complete with its header. */
export interface OutgoingDatagram {
  readonly kind: "datagram";
  readonly peer: Peer;
  /** Owned by the socket from the call on: the caller does not touch it again. */
  readonly bytes: Uint8Array;
}

export type Outgoing = OutgoingRun | OutgoingDatagram;

/** A datagram that arrived. `bytes` is borrowed: it may be reused when the handler returns. */
export interface Incoming {
  readonly bytes: Uint8Array;
  readonly peer: Peer;
}

/** What a socket tells its owner. Set once, at opening. Handlers must not throw. */
export interface SocketHandlers {
  /** Everything that arrived for this socket in one turn of the loop, in order. */
  onDatagrams(batch: readonly Incoming[]): void;
  /** The socket broke, or the kernel can't reach the peer; the owner decides, and closes it. */
  onError(error: Error): void;
}

/** A bound UDP socket. */
export interface DatagramSocket {
  readonly localAddress: string;
  readonly localPort: number;
  /**
   * Takes all items, in order. When the kernel's buffer is full the implementation keeps the rest and goes on
   * when there is room: nothing is lost or reordered on this side. What it keeps is bounded by the windows of
   * the transfers that use the socket.
   */
  send(batch: readonly Outgoing[]): void;
  /** Stops receiving. Datagrams taken before are still sent. Idempotent. */
  close(): void;
  /** Whether the open socket keeps the process alive (it does from the start). */
  setReferenced(referenced: boolean): void;
}

/** Inclusive range of local UDP ports for transfers. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface OpenSocketOptions {
  /** Local IP literal to bind, or the unspecified address of its family. */
  readonly address: string;
  /** A fixed port, 0 for one of the kernel's choice, or a range to choose from at random. */
  readonly port: number | PortRange;
  /** Bytes asked for as kernel receive buffer; the kernel may grant less. 0 leaves its default. */
  readonly receiveBufferBytes?: number;
}

/** Opens sockets of one kind (dgram, native, simulated) for one thread. */
export interface SocketFactory {
  readonly kind: string;
  /** Largest number of datagrams one `send` passes on in one system call; 1 for node:dgram. */
  readonly maxBatch: number;
  /** Resolves with a bound socket; rejects with the system's error (`EADDRINUSE`, `EMFILE`, ...). */
  open(options: OpenSocketOptions, handlers: SocketHandlers): Promise<DatagramSocket>;
}

/** What kernels give a socket without being asked, about. */
const DEFAULT_BUFFER_BYTES = 131_072;

/** Most that is asked for: two of the largest windows. */
const RECEIVE_BUFFER_BYTES_MAX = 4_194_304;

/**
 * The receive buffer for windows of this size: two windows, as one may arrive while the other waits, and twice
 * that, as kernels charge a datagram for more than its bytes. 0 where the default will do.
 */
export function receiveBufferFor(blockSize: number, windowSize: number): number {
  const bytes = Math.min(blockSize * windowSize * 4, RECEIVE_BUFFER_BYTES_MAX);
  return bytes <= DEFAULT_BUFFER_BYTES ? 0 : bytes;
}
