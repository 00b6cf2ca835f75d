import { canonicalAddress } from "./address.js";
import type { Peer } from "./socket.js";

/** Addresses kept as text; those of a larger crowd are spelled out again. */
const ADDRESSES_MAX = 4096;

/** Turns addresses in the reactor's records (native/README.md) into text, and remembers the texts. */
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
      // The word holds the bytes as they are on the wire, read by a little-endian machine or a big-endian one.
      bytes.setUint32(0, word, isLittleEndian);
      text = `${bytes.getUint8(0)}.${bytes.getUint8(1)}.${bytes.getUint8(2)}.${bytes.getUint8(3)}`;
      if (this.#v4.size >= ADDRESSES_MAX) this.#v4.clear();
      this.#v4.set(word, text);
    }
    return text;
  }
}

const bytes = new DataView(new ArrayBuffer(16));
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

function textV6(words: Uint32Array, at: number, scopeAt: number): string {
  for (let i = 0; i < 4; i++) bytes.setUint32(i * 4, words[at + i] as number, isLittleEndian);
  const groups = Array.from({ length: 8 }, (_, i) => bytes.getUint16(i * 2).toString(16));
  const address = canonicalAddress(groups.join(":"));
  const isLinkLocal = (bytes.getUint16(0) & 0xffc0) === 0xfe80;
  return isLinkLocal ? `${address}%${words[scopeAt]}` : address;
}
