import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from "hdr-histogram-js";

/** An hour: no transfer of a load test takes longer. */
const MICROSECONDS_MAX = 3_600_000_000;

/** Percentiles that are told. */
const PERCENTILES = [50, 75, 90, 97.5, 99, 99.9] as const;

/** Latencies of a run, in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly deviationMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** `p50` to `p99.9`. */
  readonly percentilesMs: Readonly<Record<string, number>>;
}

/**
 * Latencies with three digits of precision, in microseconds. Histograms of threads are added up, and percentiles
 * taken from the sum: the average of two percentiles is the percentile of nothing.
 */
export class Latencies {
  readonly #histogram: Histogram;

  private constructor(histogram: Histogram) {
    this.#histogram = histogram;
  }

  static empty(): Latencies {
    return new Latencies(
      build({
        lowestDiscernibleValue: 1,
        highestTrackableValue: MICROSECONDS_MAX,
        numberOfSignificantValueDigits: 3,
        bitBucketSize: 32,
      }),
    );
  }

  /** What {@link encode} wrote. */
  static decode(text: string): Latencies {
    return new Latencies(decodeFromCompressedBase64(text));
  }

  record(latencyMs: number): void {
    const microseconds = Math.round(latencyMs * 1000);
    this.#histogram.recordValue(Math.min(MICROSECONDS_MAX, Math.max(1, microseconds)));
  }

  add(more: Latencies): void {
    this.#histogram.add(more.#histogram);
  }

  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  summarize(): LatencySummary {
    const histogram = this.#histogram;
    const ms = (microseconds: number): number => microseconds / 1000;
    const count = histogram.totalCount;
    const percentiles = PERCENTILES.map((percentile) => [
      `p${percentile}`,
      count === 0 ? 0 : ms(histogram.getValueAtPercentile(percentile)),
    ]);
    return {
      count,
      meanMs: count === 0 ? 0 : ms(histogram.mean),
      deviationMs: count === 0 ? 0 : ms(histogram.stdDeviation),
      minMs: count === 0 ? 0 : ms(histogram.minNonZeroValue),
      maxMs: count === 0 ? 0 : ms(histogram.maxValue),
      percentilesMs: Object.fromEntries(percentiles),
    };
  }
}
