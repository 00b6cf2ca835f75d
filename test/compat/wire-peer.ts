import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { TftpModule } from "./world.js";

/*
 * The original in a process of its own, at the other end of the wire:
 *   wire-peer.js server ROOT PORT          says "ready", serves until the channel closes
 *   wire-peer.js client PORT OPTIONS-JSON  carries out one order after another: [method, local, remote]
 */
const [role = "", ...rest] = process.argv.slice(2);
const tftp: TftpModule = require("tftp");
const host = "127.0.0.1";

process.on("disconnect", () => process.exit(0));

if (role === "server") {
  const [root, port] = rest;
  const server = tftp.createServer({ host, port, root, timeout: 2000 });
  server.on("request", (req: TftpModule) => req.on("error", () => undefined));
  server.on("listening", () => process.send?.("ready"));
  server.listen();
} else {
  const [port, options = "{}"] = rest;
  const client = tftp.createClient({ host, port, timeout: 2000, ...JSON.parse(options) });
  process.on("message", ([method, local, remote]: [string, string, string]) => {
    carryOut(client, method, local, remote).then(
      () => process.send?.("done"),
      (error: Error) => process.send?.(error.message),
    );
  });
  process.send?.("ready");
}

async function carryOut(client: TftpModule, method: string, local: string, remote: string): Promise<void> {
  if (method === "get") {
    await new Promise<void>((resolve, reject) => {
      client.get(remote, local, (error?: Error) => (error ? reject(error) : resolve()));
    });
    return;
  }
  // Not `put`, which does not always call back (N2); all bytes in one write do.
  const content = readFileSync(local);
  const stream = client.createPutStream(remote, { size: content.length });
  stream.end(content);
  await once(stream, "finish");
}
