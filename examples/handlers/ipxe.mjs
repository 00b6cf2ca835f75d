// A handler module: it runs inside the worker threads, so it scales with them.
//
//   ntftp -l examples/files --handler examples/handlers/ipxe.mjs 127.0.0.1:6969
//
// GETs of `boot.ipxe` get a script made for the client; everything else comes from files.
import { basename } from "node:path";

/** What a machine boots, by its address. */
const MENU = {
  "10.0.0.7": { kernel: "images/rescue", options: "debug" },
};

export default function (req, res) {
  if (req.method !== "GET" || basename(req.file) !== "boot.ipxe") {
    this.requestListener(req, res);
    return;
  }
  const address = req.stats.remoteAddress;
  const { kernel, options } = MENU[address] ?? { kernel: "images/vmlinuz", options: "quiet" };
  const script = Buffer.from(`#!ipxe
echo You are ${address}
kernel ${kernel} ${options}
boot
`);
  res.setSize(script.length);
  res.end(script);
}
