import { processTimeMs } from "../io/process-time.js";
import { RecentKeys } from "./recent-keys.js";

/** So long after its download's end, an ACK is a copy: the client has answered a block that it got twice. */
const LATE_MS_MAX = 10_000;

/** Endpoints remembered. */
const CLIENTS_MAX = 4096;

/**
 * Clients on a shared port whose download has ended a moment ago. An ACK of theirs says nothing any more, and ERROR 5 in
 * answer to it would meet what such a client asks for next: boot ROMs keep their port, and this server's is always the same.
 */
export class LateAcks {
  readonly #endedAtMs = new RecentKeys<number>(CLIENTS_MAX);

  /** The client has all that it asked for. */
  expect(clientKey: string): void {
    this.#endedAtMs.set(clientKey, processTimeMs());
  }

  /** The client has asked for something else, whose ACKs are not late. */
  forget(clientKey: string): void {
    this.#endedAtMs.delete(clientKey);
  }

  /** Whether an ACK of this client is a late one. */
  areExpected(clientKey: string): boolean {
    const endedAtMs = this.#endedAtMs.get(clientKey);
    return endedAtMs !== undefined && processTimeMs() - endedAtMs < LATE_MS_MAX;
  }
}
