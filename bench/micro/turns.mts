import { bench, do_not_optimize, group } from "mitata";
import {
  encodeOack,
  encodeRequest,
  invariant,
  type Option,
  readOffer,
  Transfer,
} from "../../src/engine/index.js";

const WINDOWS = [1, 4, 16, 64];
const BLOCK_BYTES = 1428;

/** Larger than any of these transfers gets. */
const ENDLESS_BYTES = Number.MAX_SAFE_INTEGER;

/** Turns of the engine: what a datagram makes it do, down to the effects that leave it. */
export function defineTurns(): void {
  group("engine: an ACK in, a window out", () => {
    for (const windowSize of WINDOWS) {
      bench(`windowsize ${windowSize}`, senderTurn(windowSize));
    }
  });
  group("engine: a window of DATA in, an ACK out", () => {
    for (const windowSize of WINDOWS) {
      bench(`windowsize ${windowSize}`, receiverTurn(windowSize));
    }
  });
}

function optionsFor(windowSize: number): Option[] {
  return [
    { name: "blksize", value: String(BLOCK_BYTES) },
    { name: "windowsize", value: String(windowSize) },
  ];
}

const COMMON = { method: "GET", mode: "octet", timeoutMs: 3000, retries: 3 } as const;

/** A server in the middle of a file without end. */
function senderTurn(windowSize: number): () => void {
  const policy = { blockSizeMax: 65_464, windowSizeMax: 64 };
  const offer = readOffer("GET", optionsFor(windowSize), policy);
  const server = new Transfer({ ...COMMON, role: "server", offer });
  server.accept({ sizeBytes: null, userExtensions: new Map() }, 0);
  server.handleStorage({ kind: "available", availableBytes: ENDLESS_BYTES, ended: false }, 0);
  drain(server);
  const ack = Uint8Array.of(0, 4, 0, 0);
  let acknowledged = 0;
  let nowMs = 0;
  const turn = (): void => {
    ack[2] = acknowledged >> 8;
    ack[3] = acknowledged & 0xff;
    nowMs += 0.01;
    server.handleDatagram(ack, nowMs);
    const blocks = drain(server);
    invariant(blocks === windowSize, "an ACK makes a window leave");
    acknowledged = (acknowledged + windowSize) % 65_536;
  };
  return turn;
}

/** Carries out what a sender says; returns how many blocks left. */
function drain(transfer: Transfer): number {
  let blocks = 0;
  for (let command = transfer.pollStorage(); command; command = transfer.pollStorage())
    do_not_optimize(command);
  for (let transmit = transfer.pollTransmit(); transmit; transmit = transfer.pollTransmit()) {
    blocks += transmit.kind === "datagram" ? 0 : transmit.count;
  }
  for (let event = transfer.pollEvent(); event; event = transfer.pollEvent()) do_not_optimize(event);
  do_not_optimize(transfer.pollTimeout());
  return blocks;
}

/** A client in the middle of a file without end. */
function receiverTurn(windowSize: number): () => void {
  const options = optionsFor(windowSize);
  const request = encodeRequest({ method: "GET", fileName: "f", mode: "octet", options });
  const client = new Transfer({ ...COMMON, role: "client", request, options, putBytes: 0 });
  client.start(0);
  client.handleDatagram(encodeOack(options), 0);
  countDatagrams(client);
  const data = new Uint8Array(BLOCK_BYTES + 4);
  data[1] = 3;
  let block = 0;
  let nowMs = 0;
  return () => {
    nowMs += 0.01;
    let answers = 0;
    for (let index = 0; index < windowSize; index++) {
      block = (block + 1) % 65_536;
      data[2] = block >> 8;
      data[3] = block & 0xff;
      client.handleDatagram(data, nowMs);
      answers += countDatagrams(client);
    }
    invariant(answers === 1, "a window is acknowledged once");
  };
}

function countDatagrams(transfer: Transfer): number {
  let datagrams = 0;
  for (let command = transfer.pollStorage(); command; command = transfer.pollStorage())
    do_not_optimize(command);
  for (let transmit = transfer.pollTransmit(); transmit; transmit = transfer.pollTransmit()) {
    datagrams += transmit.kind === "datagram" ? 1 : 0;
  }
  for (let event = transfer.pollEvent(); event; event = transfer.pollEvent()) do_not_optimize(event);
  do_not_optimize(transfer.pollTimeout());
  return datagrams;
}
