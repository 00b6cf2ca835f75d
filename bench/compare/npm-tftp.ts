/* npm tftp 0.1.2 as a server, with the largest settings it has: HOST PORT ROOT. */
interface NpmServer {
  on(event: "request", listener: (request: NpmServer) => void): void;
  on(event: "error", listener: () => void): void;
  listen(): void;
}

const tftp: { createServer(options: object): NpmServer } = require("tftp");

const [host, port, root] = process.argv.slice(2);
const options = { host, port: Number(port), root, denyPUT: true, blockSize: 65_464, windowSize: 64 };
const server = tftp.createServer(options);
server.on("request", (request) => request.on("error", () => undefined));
server.on("error", () => undefined);
server.listen();
