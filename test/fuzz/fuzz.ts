import fc from "fast-check";

/** How many times the ordinary runs, which take seconds: more for the night. */
const TIMES = Number(process.env["NTFTP_FUZZ_TIMES"] ?? 1);

/**
 * Checks a property for some seconds, or `NTFTP_FUZZ_TIMES` as long. What fails is told with the smallest counterexample
 * and the environment that shows it again, `NTFTP_FUZZ_SEED` and `NTFTP_FUZZ_PATH`.
 *
 * @param file - a part of the test file's name, for the replay command
 */
export async function fuzz<T>(
  file: string,
  ordinaryRuns: number,
  property: fc.IProperty<T> | fc.IAsyncProperty<T>,
): Promise<void> {
  const { NTFTP_FUZZ_SEED: seed, NTFTP_FUZZ_PATH: path } = process.env;
  const settings: fc.Parameters<T> = {
    numRuns: Math.ceil(ordinaryRuns * TIMES),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path }),
  };
  const found = await fc.check(property, settings);
  if (!found.failed) return;
  const replay = `NTFTP_FUZZ_SEED=${found.seed} NTFTP_FUZZ_PATH=${found.counterexamplePath} node test/run.mjs ${file}`;
  const why = (found.errorInstance as Error | null)?.stack;
  throw new Error(`${fc.defaultReportMessage(found)}\n  replay: ${replay}\n${why}`);
}
