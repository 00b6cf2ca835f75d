import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { Random } from "../sim/random.js";

/** What the proxy does to the datagrams of each direction. */
export interface Weather {
  readonly loss: number;
  readonly duplicate: number;
  /** Part of the datagrams that are held back and overtaken by the next ones. */
  readonly reorder: number;
  /** Datagrams that are lost on purpose. */
  readonly loses?: (datagram: Buffer) => boolean;
}

/** A UDP proxy in front of a TFTP server that loses, doubles and reorders, by a seed. */
export async function startLossyProxy(
  context: { after(cleanUp: () => void): void },
  serverPort: number,
  weather: Weather,
  seed: bigint,
): Promise<number> {
  const random = new Random(seed);
  const front = createSocket("udp4");
  const backs = new Map<number, { socket: Socket; serverTid: number }>();
  const pass = (datagram: Buffer, send: () => void): void => {
    if (random.chance(weather.loss) || weather.loses?.(datagram)) return;
    if (random.chance(weather.reorder)) setTimeout(send, 2);
    else send();
    if (random.chance(weather.duplicate)) setImmediate(send);
  };
  const quietly = (socket: Socket, bytes: Buffer, port: number): void => {
    // The far end may have gone, and the test with it.
    try {
      socket.send(bytes, port, "127.0.0.1");
    } catch {}
  };
  front.on("message", (bytes: Buffer, client: RemoteInfo) => {
    let back = backs.get(client.port);
    if (back === undefined) {
      const socket = createSocket("udp4");
      back = { socket, serverTid: serverPort };
      backs.set(client.port, back);
      const entry = back;
      socket.on("message", (answer: Buffer, server: RemoteInfo) => {
        entry.serverTid = server.port;
        pass(answer, () => quietly(front, answer, client.port));
      });
    }
    const { socket, serverTid } = back;
    // A repeated request goes where the first one went, though the answer to that was heard here.
    const isRequest = bytes.readUInt16BE(0) <= 2;
    pass(bytes, () => quietly(socket, bytes, isRequest ? serverPort : serverTid));
  });
  front.bind(0, "127.0.0.1");
  await once(front, "listening");
  context.after(() => {
    front.close();
    for (const { socket } of backs.values()) socket.close();
  });
  return front.address().port;
}
