import {
  consecutiveOnWire,
  invariant,
  Opcode,
  type TransferParameters,
  toWireBlock,
} from "../engine/index.js";
import type { DatagramSocket } from "../io/socket.js";
import { type BlockSource, NO_PIECE, viewOf } from "../io/storage.js";

// What the engine's index passes on is looked up at each use, in CommonJS: here once, and not for each block.
const DATA = Opcode.data;
const numberOnWire = toWireBlock;
const countOnWire = consecutiveOnWire;

/**
 * Sends a range of DATA blocks as runs, with the payload straight from the source's memory. A run ends where the
 * source's memory or the wire numbers do; a block that lies across two pieces of memory is put together in a buffer
 * of its own.
 */
export function sendBlocks(
  socket: DatagramSocket,
  source: BlockSource,
  parameters: TransferParameters,
  firstBlock: number,
  blockCount: number,
): void {
  const { blockSize, rollover } = parameters;
  const end = firstBlock + blockCount;
  for (let block = firstBlock; block < end; ) {
    const count = countOnWire(block, end - block, rollover);
    const offset = (block - 1) * blockSize;
    const length = Math.min(count * blockSize, source.availableBytes - offset);
    const piece = length === 0 ? NO_PIECE : source.locate(offset, length);
    // Only the last block of a file may be shorter than blockSize: there the piece holds all that is left.
    const whole = piece.length === length;
    const blocks = whole ? count : Math.floor(piece.length / blockSize);
    const firstNumber = numberOnWire(block, rollover);
    if (blocks > 0) {
      const payload = whole ? piece : { ...piece, length: blocks * blockSize };
      socket.sendRun({ opcode: DATA, firstNumber, count: blocks, payloadBytesEach: blockSize, payload });
      block += blocks;
    } else {
      const memory = gather(source, offset, Math.min(blockSize, length));
      const payload = { memory, offset: 0, length: memory.length };
      socket.sendRun({ opcode: DATA, firstNumber, count: 1, payloadBytesEach: blockSize, payload });
      block++;
    }
  }
}

function gather(source: BlockSource, offset: number, length: number): Uint8Array {
  const block = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const piece = source.locate(offset + filled, length - filled);
    invariant(piece.length > 0, "a source holds what it said to be available");
    block.set(viewOf(piece), filled);
    filled += piece.length;
  }
  return block;
}
