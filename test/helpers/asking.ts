import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { decode, encodeRequest, type Packet } from "../../src/engine/index.js";

/** What a server said first to a request. */
export interface FirstAnswer {
  readonly packet: Packet | { readonly kind: "malformed" };
  readonly from: RemoteInfo;
  /** The options of an OACK, else none. */
  readonly options: Readonly<Record<string, string>>;
}

/** Sends one request and waits for the first answer; then tells the server that it was all. */
export async function ask(
  where: { readonly port: number; readonly address?: string; readonly from?: string },
  fileName: string,
  options: Readonly<Record<string, string>> = {},
  method: "GET" | "PUT" = "GET",
): Promise<FirstAnswer> {
  const address = where.address ?? "127.0.0.1";
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  try {
    socket.bind(0, where.from);
    await once(socket, "listening");
    const list = Object.entries(options).map(([name, value]) => ({ name, value }));
    socket.send(encodeRequest({ method, fileName, mode: "octet", options: list }), where.port, address);
    const [bytes, from] = (await once(socket, "message")) as [Buffer, RemoteInfo];
    const packet = decode(bytes);
    // The last word before the socket goes.
    const enough = Buffer.from("\0\x05\0\0enough\0");
    await new Promise<void>((resolve) => socket.send(enough, from.port, from.address, () => resolve()));
    const granted = packet.kind === "oack" ? packet.options : [];
    return { packet, from, options: Object.fromEntries(granted.map(({ name, value }) => [name, value])) };
  } finally {
    socket.close();
  }
}
