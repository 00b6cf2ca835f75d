import { ERROR_TEXT_BYTES_MAX, HEADER_BYTES, Opcode, REQUEST_BYTES_MAX } from "./constants.js";
import { decodeText, encodeText } from "./text.js";

/** One option as it stands in a packet: the name in the spelling of its sender, the value as text. */
export interface Option {
  readonly name: string;
  readonly value: string;
}

/** RRQ or WRQ (RFC 1350 §5, options RFC 2347). */
export interface RequestPacket {
  readonly kind: "request";
  readonly method: "GET" | "PUT";
  /** As sent; bytes that are not UTF-8 are lone surrogates, see text.ts. */
  readonly fileName: string;
  /** Lower case. Any text: whether it is a known mode is the receiver's business. */
  readonly mode: string;
  readonly options: readonly Option[];
}

export interface DataPacket {
  readonly kind: "data";
  readonly wireBlock: number;
  /** A view into the datagram. */
  readonly payload: Uint8Array;
}

export interface AckPacket {
  readonly kind: "ack";
  readonly wireBlock: number;
}

export interface ErrorPacket {
  readonly kind: "error";
  readonly errorCode: number;
  readonly message: string;
}

export interface OackPacket {
  readonly kind: "oack";
  readonly options: readonly Option[];
}

export type Packet = RequestPacket | DataPacket | AckPacket | ErrorPacket | OackPacket;

/** A datagram that is no TFTP packet. `opcode` is -1 where not even that could be read. */
export interface Malformed {
  readonly kind: "malformed";
  readonly opcode: number;
  readonly reason: string;
}

/** Reads a datagram. Total: any bytes give a packet or {@link Malformed}, never an exception. */
export function decode(bytes: Uint8Array): Packet | Malformed {
  if (bytes.length < 2) return malformed(-1, "shorter than an opcode");
  const opcode = readUint16(bytes, 0);
  switch (opcode) {
    case Opcode.data:
      if (bytes.length < HEADER_BYTES) return malformed(opcode, "DATA without a block number");
      return { kind: "data", wireBlock: readUint16(bytes, 2), payload: bytes.subarray(HEADER_BYTES) };
    case Opcode.ack:
      // Some Windows boot clients append a byte to their ACKs; anything from 4 bytes on is taken.
      if (bytes.length < HEADER_BYTES) return malformed(opcode, "ACK without a block number");
      return { kind: "ack", wireBlock: readUint16(bytes, 2) };
    case Opcode.rrq:
    case Opcode.wrq:
      return decodeRequest(bytes, opcode);
    case Opcode.oack: {
      const options = decodeOptions(bytes, 2);
      return options === null ? malformed(opcode, "option without a value") : { kind: "oack", options };
    }
    case Opcode.error:
      return decodeError(bytes);
    default:
      return malformed(opcode, "unknown opcode");
  }
}

/** -1 counts as known: a datagram too short to hold an opcode is malformed, and no operation that we don't know. */
export function isKnownOpcode(opcode: number): boolean {
  return opcode === -1 || (opcode >= Opcode.rrq && opcode <= Opcode.oack);
}

/**
 * Writes an RRQ or WRQ. The result may be longer than {@link REQUEST_BYTES_MAX}; the caller checks, as only it
 * can say what to leave out.
 */
export function encodeRequest(request: Omit<RequestPacket, "kind">): Uint8Array {
  const opcode = request.method === "GET" ? Opcode.rrq : Opcode.wrq;
  const fields = [request.fileName, request.mode];
  for (const option of request.options) fields.push(option.name, option.value);
  return encodeFields(opcode, fields);
}

/** Writes an OACK of exact size: no padding, no trailing bytes (Cisco's boot loader refuses them). */
export function encodeOack(options: readonly Option[]): Uint8Array {
  const fields: string[] = [];
  for (const option of options) fields.push(option.name, option.value);
  return encodeFields(Opcode.oack, fields);
}

