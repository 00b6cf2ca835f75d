/*
 * NUL-terminated strings of the wire. Names are bytes: UTF-8 where they are valid, and every byte that is not
 * becomes one lone surrogate U+DC80..U+DCFF, so that a name keeps its exact bytes through decode and encode
 * (the scheme Python calls "surrogateescape"). The engine has no TextDecoder, and none offers this.
 */

const ESCAPE_BASE = 0xdc00;

/** Decodes `bytes[start, end)`; never fails. */
export function decodeText(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = "";
  let at = start;
  while (at < end) {
    const lead = bytes[at] as number;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      at++;
      continue;
    }
    const length = sequenceLength(lead);
    const codePoint = length === 0 || at + length > end ? -1 : readSequence(bytes, at, length);
    if (codePoint < 0) {
      text += String.fromCharCode(ESCAPE_BASE + lead);
      at++;
    } else {
      text += String.fromCodePoint(codePoint);
      at += length;
    }
  }
  return text;
}

/** The inverse of {@link decodeText}. Surrogates without a meaning become U+FFFD. */
export function encodeText(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    appendCodePoint(bytes, character.codePointAt(0) as number);
  }
  return Uint8Array.from(bytes);
}

function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/** Reads one multi-byte sequence; -1 when it is not shortest-form UTF-8 of a scalar value. */
function readSequence(bytes: Uint8Array, at: number, length: number): number {
  let codePoint = (bytes[at] as number) & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i] as number;
    if ((next & 0xc0) !== 0x80) return -1;
    codePoint = (codePoint << 6) | (next & 0x3f);
  }
  const smallest = length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000;
  const surrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint < smallest || codePoint > 0x10ffff || surrogate ? -1 : codePoint;
}

function appendCodePoint(bytes: number[], codePoint: number): void {
  if (codePoint < 0x80) {
    bytes.push(codePoint);
  } else if (codePoint < 0x800) {
    bytes.push(0xc0 | (codePoint >> 6), 0x80 | (codePoint & 0x3f));
  } else if (codePoint >= ESCAPE_BASE + 0x80 && codePoint <= ESCAPE_BASE + 0xff) {
    bytes.push(codePoint - ESCAPE_BASE);
  } else if (codePoint >= 0xd800 && codePoint <= 0xdfff) {
    bytes.push(0xef, 0xbf, 0xbd);
  } else if (codePoint < 0x10000) {
    bytes.push(0xe0 | (codePoint >> 12), 0x80 | ((codePoint >> 6) & 0x3f), 0x80 | (codePoint & 0x3f));
  } else {
    bytes.push(
      0xf0 | (codePoint >> 18),
      0x80 | ((codePoint >> 12) & 0x3f),
      0x80 | ((codePoint >> 6) & 0x3f),
      0x80 | (codePoint & 0x3f),
    );
  }
}
