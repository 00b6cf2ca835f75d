import { join } from "node:path";
import loadAddon from "node-gyp-build";

/** The addon's only class; every function, unit and error is in native/README.md. */
export interface Reactor {
  open(
    address: string,
    firstPort: number,
    portCount: number,
    portStart: number,
    receiveBufferBytes: number,
    datagramBytes: number,
    flags: number,
  ): number;
  adopt(descriptor: number, datagramBytes: number, flags: number): number;
  descriptor(handle: number): number;
  localPort(handle: number): number;
  addPeer(handle: number, address: string, port: number): number;
  sendTo(handle: number, address: string, port: number, bytes: Uint8Array, fromAddress?: string): number;
  flush(count: number, memories: readonly Uint8Array[]): boolean;
  takeErrors(): number[];
  setReferenced(referenced: boolean): void;
  features(): NativeFeatures;
  stop(): void;
}

/** What the addon may use, and what is left of it after the kernel was asked. */
export interface NativeFeatures {
  /** UDP_SEGMENT: a window in one piece (GSO). */
  readonly segmentation: boolean;
  /** sendmmsg and recvmmsg. */
  readonly batches: boolean;
}

/** The addon, loaded. */
export interface NativeBinding {
  readonly Reactor: new (
    inbox: Uint8Array,
    records: Uint32Array,
    commands: Uint32Array,
    outbox: Uint8Array,
    onBatch: (count: number, hasErrors: boolean) => void,
    features: NativeFeatures,
  ) => Reactor;
  readonly recordWords: number;
  readonly commandWords: number;
}

/** The addon, or one line that says why it is not used. */
export type NativeLoad =
  | { readonly binding: NativeBinding; readonly reason?: undefined }
  | { readonly binding: null; readonly reason: string };

let loaded: NativeLoad | null = null;

/**
 * Loads the addon at the first call: the build of this checkout, else the prebuild for this system. Never throws: whoever
 * can't load it uses node:dgram. `NTFTP_NATIVE=0` turns it off.
 */
export function nativeBinding(): NativeLoad {
  loaded ??= load();
  return loaded;
}

function load(): NativeLoad {
  if (process.env.NTFTP_NATIVE === "0") return { binding: null, reason: "turned off by NTFTP_NATIVE=0" };
  if (process.platform !== "linux") return { binding: null, reason: `not made for ${process.platform}` };
  try {
    return { binding: loadAddon(PACKAGE_ROOT) as NativeBinding };
  } catch (error) {
    // The first line says what is missing or does not fit; node-gyp-build lists its search below.
    const [reason = ""] = String((error as Error).message).split("\n");
    return { binding: null, reason };
  }
}

/** From dist/src/io. */
const PACKAGE_ROOT = join(__dirname, "..", "..", "..");
