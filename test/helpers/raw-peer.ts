import { createSocket } from "node:dgram";
import { once } from "node:events";

/** A client that speaks in packets. */
export interface RawPeer {
  readonly port: number;
  /** Sends to the server's request port. */
  ask(packet: string): void;
  /** Sends to the port that answered last. */
  answer(packet: string): void;
  /** The next packet that came, as latin1. */
  next(): Promise<string>;
  /** Drops what came until a packet begins so. */
  until(start: string): Promise<string>;
}

export const ACK = (block: number): string => `\0\x04${word(block)}`;
export const DATA = (block: number, bytes: string): string => `\0\x03${word(block)}${bytes}`;
export const ERROR = (code: number, text: string): string => `\0\x05${word(code)}${text}\0`;
export const RRQ = (file: string, ...options: string[]): string =>
  `\0\x01${[file, "octet", ...options].map((text) => `${text}\0`).join("")}`;
export const WRQ = (file: string, ...options: string[]): string =>
  `\0\x02${[file, "octet", ...options].map((text) => `${text}\0`).join("")}`;

export async function rawPeer(
  context: { after(cleanUp: () => void): void },
  serverPort: number,
): Promise<RawPeer> {
  const socket = createSocket("udp4");
  const came: string[] = [];
  let tid = 0;
  let wake: () => void = () => undefined;
  socket.on("message", (bytes: Buffer, from) => {
    tid = from.port;
    came.push(bytes.toString("latin1"));
    wake();
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  context.after(() => socket.close());
  const send = (packet: string, port: number): void =>
    socket.send(Buffer.from(packet, "latin1"), port, "127.0.0.1");
  const next = async (): Promise<string> => {
    for (;;) {
      const packet = came.shift();
      if (packet !== undefined) return packet;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    port: socket.address().port,
    ask: (packet) => send(packet, serverPort),
    answer: (packet) => send(packet, tid),
    next,
    until: async (start) => {
      for (;;) {
        const packet = await next();
        if (packet.startsWith(start)) return packet;
      }
    },
  };
}

function word(value: number): string {
  return String.fromCharCode((value >> 8) & 255, value & 255);
}
