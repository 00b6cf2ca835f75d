/*
 * The only place that knows about rollover. Everything else counts blocks absolutely, from 1 (0 is what an
 * ACK of an OACK or of a WRQ names); the wire has 16 bits for it.
 */

/** Which wire number follows 65535: 0 (what nearly everybody does) or 1 (the `rollover` option). */
export type Rollover = 0 | 1;

const WIRE_NUMBERS = 65_536;

/** The 16-bit number of an absolute block index. */
export function toWireBlock(blockIndex: number, rollover: Rollover): number {
  if (rollover === 0 || blockIndex === 0) return blockIndex % WIRE_NUMBERS;
  return ((blockIndex - 1) % (WIRE_NUMBERS - 1)) + 1;
}

/**
 * The one absolute index within `[lowest, highest]` that has this wire number, or -1.
 *
 * The range must span fewer blocks than wire numbers repeat after; windows are limited so that it does.
 */
export function fromWireBlock(
  wireBlock: number,
  lowest: number,
  highest: number,
  rollover: Rollover,
): number {
  const cycle = rollover === 0 ? WIRE_NUMBERS : WIRE_NUMBERS - 1;
  // With rollover 1 the number 0 names block 0 alone.
  if (rollover === 1 && wireBlock === 0) return lowest <= 0 && highest >= 0 ? 0 : -1;
  const distance = (((wireBlock - lowest) % cycle) + cycle) % cycle;
  let blockIndex = lowest + distance;
  // Block 0 is outside the cycle 1..65535 of rollover 1, though the arithmetic would name it for 65535.
  if (rollover === 1 && blockIndex === 0) blockIndex += cycle;
  return blockIndex <= highest ? blockIndex : -1;
}

/** How many blocks from `blockIndex` on have wire numbers that count up by one, at most `count`. */
export function consecutiveOnWire(blockIndex: number, count: number, rollover: Rollover): number {
  return Math.min(count, WIRE_NUMBERS - toWireBlock(blockIndex, rollover));
}
