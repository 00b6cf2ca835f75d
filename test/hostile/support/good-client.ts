import assert from "node:assert/strict";
import { openPeer } from "./peer.js";

/**
 * Fetches `f5k` (5,000 bytes, 10 blocks) as an honest client in lock-step would, repeating what gets no answer, and
 * asking again where the server is busy.
 *
 * @returns milliseconds from the first request to the last block
 */
export async function fetchFile(
  context: { after(cleanUp: () => void): void },
  server: { readonly address: string; readonly port: number },
  withinMs: number,
): Promise<number> {
  const startMs = performance.now();
  const left = (): number => withinMs - (performance.now() - startMs);
  while (left() > 0) {
    const peer = await openPeer(context, server);
    let blocks = 0;
    peer.send("RRQ f5k octet");
    for (let silences = 0; left() > 0; ) {
      const received = await peer.next(Math.min(500, Math.max(1, left())));
      if (received === null) {
        if (blocks === 0) peer.request("RRQ f5k octet");
        else peer.send(`ACK ${blocks}`);
        if (++silences > 20) break;
        continue;
      }
      const [opcode, number] = [received.bytes.readUInt16BE(0), received.bytes.readUInt16BE(2)];
      // Busy: a new request from a new port.
      if (opcode === 5) break;
      if (number === blocks + 1) blocks++;
      peer.send(`ACK ${number}`);
      if (number === 10 && received.bytes.length < 516) return performance.now() - startMs;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return assert.fail(`no file within ${withinMs} ms`);
}
