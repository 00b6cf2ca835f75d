// A handler module that fetches over HTTP what a client asks for over TFTP: boot files stay on the web server.
//
//   UPSTREAM=http://127.0.0.1:8080/ ntftp -l . --handler examples/handlers/http-proxy.mjs 127.0.0.1:6969
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ENOENT } from "ntftp";

const upstream = process.env.UPSTREAM ?? "http://127.0.0.1:8080/";

export default async function (req, res) {
  if (req.method === "PUT") {
    req.abort("This server is read-only");
    return;
  }
  // A client that goes away ends the HTTP request too.
  const gone = new AbortController();
  req.on("close", () => gone.abort());
  req.on("error", () => undefined);
  try {
    const answer = await fetch(new URL(req.file.replace(/^\/+/, ""), upstream), { signal: gone.signal });
    const size = Number(answer.headers.get("content-length"));
    if (!answer.ok || answer.body === null || !Number.isSafeInteger(size)) {
      await answer.body?.cancel();
      req.abort(ENOENT);
      return;
    }
    res.setSize(size);
    await pipeline(Readable.fromWeb(answer.body), res);
  } catch (error) {
    if (!gone.signal.aborted) req.abort(error);
  }
}
