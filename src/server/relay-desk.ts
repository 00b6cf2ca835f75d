import type { Incoming } from "./request-sockets.js";
import type { HeardReport } from "./worker-messages.js";

/** What was looked at of a worker's since it was told. */
interface Account {
  count: number;
  bytes: number;
}

/**
 * Where the server's thread takes what workers heard on a single port that is for none of their transfers. Workers pass
 * on only so much that has not been looked at; they are told once per turn of the loop.
 */
export class RelayDesk {
  readonly #onHeard: (datagram: Incoming) => void;
  readonly #settle: (worker: number, count: number, bytes: number) => void;
  readonly #unsettled = new Map<number, Account>();

  constructor(
    onHeard: (datagram: Incoming) => void,
    settle: (worker: number, count: number, bytes: number) => void,
  ) {
    this.#onHeard = onHeard;
    this.#settle = settle;
  }

  take(worker: number, { bytes, peer, localAddress }: HeardReport): void {
    if (this.#unsettled.size === 0) setImmediate(() => this.#settleAll());
    const account = this.#unsettled.get(worker) ?? { count: 0, bytes: 0 };
    account.count++;
    account.bytes += bytes.length;
    this.#unsettled.set(worker, account);
    this.#onHeard({ bytes, peer, localAddress, heardBy: worker });
  }

  #settleAll(): void {
    for (const [worker, { count, bytes }] of this.#unsettled) this.#settle(worker, count, bytes);
    this.#unsettled.clear();
  }
}
