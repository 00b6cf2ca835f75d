// A boot script made for each client: GETs of `boot.ipxe` are answered by hand, everything else from files.
const path = require("node:path");
const { createServer } = require("ntftp");

const server = createServer(
  { host: "127.0.0.1", port: Number(process.argv[2] ?? 6969) },
  function (req, res) {
    if (req.method !== "GET" || path.basename(req.file) !== "boot.ipxe") {
      this.requestListener(req, res);
      return;
    }
    const script = Buffer.from(`#!ipxe
echo You are ${req.stats.remoteAddress}
kernel images/vmlinuz
boot
`);
    // The client is told the size first, then the bytes follow.
    res.setSize(script.length);
    res.end(script);
    req.on("error", (error) => console.error(`${req.stats.remoteAddress}: ${error.message}`));
  },
);

server.root = path.join(__dirname, "files");
server.on("listening", () => console.log(`listening on port ${server.address().port}`));
server.on("error", (error) => console.error(error.message));
process.once("SIGINT", () => server.close());
server.listen();