/** Writes an ACK. @param wireBlock - 0..65535 */
export function encodeAck(wireBlock: number): Uint8Array {
  // Uint8Array.of takes twice as long.
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes[1] = Opcode.ack;
  bytes[2] = wireBlock >> 8;
  bytes[3] = wireBlock & 0xff;
  return bytes;
}

/** Writes an ERROR; texts are cut to {@link ERROR_TEXT_BYTES_MAX} and lose their NULs. */
export function encodeError(errorCode: number, message: string): Uint8Array {
  const text = encodeText(message.replaceAll("\0", " ")).subarray(0, ERROR_TEXT_BYTES_MAX);
  const bytes = new Uint8Array(HEADER_BYTES + text.length + 1);
  bytes[1] = Opcode.error;
  bytes[2] = errorCode >> 8;
  bytes[3] = errorCode & 0xff;
  bytes.set(text, HEADER_BYTES);
  return bytes;
}

/** Writes a DATA packet whole; the driver's batches use block ranges instead, this is for single packets. */
export function encodeData(wireBlock: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  bytes[1] = Opcode.data;
  bytes[2] = wireBlock >> 8;
  bytes[3] = wireBlock & 0xff;
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function decodeRequest(bytes: Uint8Array, opcode: number): RequestPacket | Malformed {
  if (bytes.length > REQUEST_BYTES_MAX) return malformed(opcode, "request longer than 512 bytes");
  const fileNameEnd = bytes.indexOf(0, 2);
  if (fileNameEnd < 0) return malformed(opcode, "file name without NUL");
  const modeEnd = bytes.indexOf(0, fileNameEnd + 1);
  if (modeEnd < 0) return malformed(opcode, "mode without NUL");
  const options = decodeOptions(bytes, modeEnd + 1);
  if (options === null) return malformed(opcode, "option without a value");
  return {
    kind: "request",
    method: opcode === Opcode.rrq ? "GET" : "PUT",
    fileName: decodeText(bytes, 2, fileNameEnd),
    mode: decodeText(bytes, fileNameEnd + 1, modeEnd).toLowerCase(),
    options,
  };
}

/** Reads name/value pairs up to the end, or to padding of NULs; null when a string does not end. */
function decodeOptions(bytes: Uint8Array, start: number): Option[] | null {
  const options: Option[] = [];
  let at = start;
  while (at < bytes.length && bytes[at] !== 0) {
    const nameEnd = bytes.indexOf(0, at);
    const valueEnd = nameEnd < 0 ? -1 : bytes.indexOf(0, nameEnd + 1);
    if (valueEnd < 0) return null;
    options.push({ name: decodeText(bytes, at, nameEnd), value: decodeText(bytes, nameEnd + 1, valueEnd) });
    at = valueEnd + 1;
  }
  return options;
}

/** ERROR of at least 4 bytes, with or without text or NUL (curl sends 4 bytes). */
function decodeError(bytes: Uint8Array): ErrorPacket | Malformed {
  if (bytes.length < HEADER_BYTES) return malformed(Opcode.error, "ERROR without a code");
  const nul = bytes.indexOf(0, HEADER_BYTES);
  const end = Math.min(nul < 0 ? bytes.length : nul, HEADER_BYTES + REQUEST_BYTES_MAX);
  return { kind: "error", errorCode: readUint16(bytes, 2), message: decodeText(bytes, HEADER_BYTES, end) };
}

function encodeFields(opcode: number, fields: readonly string[]): Uint8Array {
  const encoded = fields.map(encodeText);
  const bytes = new Uint8Array(encoded.reduce((length, field) => length + field.length + 1, 2));
  bytes[1] = opcode;
  let at = 2;
  for (const field of encoded) {
    bytes.set(field, at);
    at += field.length + 1;
  }
  return bytes;
}

function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function malformed(opcode: number, reason: string): Malformed {
  return { kind: "malformed", opcode, reason };
}
