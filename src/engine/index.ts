/*
 * The engine: TFTP without I/O. Bytes, store replies and a clock value go in, effects come out.
 * This file is its only door for the other layers.
 */
export { consecutiveOnWire, fromWireBlock, type Rollover, toWireBlock } from "./block-number.js";
export { equalBytes } from "./bytes.js";
export * from "./codec.js";
export * from "./constants.js";
export * from "./effects.js";
export { invariant } from "./invariant.js";
export * from "./negotiation.js";
export { encodeNetascii, NetasciiDecoder } from "./netascii.js";
export { decodeText, encodeText } from "./text.js";
export { Transfer } from "./transfer.js";
export type { ClientTransferConfig } from "./transfer-config.js";
export { violationOnWire } from "./violations.js";
