import { dgramSockets } from "./dgram-socket.js";
import { nativeBinding } from "./native-binding.js";
import { NativeSockets } from "./native-socket.js";
import type { SocketFactory } from "./socket.js";

/** Which sockets a thread uses, and why. */
export interface SelectedSockets {
  readonly sockets: SocketFactory;
  /** The native path is in use. */
  readonly isNative: boolean;
  /** What of it, or why it is not used: `sendmmsg, GSO`, `turned off by NTFTP_NATIVE=0`. */
  readonly reason: string;
}

/** The addon's sockets where it can be loaded, else node:dgram's. Call once per thread. */
export function selectSockets(): SelectedSockets {
  const { binding, reason } = nativeBinding();
  if (binding === null) return { sockets: dgramSockets, isNative: false, reason };
  try {
    const sockets = new NativeSockets(binding);
    const { segmentation, batches } = sockets.features;
    const used = [batches ? "sendmmsg" : "sendmsg", ...(segmentation ? ["GSO"] : [])];
    return { sockets, isNative: true, reason: used.join(", ") };
  } catch (error) {
    return { sockets: dgramSockets, isNative: false, reason: (error as Error).message };
  }
}
