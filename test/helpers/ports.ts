import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

const HOST = "127.0.0.1";

async function bound(port: number): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind({ port, address: HOST, exclusive: true });
  await once(socket, "listening");
  return socket;
}

/** A port of 127.0.0.1 that nobody has at this moment. */
export async function freePort(): Promise<number> {
  const socket = await bound(0);
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

/** Fails with EADDRINUSE when somebody has it. */
export async function assertPortIsFree(port: number): Promise<void> {
  const socket = await bound(port);
  socket.close();
}
