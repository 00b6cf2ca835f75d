import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerOptions } from "../../src/index.js";

/** A server of ours on a port of the kernel's choice that goes away with the test. */
export async function startServer(
  context: { after(cleanUp: () => Promise<void>): void },
  options: ServerOptions,
  listener?: RequestListener,
): Promise<{ server: Server; port: number }> {
  const server = createServer({ host: "127.0.0.1", port: 0, ...options }, listener);
  context.after(() => server.close({ abort: true }));
  server.listen();
  await once(server, "listening");
  return { server, port: server.address()?.port ?? 0 };
}
