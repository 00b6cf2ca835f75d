import type { Rollover } from "./block-number.js";
import type { Option } from "./codec.js";
import {
  BLOCK_SIZE_DEFAULT,
  BLOCK_SIZE_MAX,
  BLOCK_SIZE_MIN,
  FLIGHT_BYTES_MAX,
  OptionName,
  TIMEOUT_SECONDS_MAX,
  TIMEOUT_SECONDS_MIN,
  UTIMEOUT_MICROSECONDS_MAX,
  UTIMEOUT_MICROSECONDS_MIN,
  WINDOW_BLOCKS_MAX,
  WINDOW_SIZE_DEFAULT,
  WINDOW_SIZE_MAX,
} from "./constants.js";

/** What both ends agreed on; the RFC 1350 defaults where nothing was negotiated. */
export interface TransferParameters {
  readonly blockSize: number;
  readonly windowSize: number;
  readonly rollover: Rollover;
  /** The negotiated time-out, or null: each side uses its own. */
  readonly timeoutMs: number | null;
}

export const PLAIN_PARAMETERS: TransferParameters = {
  blockSize: BLOCK_SIZE_DEFAULT,
  windowSize: WINDOW_SIZE_DEFAULT,
  rollover: 0,
  timeoutMs: null,
};

/** The most a server grants. */
export interface ServerPolicy {
  readonly blockSizeMax: number;
  readonly windowSizeMax: number;
  /** Names, in lower case, of options that are treated as unknown ones would be: without an answer. */
  readonly refusedOptions?: ReadonlySet<string>;
}

/** A server's reading of the options of a request, before size and user extensions are known. */
export interface Offer {
  readonly parameters: TransferParameters;
  /** True when `tsize` was asked for. */
  readonly sizeAsked: boolean;
  /** WRQ: the announced size in bytes (may be beyond what a number holds exactly); null: unknown. */
  readonly declaredSizeBytes: number | null;
  /** Options the engine does not know, in the spelling of the client; first occurrence wins. */
  readonly userExtensions: ReadonlyMap<string, string>;
  /** Granted or still open answers in the order of the request; `null` stands for a value to come. */
  readonly answers: readonly { readonly name: string; readonly value: string | null }[];
  /** The request looks like curl's, for which an OACK with tsize 0 is fatal. */
  readonly fatalEmptySize: boolean;
  /**
   * Set where the request looks like an upload of curl's: after how long it repeats its request, ms. curl goes on to its
   * next block when an OACK comes twice, sends a block again for each ACK of the one before, and without `--max-time`
   * waits 72 s before it repeats a block by itself.
   */
  readonly curlUploadTimeoutMs: number | null;
}

/**
 * Reads the options of a request (RFC 2347): names match in any case, unknown ones and known ones with an
 * unusable value are ignored, nothing is granted above what was asked.
 */
