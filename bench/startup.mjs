// How long a server takes from listen() to its first answer on the wire, in fresh processes, medians of the rounds.
//
//   npm run bench:startup [-- ROUNDS]
//
// On a machine that has other things to do, `sudo chrt --rr 20 node bench/startup.mjs` goes first.
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createServer } from "../dist/src/index.mjs";

const WORKERS = [0, 1, 2];

/** One server; prints the milliseconds to `listening` and to the first byte of an answer. */
async function measure(workers) {
  const root = fileURLToPath(new URL("../examples/files", import.meta.url));
  const startedMs = performance.now();
  const server = createServer({ host: "127.0.0.1", port: 0, root, workers });
  server.listen();
  await once(server, "listening");
  const listeningMs = performance.now() - startedMs;
  const client = createSocket("udp4");
  client.send("\0\x01hello.txt\0octet\0", server.address().port, "127.0.0.1");
  const [answer] = await once(client, "message");
  if (answer[1] !== 3) throw new Error(`no DATA: ${answer.toString("latin1")}`);
  console.log(JSON.stringify({ listeningMs, answerMs: performance.now() - startedMs }));
  process.exit(0);
}

const median = (values) =>
  values
    .sort((a, b) => a - b)
    [values.length >> 1].toFixed(0)
    .padStart(4);

if (process.argv[2] === "--once") {
  await measure(Number(process.argv[3]));
} else {
  const rounds = Number(process.argv[2] ?? 9);
  for (const workers of WORKERS) {
    const results = Array.from({ length: rounds }, () => {
      const words = [fileURLToPath(import.meta.url), "--once", String(workers)];
      const { stdout, status } = spawnSync(process.execPath, words, { encoding: "utf8", stdio: "pipe" });
      if (status !== 0) throw new Error(`a round failed with ${status}`);
      return JSON.parse(stdout);
    });
    const listening = median(results.map(({ listeningMs }) => listeningMs));
    const answer = median(results.map(({ answerMs }) => answerMs));
    console.log(`${workers} workers: listening after ${listening} ms, first answer after ${answer} ms`);
  }
}
