import {
  consecutiveOnWire,
  invariant,
  Opcode,
  type TransferParameters,
  toWireBlock,
} from "../engine/index.js";
import type { Outgoing, Peer } from "../io/socket.js";
import type { BlockSource } from "../io/storage.js";

/**
 * Turns a range of DATA blocks into runs for the socket, with the payload straight from the source's memory. A
 * run ends where the source's memory or the wire numbers do; a block that lies across two pieces of memory is
 * put together in a buffer of its own.
 */
export function appendBlockRuns(
  batch: Outgoing[],
  source: BlockSource,
  peer: Peer,
  parameters: TransferParameters,
  range: { readonly firstBlock: number; readonly count: number },
): void {
  const { blockSize, rollover } = parameters;
  const end = range.firstBlock + range.count;
  for (let block = range.firstBlock; block < end; ) {
    const count = consecutiveOnWire(block, end - block, rollover);
    const offset = (block - 1) * blockSize;
    const length = Math.min(count * blockSize, source.availableBytes - offset);
    const piece = length === 0 ? EMPTY : source.slice(offset, length);
    // Only the last block of a file may be shorter than blockSize: there the piece holds all that is left.
    const whole = piece.length === length;
    const blocks = whole ? count : Math.floor(piece.length / blockSize);
    const run = { kind: "run", peer, opcode: Opcode.data, payloadBytesEach: blockSize } as const;
    const firstNumber = toWireBlock(block, rollover);
    if (blocks > 0) {
      const payload = whole ? piece : piece.subarray(0, blocks * blockSize);
      batch.push({ ...run, firstNumber, count: blocks, payload });
      block += blocks;
    } else {
      const payload = gather(source, offset, Math.min(blockSize, length));
      batch.push({ ...run, firstNumber, count: 1, payload });
      block++;
    }
  }
}

const EMPTY = new Uint8Array(0);

function gather(source: BlockSource, offset: number, length: number): Uint8Array {
  const block = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const piece = source.slice(offset + filled, length - filled);
    invariant(piece.length > 0, "a source holds what it said to be available");
    block.set(piece, filled);
    filled += piece.length;
  }
  return block;
}