export function readOffer(method: "GET" | "PUT", options: readonly Option[], policy: ServerPolicy): Offer {
  const granted = { blockSize: BLOCK_SIZE_DEFAULT, windowSize: WINDOW_SIZE_DEFAULT };
  let rollover: Rollover = 0;
  let timeoutMs: number | null = null;
  let declaredSizeBytes: number | null = null;
  const userExtensions = new Map<string, string>();
  const answers: { name: string; value: string | null }[] = [];
  const seen = new Set<string>(policy.refusedOptions);
  // By all that it asks for, refused or not.
  const curlTimeoutMs = timeoutMsOfCurl(options);
  const isCurl = curlTimeoutMs !== null;

  for (const { name: spelledName, value } of options) {
    const name = spelledName.toLowerCase();
    if (seen.has(name)) continue;
    seen.add(name);
    const number = parseNumber(value);
    if (name === OptionName.blksize) {
      if (number < BLOCK_SIZE_MIN) continue;
      granted.blockSize = Math.min(number, BLOCK_SIZE_MAX, policy.blockSizeMax);
      answers.push({ name, value: String(granted.blockSize) });
    } else if (name === OptionName.windowsize) {
      if (number < 1 || number > WINDOW_SIZE_MAX) continue;
      granted.windowSize = Math.min(number, policy.windowSizeMax, WINDOW_BLOCKS_MAX);
      answers.push({ name, value: null });
    } else if (name === OptionName.timeout) {
      if (number < TIMEOUT_SECONDS_MIN || number > TIMEOUT_SECONDS_MAX) continue;
      timeoutMs = number * 1000;
      answers.push({ name, value: String(number) });
    } else if (name === OptionName.utimeout) {
      if (number < UTIMEOUT_MICROSECONDS_MIN || number > UTIMEOUT_MICROSECONDS_MAX) continue;
      timeoutMs = number / 1000;
      answers.push({ name, value: String(number) });
    } else if (name === OptionName.tsize) {
      if (number < 0) continue;
      // curl announces 0 where it does not know.
      const isUnknown = method === "GET" || (isCurl && number === 0);
      declaredSizeBytes = isUnknown ? null : number;
      answers.push({ name, value: isUnknown && method === "PUT" ? value : null });
    } else if (name === OptionName.rollover) {
      if (number !== 0 && number !== 1) continue;
      rollover = number;
      answers.push({ name, value: String(number) });
    } else if (name !== OptionName.multicast) {
      userExtensions.set(spelledName, value);
      answers.push({ name: spelledName, value: null });
    }
  }
  // Applies to the final block size, whichever option came first.
  const windowSize = Math.min(
    granted.windowSize,
    Math.max(1, Math.floor(FLIGHT_BYTES_MAX / granted.blockSize)),
  );
  return {
    parameters: { blockSize: granted.blockSize, windowSize, rollover, timeoutMs },
    sizeAsked: answers.some((answer) => answer.name === OptionName.tsize),
    declaredSizeBytes,
    userExtensions,
    answers,
    fatalEmptySize: method === "GET" && isCurl,
    curlUploadTimeoutMs: method === "PUT" ? curlTimeoutMs : null,
  };
}

/** What only the owner of the file knows when the OACK is written. */
export interface OfferCompletion {
  /** GET: bytes on the wire, or null when unknown (netascii). PUT: ignored, the announced size is echoed. */
  readonly sizeBytes: number | null;
  /** Answers to user extensions; only names that the client sent go out, `msftwindow` never does. */
  readonly userExtensions: ReadonlyMap<string, string>;
}

/** The options of the OACK, in the order of the request and lower case; empty = answer without OACK. */
export function completeOffer(offer: Offer, completion: OfferCompletion): Option[] {
  const options: Option[] = [];
  for (const { name, value } of offer.answers) {
    const answer = value ?? openAnswer(offer, completion, name);
    if (answer !== null) options.push({ name: name.toLowerCase(), value: answer });
  }
  return options;
}

/** A client's wishes. `sizeBytes` is 0 for GET (RFC 2349: "the size is asked for"). */
export interface ClientWishes {
  readonly blockSize: number;
  readonly windowSize: number;
  readonly timeoutMs: number;
  readonly sizeBytes: number;
  readonly userExtensions: ReadonlyMap<string, string>;
}

/** The options of a client's request, in the order npm `tftp` sends them. */
export function requestOptions(wishes: ClientWishes): Option[] {
  const timeoutSeconds = Math.min(TIMEOUT_SECONDS_MAX, Math.max(1, Math.ceil(wishes.timeoutMs / 1000)));
  const options: Option[] = [
    { name: OptionName.blksize, value: String(wishes.blockSize) },
    { name: OptionName.timeout, value: String(timeoutSeconds) },
    { name: OptionName.windowsize, value: String(Math.min(wishes.windowSize, WINDOW_BLOCKS_MAX)) },
    { name: OptionName.rollover, value: "0" },
    { name: OptionName.tsize, value: String(wishes.sizeBytes) },
  ];
  for (const [name, value] of wishes.userExtensions) {
    if (!isReservedOption(name)) options.push({ name, value });
  }
  return options;
}

/** An OACK that a client accepts. */
export interface AcceptedOack {
  readonly parameters: TransferParameters;
  /** The server's `tsize`, or null. */
  readonly sizeBytes: number | null;
  /** Accepted user extensions in the spelling of the request. */
  readonly userExtensions: ReadonlyMap<string, string>;
}

