/**
 * Packets as lines of text, both ways, so that a hostile case reads as what happens on the wire:
 * `RRQ f octet blksize 8`, `DATA 1 512`, `ACK 1`, `ERROR 0 stop`, `OACK blksize=8`. Written apart from the codec of
 * the product, which must not be its own judge.
 */

const OPCODES: Record<string, number> = { RRQ: 1, WRQ: 2, DATA: 3, ACK: 4, ERROR: 5, OACK: 6 };

/**
 * The datagram that a line means. Fields stand between blanks; `%xx` is any byte, `''` an empty field.
 * `HEX 00 04` is anything at all. DATA takes the number of payload bytes.
 */
export function packet(line: string): Buffer {
  const [kind = "", ...fields] = line.split(" ");
  if (kind === "HEX") return Buffer.from(fields.join(""), "hex");
  const opcode = OPCODES[kind];
  if (opcode === undefined) throw new Error(`no packet begins with ${kind}`);
  const [first = "0", second = ""] = fields;
  switch (kind) {
    case "DATA":
      return Buffer.concat([words(opcode, Number(first)), payload(Number(first), Number(second))]);
    case "ACK":
      return words(opcode, Number(first));
    case "ERROR":
      return Buffer.concat([words(opcode, Number(first)), bytesOf(fields.slice(1).join(" ")), NUL]);
    default:
      return Buffer.concat([words(opcode), ...fields.flatMap((field) => [bytesOf(field), NUL])]);
  }
}

/** A request with any bytes as its name. */
export function request(kind: "RRQ" | "WRQ", name: Buffer | string, rest = "octet"): Buffer {
  const bytes = typeof name === "string" ? Buffer.from(name) : name;
  const tail = rest.split(" ").flatMap((field) => [bytesOf(field), NUL]);
  return Buffer.concat([words(OPCODES[kind] ?? 0), bytes, NUL, ...tail]);
}

/** What block `number` of an upload holds: no two neighbours are alike. */
export function payload(number: number, length: number): Buffer {
  return Buffer.alloc(length, String.fromCharCode(97 + (number % 26)));
}

/** A datagram from the server as a line: `DATA 1 512`, `ACK 0`, `OACK blksize=8 tsize=3`, `ERROR 1 File not found`. */
export function describe(bytes: Buffer): string {
  if (bytes.length < 4) return `HEX ${bytes.toString("hex")}`;
  const number = bytes.readUInt16BE(2);
  switch (bytes.readUInt16BE(0)) {
    case 3:
      return `DATA ${number} ${bytes.length - 4}`;
    case 4:
      return bytes.length === 4 ? `ACK ${number}` : `HEX ${bytes.toString("hex")}`;
    case 5: {
      // The text ends with the one NUL of the packet (RFC 1350 §5).
      const isWhole = bytes.indexOf(0, 4) === bytes.length - 1;
      return isWhole
        ? `ERROR ${number} ${bytes.toString("utf8", 4, bytes.length - 1)}`
        : `HEX ${bytes.toString("hex")}`;
    }
    case 6:
      return describeOack(bytes);
    default:
      return `HEX ${bytes.toString("hex")}`;
  }
}

function describeOack(bytes: Buffer): string {
  const fields = bytes.toString("latin1", 2).split("\0");
  // Names and values in turn, each with its NUL, and nothing behind (Cisco's loader refuses padding).
  if (fields.pop() !== "" || fields.length % 2 !== 0) return `HEX ${bytes.toString("hex")}`;
  const options: string[] = [];
  for (let i = 0; i < fields.length; i += 2) options.push(`${fields[i]}=${fields[i + 1]}`);
  return `OACK ${options.join(" ")}`;
}

function bytesOf(field: string): Buffer {
  if (field === "''") return Buffer.alloc(0);
  const pieces: Buffer[] = [];
  for (const [match, hex] of field.matchAll(/%([0-9a-f]{2})|[^%]+/gi)) {
    pieces.push(hex === undefined ? Buffer.from(match) : Buffer.from(hex, "hex"));
  }
  return Buffer.concat(pieces);
}

function words(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(2 * numbers.length);
  for (const [index, number] of numbers.entries()) bytes.writeUInt16BE(number & 0xffff, 2 * index);
  return bytes;
}

const NUL = Buffer.of(0);
