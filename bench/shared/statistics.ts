/** The middle one; of an even number the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** How several rounds compare. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Median and range of what rounds brought; rounds without a figure are left out. */
export function spreadOf(values: readonly number[]): Spread {
  const known = values.filter(Number.isFinite);
  return {
    median: median(known),
    lowest: known.length === 0 ? Number.NaN : Math.min(...known),
    highest: known.length === 0 ? Number.NaN : Math.max(...known),
  };
}

/** Ratios round by round: what the machine did to both in a round cancels out. */
export function ratios(values: readonly number[], base: readonly number[]): number[] {
  return values.map((value, round) => value / (base[round] ?? Number.NaN));
}
