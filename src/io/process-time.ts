/** Milliseconds on the monotonic clock that all threads of the process share; its zero means nothing. */
export function processTimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
