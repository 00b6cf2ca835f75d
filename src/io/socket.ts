import type { Piece } from "./storage.js";

/** One end of a UDP flow. `address` is an IP literal in canonical form (an IPv6 zone stays attached). */
export interface Peer {
  readonly address: string;
  /** UDP port, 1..65535: the peer's TID (RFC 1350 §4). */
  readonly port: number;
}

/** Equally sized datagrams in a row whose 4-byte headers count up: the shape that batches and GSO want. */
export interface DatagramRun {
  /** The first two header bytes of every datagram, as a big-endian 16-bit number. */
  readonly opcode: number;
  /** Header bytes 2..3 of the first datagram; each following one is one higher. Never passes 65535 inside a run. */
  readonly firstNumber: number;
  /** How many datagrams; at least 1. */
  readonly count: number;
  /** Payload bytes of every datagram but the last, which takes what remains (0 is allowed). */
  readonly payloadBytesEach: number;
  /** Where the payloads of all datagrams lie in a row. Its content never changes. */
  readonly payload: Piece;
}

/**
 * Answers given in advance: the next datagrams of the peer, as long as each is `datagramBytes` long and begins with
 * `opcode` and the number that follows, may be answered with `answerOpcode` and that number.
 */
export interface AnswersAhead {
  readonly opcode: number;
  readonly firstNumber: number;
  /** At least 1; the numbers don't pass 65535. */
  readonly count: number;
  readonly datagramBytes: number;
  readonly answerOpcode: number;
}

/** What a socket tells its owner. Set once, at opening. Handlers must not throw. */
export interface SocketHandlers {
  /**
   * A datagram arrived. `bytes` is borrowed: it is used again when the handler returns. `localAddress` is the one it
   * was sent to. Answers that handlers send while a batch is handed over leave together at its end.
   *
   * `isAnswered`: the socket has done so, as {@link DatagramSocket.answerAhead} allowed; never where that was not called.
   */
  onDatagram(bytes: Uint8Array, peer: Peer, localAddress: string, isAnswered?: boolean): void;
  /**
   * Something could not be sent, or the kernel heard that the peer is gone (`ECONNREFUSED`); the owner decides
   * whether that matters, and closes the socket if so.
   */
  onError(error: Error): void;
}

/**
 * A bound UDP socket. Nothing of what is sent is lost or reordered on this side: when the kernel's buffer is full,
 * the implementation keeps the rest and goes on when there is room. What it keeps is bounded by the windows of the
 * transfers that use the socket.
 */
export interface DatagramSocket {
  /** The bound address; the unspecified one where any was good enough. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Says whom runs go to. Its datagrams are handed over with this very object. Can change. */
  setPeer(peer: Peer): void;
  /** Sends to the peer. The memory is read until the end of the current turn of the loop. */
  sendRun(run: DatagramRun): void;
  /**
   * Sends one small datagram (a request, an ACK, an OACK, an ERROR), complete with its header.
   * @param bytes - the socket's from the call on
   * @param fromAddress - local address to send from, where the socket is bound to all of them
   */
  sendDatagram(bytes: Uint8Array, peer: Peer, fromAddress?: string): void;
  /**
   * Allows answers in advance, until the next datagrams are handed over. Absent where a socket gives none: a thread has to
   * sleep in the call that receives ({@link OpenSocketOptions.mayBlock}).
   */
  answerAhead?(ahead: AnswersAhead): void;
  /**
   * Opens a face of this socket for one peer: what comes from there goes to these handlers, and closing it leaves the
   * socket open. For ports that many transfers share.
   */
  openFlow(peer: Peer, handlers: SocketHandlers): DatagramSocket;
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
  /**
   * Largest datagram that makes sense here: of a larger one only so much arrives that its length shows, and in return
   * many are taken at once. 0 for any.
   */
  readonly datagramBytes?: number;
  /** Windows of DATA arrive here: in one piece, where the kernel joins them. */
  readonly receivesWindows?: boolean;
  /** Bind the unspecified address, and tell for each datagram the address that it was sent to. */
  readonly reportsLocalAddress?: boolean;
  /**
   * The thread has nothing else to do. While datagrams of one peer come one by one, it may sleep in the call that
   * receives them, for a few milliseconds at a time, and nothing else of the loop has its turn meanwhile.
   */
  readonly mayBlock?: boolean;
  /** A descriptor that is bound to this address and port already; node:dgram alone takes it. */
  readonly fd?: number;
}

/** A socket of a {@link SocketGroup}, as plain data: it crosses threads. */
export interface GroupMember {
  /** Of this process; it stays the group's. */
  readonly descriptor: number;
  readonly address: string;
  readonly port: number;
  readonly datagramBytes: number;
  readonly receivesWindows: boolean;
}

/**
 * Sockets on one address and port, for a thread each. The kernel keeps every peer on one of them. Whoever opened the
 * group holds it: a thread that joins again finds what arrived meanwhile, and no peer is moved.
 */
export interface SocketGroup {
  /** Sends from the port, and hears nothing. */
  readonly socket: DatagramSocket;
  readonly members: readonly GroupMember[];
  /** The port is free when those who joined have closed their sockets, too. */
  close(): void;
}

/** Opens sockets of one kind (dgram, native, simulated) for one thread. */
export interface SocketFactory {
  readonly kind: string;
  /** Whether {@link OpenSocketOptions.reportsLocalAddress} can be asked for. */
  readonly reportsLocalAddress: boolean;
  /** Resolves with a bound socket; rejects with the system's error (`EADDRINUSE`, `EMFILE`, ...). */
  open(options: OpenSocketOptions, handlers: SocketHandlers): Promise<DatagramSocket>;
  /**
   * Binds `count` sockets to one port, which nobody else may have. Absent where the kernel does not spread datagrams
   * over sockets. @throws the system's error, holding nothing
   */
  openGroup?(
    options: OpenSocketOptions & { readonly port: number },
    count: number,
    handlers: SocketHandlers,
  ): Promise<SocketGroup>;
  /**
   * Hears what comes to a member of a group, in any thread, but in one at a time.
   * @throws the system's error (`EMFILE`; `EBADF` for a group that was closed)
   */
  join?(member: GroupMember, handlers: SocketHandlers): DatagramSocket;
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

/** How a socket receives: DATA, in windows of this size, or for null ACKs and ERRORs alone. */
export function receivingOptions(
  data: { readonly blockSize: number; readonly windowSize: number } | null,
): Required<Pick<OpenSocketOptions, "receiveBufferBytes" | "datagramBytes" | "receivesWindows">> {
  const { blockSize, windowSize } = data ?? { blockSize: 0, windowSize: 0 };
  return {
    receiveBufferBytes: receiveBufferFor(blockSize, windowSize),
    datagramBytes: datagramBytesFor(blockSize),
    // In lock-step there is nothing to join, and being told of it costs more than the datagram.
    receivesWindows: windowSize > 1,
  };
}

/** Header, and the payload without negotiation: OACKs and ERRORs are no longer. */
const DATAGRAM_BYTES_MIN = 516;

/** The largest datagram that makes sense to a receiver. @param blockSize - of its DATA; 0 where only ACKs and ERRORs come */
export function datagramBytesFor(blockSize: number): number {
  return Math.max(DATAGRAM_BYTES_MIN, blockSize + 4);
}
