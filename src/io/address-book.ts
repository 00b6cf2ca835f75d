import { addressOfBytes } from "./address.js";
import type { Peer } from "./socket.js";

/** Addresses kept as text; those of a larger crowd are spelled out again. */
const ADDRESSES_MAX = 4096;

/** Turns addresses in the reactor's records (native/batch_receiver.h) into text, and remembers the texts. */
export class AddressBook {
  readonly #v4 = new Map<number, string>();

  /** @param at - index of the words family, port, four of address, scope */
  peerAt(words: Uint32Array, at: number): Peer {
    const port = words[at + 1] as number;
    const address = words[at] === 4 ? this.#textV4(words[at + 2] as number) : textV6(words, at + 2, at + 6);
    return { address, port };
  }

  /** The address that a datagram was sent to. @param at - index of its record */
  localAt(records: Uint32Array, at: number): string {
    return records[at + 11] === 4
      ? this.#textV4(records[at + 12] as number)
      : textV6(records, at + 12, at + 10);
  }

  #textV4(word: number): string {
    let text = this.#v4.get(word);
    if (text === undefined) {
      text = addressOfBytes(bytesOf(Uint32Array.of(word)));
      if (this.#v4.size >= ADDRESSES_MAX) this.#v4.clear();
      this.#v4.set(word, text);
    }
    return text;
  }
}

/** The words hold the bytes of an address in the order of the wire. */
function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function textV6(words: Uint32Array, at: number, scopeAt: number): string {
  const bytes = bytesOf(words.subarray(at, at + 4));
  const isLinkLocal = bytes[0] === 0xfe && ((bytes[1] as number) & 0xc0) === 0x80;
  return isLinkLocal ? `${addressOfBytes(bytes)}%${words[scopeAt]}` : addressOfBytes(bytes);
}
