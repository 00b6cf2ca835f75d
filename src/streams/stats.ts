/** What both ends agreed on: the argument of `stats` and `req.stats`, with npm `tftp`'s ten keys. */
export interface Stats {
  /** Bytes per DATA block, 8..65464. */
  blockSize: number;
  /** Blocks per acknowledgement, 1..65535. */
  windowSize: number;
  /** Size of the file in bytes, or null when the peer did not say. */
  size: number | null;
  /** Client: what the server answered to `userExtensions`. Server: what the client sent. */
  userExtensions: Record<string, string>;
  /** Whole time-outs without progress that are survived. */
  retries: number;
  /** Milliseconds. */
  timeout: number;
  /** Address and port (TID) of this end of the transfer. */
  localAddress: string;
  localPort: number;
  /** Address and port (TID) of the other end. */
  remoteAddress: string;
  remotePort: number;
}

/** User extensions as the API shows them: a plain object that no name can harm (`__proto__` is just a key). */
export function toExtensionsObject(extensions: ReadonlyMap<string, string>): Record<string, string> {
  const object: Record<string, string> = {};
  for (const [name, value] of extensions) {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/** User extensions as a caller gives them: own enumerable properties, values as text; anything falsy is none. */
export function fromExtensionsObject(extensions: unknown): Map<string, string> {
  if (typeof extensions !== "object" || extensions === null) return new Map();
  return new Map(Object.entries(extensions).map(([name, value]) => [name, String(value)]));
}
