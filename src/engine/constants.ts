/** Operation codes, RFC 1350 §5 and RFC 2347. */
export const Opcode = {
  rrq: 1,
  wrq: 2,
  data: 3,
  ack: 4,
  error: 5,
  oack: 6,
} as const;

/** Error codes, RFC 1350 appendix and RFC 2347 (8). */
export const ErrorCode = {
  notDefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTid: 5,
  fileExists: 6,
  noSuchUser: 7,
  optionNegotiation: 8,
} as const;

/** Names of the options that the engine handles itself; every other name is a user extension. */
export const OptionName = {
  blksize: "blksize",
  timeout: "timeout",
  utimeout: "utimeout",
  tsize: "tsize",
  windowsize: "windowsize",
  rollover: "rollover",
  multicast: "multicast",
  msftwindow: "msftwindow",
} as const;

/** Largest request datagram (RFC 2347: "the maximum size of a request packet is 512 octets"). */
export const REQUEST_BYTES_MAX = 512;

/** Opcode and block number, or opcode and error code. */
export const HEADER_BYTES = 4;

/** Block size without negotiation (RFC 1350 §2) and its negotiable range (RFC 2348). */
export const BLOCK_SIZE_DEFAULT = 512;
export const BLOCK_SIZE_MIN = 8;
export const BLOCK_SIZE_MAX = 65_464;

/**
 * In lock-step, so many blocks behind the newest ACK may be acknowledged before the engine sees them, where a socket can.
 * A store that wants a pause has to take them all the same.
 */
export const ACKS_AHEAD_MAX = 32;
export const ACKS_AHEAD_BYTES_MAX = 65_536;

/** Range of the windowsize option (RFC 7440 §3). */
export const WINDOW_SIZE_DEFAULT = 1;
export const WINDOW_SIZE_MAX = 65_535;

/**
 * Largest window either side really uses. Wire numbers repeat after 65,536 blocks, and a receiver must tell
 * a late duplicate of the last window from a block of the next one: two windows have to fit into one cycle.
 */
export const WINDOW_BLOCKS_MAX = 32_767;

/**
 * Most payload bytes in flight for one transfer, whatever blksize times windowsize says: the server grants a
 * smaller window, a receiver keeps no more out-of-order bytes. 1 MiB covers 65,464-byte blocks in windows of 16.
 */
export const FLIGHT_BYTES_MAX = 1_048_576;

/** Range of the timeout option in whole seconds (RFC 2349). */
export const TIMEOUT_SECONDS_MIN = 1;
export const TIMEOUT_SECONDS_MAX = 255;

/** De facto `utimeout` option, microseconds; less than 10 ms would only make both sides chatter. */
export const UTIMEOUT_MICROSECONDS_MIN = 10_000;
export const UTIMEOUT_MICROSECONDS_MAX = 255_000_000;

/**
 * Floor of the adaptive time-out (RFC 6298 §2.4 asks for 1 s, made for the Internet). TFTP lives on local
 * networks with round trips far below a millisecond; 25 ms stays above the scheduling jitter of both ends.
 */
export const RETRANSMIT_FLOOR_MS = 25;

/**
 * Floor on the receiving side. The sender's timer is the one that recovers from loss; the receiver repeats its
 * ACK for senders with slow fixed timers, and must not answer every short pause of a disk with one.
 */
export const RECEIVER_FLOOR_MS = 200;

/**
 * The second pause without progress grows by the first factor, each further one by the other, up to the configured
 * time-out (RFC 1123 §4.2.3.2). Two losses in a row are chance yet, at 5 % each way one block in a hundred; more
 * of them are an outage, and {@link SILENT_TRANSMISSIONS_MAX} have to reach over one of 5 s: at 25, 75, 475, 3475 and
 * 6475 ms with the default time-out.
 */
export const BACKOFF_FACTOR_FIRST = 2;
export const BACKOFF_FACTOR = 8;

/**
 * Answers that follow a time-out, without a clean sample between them, after which the time-out is believed to
 * be too short. One tells of a loss; a second one can, but is what a round trip that has grown looks like.
 */
export const DOUBTFUL_ANSWERS_MAX = 1;

/** A server's pause while no round trip is known (RFC 6298 §2.1). */
export const SERVER_INITIAL_PAUSE_MS = 1_000;

/** Beyond the client's time-out, before it counts as one that has our OACK: curl counts in whole seconds. */
export const SECOND_OACK_MARGIN_MS = 2_500;

/** curl repeats nothing sooner than after a second. */
export const CURL_REPETITION_MS_MIN = 1_000;

