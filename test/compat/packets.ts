/** Packets as a peer written by hand sends them, and what it reads in words. */
export function rrq(name: string, ...options: string[]): Buffer {
  return request(1, name, "octet", options);
}

export function wrq(name: string, ...options: string[]): Buffer {
  return request(2, name, "octet", options);
}

export function request(opcode: 1 | 2, name: string, mode: string, options: readonly string[] = []): Buffer {
  return Buffer.from(`\0${String.fromCharCode(opcode)}${[name, mode, ...options].join("\0")}\0`, "latin1");
}

export function ack(block: number): Buffer {
  return Buffer.from([0, 4, block >> 8, block & 255]);
}

export function data(block: number, payload: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, 3, block >> 8, block & 255]), Buffer.from(payload)]);
}

export function oack(...options: string[]): Buffer {
  return Buffer.from(`\0\x06${options.join("\0")}\0`, "latin1");
}

export function errorPacket(code: number, text: string): Buffer {
  return Buffer.from(`\0\x05\0${String.fromCharCode(code)}${text}\0`, "latin1");
}

/** A datagram in words; of DATA the length only. */
export function inWords(bytes: Buffer | null | undefined): string {
  if (bytes === null || bytes === undefined) return "silence";
  const number = bytes.length >= 4 ? bytes.readUInt16BE(2) : -1;
  switch (bytes.length >= 2 ? bytes.readUInt16BE(0) : 0) {
    case 1:
      return `RRQ ${fields(bytes)}`;
    case 2:
      return `WRQ ${fields(bytes)}`;
    case 3:
      return `DATA ${number} (${bytes.length - 4})`;
    case 4:
      return `ACK ${number}`;
    case 5:
      return `ERROR ${number} ${bytes.subarray(4, -1).toString("latin1")}`;
    case 6:
      return `OACK ${fields(bytes)}`;
    default:
      return `${bytes.length} bytes`;
  }
}

/** The same, with the figure of the `timeout` option blotted out: the two implementations differ there (B9). */
export function inWordsBlotted(bytes: Buffer | null): string {
  return inWords(bytes).replace(/ timeout \d+/, " timeout #");
}

function fields(bytes: Buffer): string {
  return bytes.subarray(2).toString("latin1").split("\0").slice(0, -1).join(" ");
}