/**
 * Checks an OACK against what was asked: nothing unasked, nothing twice, nothing larger, nothing out of range
 * (RFC 2347).
 * Null means refusal: ERROR 8.
 */
export function acceptOack(
  method: "GET" | "PUT",
  asked: readonly Option[],
  answered: readonly Option[],
): AcceptedOack | null {
  const askedByName = new Map(asked.map((option) => [option.name.toLowerCase(), option]));
  const values = new Map<string, number>();
  const userExtensions = new Map<string, string>();
  const seen = new Set<string>();
  for (const { name: spelledName, value } of answered) {
    const name = spelledName.toLowerCase();
    const wish = askedByName.get(name);
    // Of two values for one option, whichever we took, the server may mean the other.
    if (wish === undefined || seen.has(name)) return null;
    seen.add(name);
    if (!isReservedOption(name)) {
      userExtensions.set(wish.name, value);
      continue;
    }
    const number = parseNumber(value);
    if (!isAcceptable(method, name, number, parseNumber(wish.value))) return null;
    values.set(name, number);
  }
  const seconds = values.get(OptionName.timeout);
  return {
    parameters: {
      blockSize: values.get(OptionName.blksize) ?? BLOCK_SIZE_DEFAULT,
      windowSize: values.get(OptionName.windowsize) ?? WINDOW_SIZE_DEFAULT,
      rollover: values.get(OptionName.rollover) === 1 ? 1 : 0,
      // An echo of what was asked leaves the client's own (finer) figure in force.
      timeoutMs:
        seconds === undefined || String(seconds) === askedByName.get(OptionName.timeout)?.value
          ? null
          : seconds * 1000,
    },
    sizeBytes: values.get(OptionName.tsize) ?? null,
    userExtensions,
  };
}

/** True for option names a user extension can't have. */
export function isReservedOption(name: string): boolean {
  return RESERVED_OPTIONS.has(name.toLowerCase());
}

const RESERVED_OPTIONS: ReadonlySet<string> = new Set([
  OptionName.blksize,
  OptionName.timeout,
  OptionName.utimeout,
  OptionName.tsize,
  OptionName.windowsize,
  OptionName.rollover,
  OptionName.multicast,
]);

function openAnswer(offer: Offer, completion: OfferCompletion, name: string): string | null {
  if (name === OptionName.windowsize) return String(offer.parameters.windowSize);
  if (name === OptionName.tsize) {
    if (offer.declaredSizeBytes !== null) return String(offer.declaredSizeBytes);
    const sizeBytes = completion.sizeBytes;
    return sizeBytes === null || (sizeBytes === 0 && offer.fatalEmptySize) ? null : String(sizeBytes);
  }
  // Windows' boot manager asks for msftwindow and misreads any answer to it.
  if (name.toLowerCase() === OptionName.msftwindow) return null;
  return completion.userExtensions.get(name) ?? null;
}

function isAcceptable(method: "GET" | "PUT", name: string, answered: number, asked: number): boolean {
  switch (name) {
    case OptionName.blksize:
      return answered >= BLOCK_SIZE_MIN && answered <= asked;
    case OptionName.tsize:
      return method === "GET" ? answered >= 0 && Number.isSafeInteger(answered) : answered === asked;
    case OptionName.rollover:
      return answered === 0 || answered === 1;
    default:
      return answered >= 1 && answered <= asked;
  }
}

/** curl sends exactly `tsize, blksize, timeout`, in this order. @returns what it says there, or null: it is not curl */
function timeoutMsOfCurl(options: readonly Option[]): number | null {
  const names = options.map((option) => option.name).join();
  if (names !== `${OptionName.tsize},${OptionName.blksize},${OptionName.timeout}`) return null;
  const seconds = parseNumber((options[2] as Option).value);
  return seconds < 1 ? null : seconds * 1000;
}

/**
 * A decimal number of 1..19 digits, else -1. Number() and parseInt() would also take "0x258", "6e2", " 600",
 * "+600" and "".
 */
function parseNumber(value: string): number {
  return /^[0-9]{1,19}$/.test(value) ? Number(value) : -1;
}
