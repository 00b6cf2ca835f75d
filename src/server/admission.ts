import { type ErrorName, errorTexts } from "../errors.js";

/** What admission has to know about a running transfer. */
export interface AdmittedTransfer {
  readonly method: "GET" | "PUT";
  /** One value for all spellings of a file's name. */
  readonly fileKey: string;
  /** True once the client has answered anything: its address is real. */
  readonly proven: boolean;
  /** Ends it in favour of a new one. */
  evict(): void;
}

/**
 * Which transfers run, by client and by file: absorbs repeated requests, keeps two transfers off one file, and
 * bounds their number.
 */
export class Admission<T extends AdmittedTransfer> {
  readonly #transfersMax: number;
  /** By client endpoint, oldest first (Map keeps the order of insertion). */
  readonly #byClient = new Map<string, T>();
  readonly #readers = new Map<string, number>();
  readonly #writers = new Set<string>();
  #activeCount = 0;

  constructor(transfersMax: number) {
    this.#transfersMax = transfersMax;
  }

  /** Transfers whose data is still moving: those that only dally are not counted. */
  get activeCount(): number {
    return this.#activeCount;
  }

  transfers(): Iterable<T> {
    return this.#byClient.values();
  }

  find(clientKey: string): T | undefined {
    return this.#byClient.get(clientKey);
  }

  /** The rule that a request for this file would break, or null: one writer, or any number of readers. */
  conflict(method: "GET" | "PUT", fileKey: string): ErrorName | null {
    if (this.#writers.has(fileKey)) return method === "PUT" ? "ECONPUT" : "ECURPUT";
    return method === "PUT" && this.#readers.has(fileKey) ? "ECURGET" : null;
  }

  /**
   * Makes room for one more: at the limit, the oldest transfer whose client has never answered gives way, as a
   * flood of forged requests consists of those. False when every client is proven.
   */
  makeRoom(): boolean {
    if (this.#byClient.size < this.#transfersMax) return true;
    for (const transfer of this.#byClient.values()) {
      if (transfer.proven) continue;
      transfer.evict();
      return this.#byClient.size < this.#transfersMax;
    }
    return false;
  }

  add(clientKey: string, transfer: T): void {
    this.#byClient.set(clientKey, transfer);
    this.#activeCount++;
    const { method, fileKey } = transfer;
    if (method === "PUT") this.#writers.add(fileKey);
    else this.#readers.set(fileKey, (this.#readers.get(fileKey) ?? 0) + 1);
  }

  /** The file is free again; the client may still be listened to (dallying). Call once per transfer. */
  releaseFile(transfer: T): void {
    this.#activeCount--;
    const { method, fileKey } = transfer;
    if (method === "PUT") {
      this.#writers.delete(fileKey);
      return;
    }
    const others = (this.#readers.get(fileKey) ?? 1) - 1;
    if (others > 0) this.#readers.set(fileKey, others);
    else this.#readers.delete(fileKey);
  }

  /** Nothing is left of the transfer. A newer one of the same client is not touched. */
  remove(clientKey: string, transfer: T): void {
    if (this.#byClient.get(clientKey) === transfer) this.#byClient.delete(clientKey);
  }
}

/** The text for a server at its limit. */
export const BUSY_TEXT = "Server busy, try again later";

/** The ERROR packet of a refusal: numbers follow the RFCs and the clients that act on them, texts npm `tftp`. */
export function refusalOnWire(name: ErrorName): { readonly errorCode: number; readonly message: string } {
  return { errorCode: REFUSAL_CODES[name] ?? 0, message: errorTexts[name] };
}

/** U-Boot starts all over on any number but 1 and 2, so refusals for good are one of these. */
const REFUSAL_CODES: Partial<Record<ErrorName, number>> = {
  EBADMSG: 4,
  EBADOP: 4,
  EBADMODE: 4,
  EBADNAME: 2,
  ENOGET: 2,
  ENOPUT: 2,
  ENOSPC: 3,
};
