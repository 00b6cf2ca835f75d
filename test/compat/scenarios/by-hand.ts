import { ack, data, inWords } from "../packets.js";
import type { ScenarioWorld, TftpModule } from "../world.js";

/** Fetches in lock-step and returns what was heard, in words. */
export async function fetchByHand(world: ScenarioWorld, port: number, request: Buffer): Promise<string> {
  const peer = await world.peer();
  const heard: string[] = [];
  let acknowledged = -1;
  peer.send(request, port);
  for (;;) {
    const answer = await peer.nextWithin(1500);
    // On a busy machine a block may come again before its ACK has arrived.
    if (answer?.bytes[1] === 3 && answer.bytes.readUInt16BE(2) === acknowledged) continue;
    heard.push(inWords(answer?.bytes));
    if (answer === null || answer.bytes[1] === 5) return heard.join(", ");
    acknowledged = answer.bytes[1] === 6 ? 0 : answer.bytes.readUInt16BE(2);
    peer.send(ack(acknowledged), answer.port);
    if (answer.bytes[1] === 3 && answer.bytes.length < 516) return heard.join(", ");
  }
}

/** Uploads 600 bytes without options and returns what was heard, in words. */
export async function uploadByHand(world: ScenarioWorld, port: number, request: Buffer): Promise<string> {
  const peer = await world.peer();
  peer.send(request, port);
  const first = await peer.next();
  const heard = [inWords(first.bytes)];
  if (first.bytes[1] === 5) return heard.join(", ");
  heard.push(await peer.ask(first.port, data(1, Buffer.alloc(512, "a")), 1000));
  heard.push(await peer.ask(first.port, data(2, Buffer.alloc(88, "b")), 1000));
  return heard.join(", ");
}

/** A server whose requests are watched; of errors the code where there is one, as texts of the system differ. */
export async function watchedServer(world: ScenarioWorld, tftp: TftpModule, options: object = {}) {
  const started = await world.server(tftp, options);
  started.server.on("request", (req: TftpModule, res: TftpModule) => {
    for (const event of ["close", "end", "abort"]) req.once(event, () => world.note(`req ${event}`));
    req.on("error", (error: NodeJS.ErrnoException) => {
      world.note(`req error ${error.syscall === undefined ? error.message : ""} ${error.code}`);
    });
    if (req.method === "GET") res.on("finish", () => world.note("res finish"));
  });
  return started;
}

/** What a server that has the file `f` answers to each of these, and which of them raise an event. */
export async function noteAnswers(
  world: ScenarioWorld,
  tftp: TftpModule,
  requests: readonly (readonly [string, Buffer])[],
  options: object = {},
): Promise<void> {
  world.file("f", "abc");
  const { server, port } = await world.server(tftp, { timeout: 3000, ...options });
  let events = "";
  server.on("request", (req: TftpModule) => {
    events = `, event ${req.method} ${JSON.stringify(req.file)}`;
  });
  for (const [label, bytes] of requests) {
    const peer = await world.peer();
    events = "";
    const answer = await peer.ask(port, bytes);
    world.note(`${label}: ${answer}${events}`);
    peer.close();
  }
}