/** For so many blocks, a DATA 1 is compared with the first one: a second OACK comes early, or not at all. */
export const FIRST_BLOCK_COMPARED_BLOCKS = 1_000;

/** Growth of the pauses towards a peer that has never answered. */
export const UNPROVEN_BACKOFF_FACTOR = 2;

/** Transmissions of the first answer to a peer that has never answered: a spoofed request yields little. */
export const UNPROVEN_TRANSMISSIONS_MAX = 3;

/**
 * Transmissions of one thing to a peer that has answered before and says nothing any more, unless `retries` asks for
 * more: pauses grow, so the last of them is on its way for most of the patience.
 */
export const SILENT_TRANSMISSIONS_MAX = 6;

/**
 * The same for the ACK of a receiver, and the pause behind these. Some senders (the client of tftp-hpa) ignore an old
 * ACK, but start their own time-out of 5 s anew with it: who repeats it every three seconds keeps them silent for
 * ever. So after three repetitions, at 0.2, 0.6 and 3.6 s, they are left the time; then the ACK is repeated again, for
 * senders that have fallen silent while the link was away.
 */
export const RECEIVER_TRANSMISSIONS_MAX = 4;
export const RECEIVER_LATE_PAUSE_MS = 5_500;

/**
 * The pause of a sender whose time-out is not known, for a receiver that stays after its last ACK to repeat it (RFC
 * 1350 §6): npm `tftp` says 3 s in a form that nobody can take.
 */
export const DALLY_TIMEOUT_MS_MIN = 3_000;

/**
 * Added to the time-out while dallying: a sender that missed the last ACK repeats the last block one whole time-out
 * after it, and the copy has to arrive before the port is closed.
 */
export const DALLY_MARGIN_MS = 500;

/** After which the last ACK leaves again, unasked, for a sender that would miss it for minutes; doubled each time. */
export const LAST_ACK_AGAIN_MS = 250;

/**
 * How old a flight must be, in smoothed round trips and at least in milliseconds, before a repeated ACK is read
 * as "the first block of this window is lost" (windowsize above 1 only; see sender.ts).
 */
export const DUPLICATE_ACK_AGE_RTT = 0.75;
export const DUPLICATE_ACK_AGE_MS_MIN = 2;

/**
 * How long a sender waits, in smoothed round trips and at least in milliseconds, for more than an ACK that may be an echo
 * (see sender.ts). More can take a round trip, as the window slides by what the ACK named.
 */
export const ECHO_PAUSE_RTT = 1.5;
export const ECHO_PAUSE_MS_MIN = 1;

/** ACKs of repeated blocks that are believed at once, at most, after such ACKs have told of losses. */
export const ECHO_CREDIT_MAX = 16;

/**
 * How long a receiver waits, in smoothed round trips and at least in milliseconds, before it reports a gap: blocks that
 * merely overtook one another arrive in that time, and a report would have the sender repeat the window.
 */
export const GAP_GRACE_RTT = 0.25;
export const GAP_GRACE_MS_MIN = 1;
export const GAP_GRACE_MS_MAX = 20;

/**
 * How long a receiver must have got nothing new before a second copy of a window's first block is read as "the
 * sender repeats the window". Copies that the network makes come sooner, and no sender repeats after so short a pause.
 */
export const REPEATED_FLIGHT_AGE_MS = 10;

/**
 * Flights between two duplicate ACKs that are believed: on a busy machine or a jittery network mere duplicates come
 * late too, and may cost a twentieth of the data at most.
 */
export const DUPLICATE_ACK_FLIGHTS = 20;

/**
 * Pause between the parts of a window towards a receiver that lost the tail of one: its buffer holds less than a
 * window, and a millisecond (the finest a timer of ours gets) is plenty for it to be emptied.
 */
export const PACE_MS = 1;

/**
 * Blocks at the end of a window whose loss is taken for chance. At 5 % loss, three in a row are lost once in 8,000
 * windows; a receiver without room for a window loses more.
 */
export const CHANCE_BLOCKS_MAX = 2;

/** Whole windows that arrive before a part is made larger by a block again. */
export const PACE_RECOVERY_WINDOWS = 4;

/**
 * How long a transfer lives on after the network said that nobody listens at the peer's TID (ICMP port unreachable). Such
 * news can be forged, and a server whose worker died answers from that very port a moment later.
 */
export const GONE_GRACE_MS = 250;

/** Longest text of an ERROR packet that is sent or shown; the rest is cut. */
export const ERROR_TEXT_BYTES_MAX = 120;

/** PUT to a server without options: what 65,535 blocks of 512 bytes hold, for servers that do not roll over. */
export const PLAIN_PUT_BYTES_MAX = 65_535 * 512;
