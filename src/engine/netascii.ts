/*
 * netascii (RFC 764, RFC 1350 §1): a line ends with CR LF, a carriage return that is none is CR NUL.
 * Files here have UNIX line ends. Both directions work on chunks of any length: state carries a CR over a border.
 */

import { copyOf } from "./bytes.js";

const LF = 10;
const CR = 13;
const NUL = 0;

/** Local text to netascii: LF becomes CR LF, CR becomes CR NUL. Stateless: every byte maps on its own. */
export function encodeNetascii(bytes: Uint8Array): Uint8Array {
  let extra = 0;
  for (const byte of bytes) if (byte === LF || byte === CR) extra++;
  if (extra === 0) return copyOf(bytes);
  const encoded = new Uint8Array(bytes.length + extra);
  let at = 0;
  for (const byte of bytes) {
    if (byte === LF) {
      encoded[at++] = CR;
      encoded[at++] = LF;
    } else {
      encoded[at++] = byte;
      if (byte === CR) encoded[at++] = NUL;
    }
  }
  return encoded;
}

/** netascii to local text. A CR before anything but LF and NUL is kept as it is: nothing is lost. */
export class NetasciiDecoder {
  #pendingCr = false;

  /** Translates the next chunk. */
  decode(bytes: Uint8Array): Uint8Array {
    const decoded = new Uint8Array(bytes.length + 1);
    let at = 0;
    for (const byte of bytes) {
      if (this.#pendingCr) {
        this.#pendingCr = false;
        if (byte === LF || byte === NUL) {
          decoded[at++] = byte === LF ? LF : CR;
          continue;
        }
        decoded[at++] = CR;
      }
      if (byte === CR) this.#pendingCr = true;
      else decoded[at++] = byte;
    }
    return decoded.subarray(0, at);
  }

  /** What is left at the end of the file: a lone CR, or nothing. */
  end(): Uint8Array {
    const rest = this.#pendingCr ? Uint8Array.of(CR) : new Uint8Array(0);
    this.#pendingCr = false;
    return rest;
  }
}
