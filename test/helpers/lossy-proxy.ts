import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { Random } from "../sim/random.js";

/** What the proxy does to the datagrams of each direction. */
export interface Weather {
  readonly loss: number;
  readonly duplicate: number;
  /** Part of the datagrams that are held back and overtaken by the next ones. */
  readonly reorder: number;
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
  const pass = (send: () => void): void => {
    if (random.chance(weather.loss)) return;
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
        pass(() => quietly(front, answer, client.port));
      });
    }
    const { socket, serverTid } = back;
    pass(() => quietly(socket, bytes, serverTid));
  });
  front.bind(0, "127.0.0.1");
  await once(front, "listening");
  context.after(() => {
    front.close();
    for (const { socket } of backs.values()) socket.close();
  });
  return front.address().port;
}
