/**
 * Throws when a condition that only a programming error can break does not hold. Always on: nothing that
 * arrives from the network reaches one of these, so a throw here is a bug of ours.
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`ntftp invariant broken: ${message}`);
}
