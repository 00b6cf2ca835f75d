/** Names come from the network: what could steer a terminal or forge a log line is shown as an escape. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\udc80-\udcff]/g,
    (character) => {
      const code = character.charCodeAt(0);
      // Bytes that are no UTF-8 are lone surrogates, see engine/text.ts.
      const isByte = code <= 0xff || code >= 0xdc80;
      return isByte ? `\\x${hex(code & 0xff, 2)}` : `\\u${hex(code, 4)}`;
    },
  );
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** As `address:port`, IPv6 in brackets. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
