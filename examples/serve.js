// A server on a high port with something to fetch: `npm start`, or `node examples/serve.js [PORT]`.
const path = require("node:path");
const { createServer } = require("ntftp");

const server = createServer({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 6969),
  root: path.join(__dirname, "files"),
  denyPUT: true,
});

server.on("request", (req) => {
  const client = `${req.stats.remoteAddress}:${req.stats.remotePort}`;
  console.log(`${client} wants ${req.file}`);
  req.on("error", (error) => console.log(`${client} did not get ${req.file}: ${error.message}`));
});
server.on("error", (error) => {
  console.error(`Cannot serve: ${error.message}`);
  process.exitCode = 1;
});
server.on("listening", () => {
  const { address, port } = server.address();
  console.log(`Serving examples/files on ${address}:${port}. In another terminal, fetch a file:

  node dist/src/cli/main.js get tftp://${address}:${port}/hello.txt -
  curl tftp://${address}:${port}/hello.txt

^C ends the server.`);
});
process.once("SIGINT", () => server.close());
server.listen();
