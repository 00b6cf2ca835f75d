import { GONE_GRACE_MS } from "./constants.js";
import type { ViolationName } from "./effects.js";

/** Something the peer said that made no sense. */
export interface Suspicion {
  readonly name: ViolationName;
  readonly detail: string;
  /** It was meant as an ERROR: never answered, not even by one that breaks off. */
  readonly isError: boolean;
}

/**
 * What speaks against the peer since its last sensible packet. None of it ends a transfer at once: junk may be forged,
 * and so may news that the peer is gone. It is the reason given when nothing better follows; with a sensible packet, it is
 * forgotten.
 */
export class PeerSigns {
  /** The first nonsense. */
  suspicion: Suspicion | null = null;
  /** When a peer that is said to be gone has had its time to show that it is not; Infinity while nobody says so. */
  goneAtMs = Number.POSITIVE_INFINITY;
  goneCause: Error | null = null;

  suspect(name: ViolationName, detail: string, isError: boolean): void {
    this.suspicion ??= { name, detail, isError };
  }

  /** The network says that nobody listens at the peer's TID. */
  noteGone(cause: Error, nowMs: number): void {
    if (this.goneCause !== null) return;
    this.goneCause = cause;
    this.goneAtMs = nowMs + GONE_GRACE_MS;
  }
}
