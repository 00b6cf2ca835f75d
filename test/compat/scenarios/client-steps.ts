import type { ScenarioWorld, TftpModule } from "../world.js";

export const EVENTS = ["stats", "close", "end", "finish", "abort", "error"];
export const OVER = ["end", "finish", "abort", "error"];

export type Method = "GET" | "PUT";

/** A client's transfer up to its request. */
export async function requested(world: ScenarioWorld, tftp: TftpModule, method: Method, more: object = {}) {
  const peer = await world.peer();
  const client = world.client(tftp, peer.port, more);
  const stream =
    method === "GET" ? client.createGetStream("f").resume() : client.createPutStream("f", { size: 20 });
  if (method === "PUT") stream.end("x".repeat(20));
  const { port } = await peer.next();
  return { peer, port, stream };
}

/** Answers the request with these bytes, and notes what the client says and does. */
export async function answered(
  world: ScenarioWorld,
  tftp: TftpModule,
  label: string,
  method: Method,
  answer: Buffer,
): Promise<void> {
  const { peer, port, stream } = await requested(world, tftp, method);
  world.watchOnce(label, stream, EVENTS);
  peer.send(answer, port);
  await world.settle(stream, OVER);
  world.note(`${label}: ${await peer.nextAnswer(50)}`);
  peer.close();
}
