import { type ErrorName, errorTexts } from "../errors.js";

/** What admission has to know about a running transfer. */
export interface AdmittedTransfer {
  readonly method: "GET" | "PUT";
  /** One value for all spellings of a file's name. */
  readonly fileKey: string;
  readonly clientAddress: string;
  /** True once the client has answered anything: its address is real. */
  readonly proven: boolean;
  /** It has its socket: the system carries it. */
  readonly isCarried: boolean;
  /** How long nothing has come from the client, ms. */
  silentMs(): number;
  /** Ends it in favour of a new one. */
  evict(by: "same-client" | "limit"): void;
}

/** Room for one more transfer, or whose limit is in the way. */
export type Room = "free" | "client-full" | "server-full";

/**
 * Which transfers run, by client and by file: absorbs repeated requests, keeps two transfers off one file, and
 * bounds their number.
 */
export class Admission<T extends AdmittedTransfer> {
  readonly #transfersMax: number;
  /** The same, or less while the system has no more descriptors or ports. */
  #transfersMaxNow: number;
  #transfersPerClientMax: number;
  /** By client endpoint, oldest first (Map keeps the order of insertion). */
  readonly #byClient = new Map<string, T>();
  readonly #readers = new Map<string, Set<T>>();
  readonly #writers = new Map<string, T>();
  /** Transfers by client address. */
  readonly #byAddress = new Map<string, number>();
  #activeCount = 0;

  constructor(limits: { readonly transfersMax: number; readonly transfersPerClientMax: number }) {
    this.#transfersMax = limits.transfersMax;
    this.#transfersMaxNow = limits.transfersMax;
    this.#transfersPerClientMax = limits.transfersPerClientMax;
  }

  /** For requests to come. */
  configure(limits: { readonly transfersPerClientMax: number }): void {
    this.#transfersPerClientMax = limits.transfersPerClientMax;
  }

  /** Transfers whose data is still moving: those that only dally are not counted. */
  get activeCount(): number {
    return this.#activeCount;
  }

  /** Places, when the system has fewer than were configured; else null. */
  get shortOf(): number | null {
    return this.#transfersMaxNow < this.#transfersMax ? this.#transfersMaxNow : null;
  }

  /**
   * The system could not carry the newest transfer: what it carries is the limit, until half of the places are free.
   * Within that limit it is a shortage of a moment, as what an evicted transfer held comes back a little later.
   */
  learnShortage(): void {
    if (this.#byClient.size <= this.#transfersMaxNow && this.shortOf !== null) return;
    let carried = 0;
    for (const transfer of this.#byClient.values()) if (transfer.isCarried) carried++;
    this.#transfersMaxNow = Math.max(1, Math.min(this.#transfersMaxNow, carried - SHORTAGE_RESERVE));
  }

  transfers(): Iterable<T> {
    return this.#byClient.values();
  }

  find(clientKey: string): T | undefined {
    return this.#byClient.get(clientKey);
  }

  /**
   * The rule that a request for this file would break, or null: one writer, or any number of readers.
   *
   * A forged request must not close a file to others. So an upload keeps readers out from its first DATA on (they see
   * the old file to its end anyway), and who has not answered for a while gives way to an upload.
   */
  conflict(method: "GET" | "PUT", fileKey: string): ErrorName | null {
    const writer = this.#writers.get(fileKey);
    if (method === "GET") return writer?.proven ? "ECURPUT" : null;
    if (writer !== undefined && !isForgotten(writer)) return "ECONPUT";
    const readers = [...(this.#readers.get(fileKey) ?? [])];
    if (!readers.every(isForgotten)) return "ECURGET";
    writer?.evict("limit");
    for (const reader of readers) reader.evict("limit");
    return null;
  }

  /**
   * Whether one more of this address may run, now or after making room: at a limit, the oldest transfer whose client
   * has not answered for a while gives way, as a flood of forged requests consists of those.
   */
  makeRoom(address: string): Room {
    if (this.#isClientFull(address)) this.#evictOldest(address);
    if (this.#isFull()) this.#evictOldest(null);
    if (this.#isFull()) return "server-full";
    return this.#isClientFull(address) ? "client-full" : "free";
  }

  #isFull(): boolean {
    return this.#byClient.size >= this.#transfersMaxNow;
  }

  #isClientFull(address: string): boolean {
    return (this.#byAddress.get(address) ?? 0) >= this.#transfersPerClientMax;
  }

  #evictOldest(address: string | null): void {
    for (const transfer of this.#byClient.values()) {
      if (transfer.proven || (address !== null && transfer.clientAddress !== address)) continue;
      // All that follow are younger.
      if (isForgotten(transfer)) transfer.evict("limit");
      return;
    }
  }

  add(clientKey: string, transfer: T): void {
    this.#byClient.set(clientKey, transfer);
    this.#activeCount++;
    const { method, fileKey, clientAddress } = transfer;
    this.#byAddress.set(clientAddress, (this.#byAddress.get(clientAddress) ?? 0) + 1);
    if (method === "PUT") {
      this.#writers.set(fileKey, transfer);
      return;
    }
    const readers = this.#readers.get(fileKey);
    if (readers === undefined) this.#readers.set(fileKey, new Set([transfer]));
    else readers.add(transfer);
  }

  /** The file is free again; the client may still be listened to (dallying). Call once per transfer. */
  releaseFile(transfer: T): void {
    this.#activeCount--;
    const { method, fileKey } = transfer;
    if (method === "PUT") {
      this.#writers.delete(fileKey);
      return;
    }
    const readers = this.#readers.get(fileKey);
    readers?.delete(transfer);
    if (readers?.size === 0) this.#readers.delete(fileKey);
  }

  /** Nothing is left of the transfer. A newer one of the same client is not touched. Call once per transfer. */
  remove(clientKey: string, transfer: T): void {
    if (this.#byClient.get(clientKey) === transfer) this.#byClient.delete(clientKey);
    if (this.#byClient.size < this.#transfersMaxNow / 2) this.#transfersMaxNow = this.#transfersMax;
    const others = (this.#byAddress.get(transfer.clientAddress) ?? 1) - 1;
    if (others > 0) this.#byAddress.set(transfer.clientAddress, others);
    else this.#byAddress.delete(transfer.clientAddress);
  }
}

/** Descriptors that are kept free for opening files, once they have run out. */
const SHORTAGE_RESERVE = 8;

/** Any client on this planet has answered an OACK by then. */
const UNPROVEN_GRACE_MS = 250;

/** Nobody may be behind this transfer: its request is old and was never followed by anything. */
function isForgotten(transfer: AdmittedTransfer): boolean {
  return !transfer.proven && transfer.silentMs() >= UNPROVEN_GRACE_MS;
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
  ETID: 5,
  EACCESS: 2,
  ENOGET: 2,
  ENOPUT: 2,
  ENOSPC: 3,
};
