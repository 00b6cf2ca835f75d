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

/** What is known of an address that has transfers. */
interface AddressRecord<T> {
  /** All of its transfers. */
  count: number;
  /** Those not known to be carried, oldest first. */
  readonly starting: Set<T>;
}

/** Room for one more transfer, or whose limit is in the way. */
export type Room = "free" | "client-starting" | "client-full" | "server-full";

/**
 * Which transfers run, by client and by file: absorbs repeated requests, keeps two transfers off one file, and
 * bounds their number.
 */
export class Admission<T extends AdmittedTransfer> {
  readonly #transfersMax: number;
  /** The same, or less while the system has no more descriptors or ports. */
  #transfersMaxNow: number;
  #transfersPerClientMax = Number.POSITIVE_INFINITY;
  #startingMax = STARTING_MAX;
  /** By client endpoint, oldest first (Map keeps the order of insertion). */
  readonly #byClient = new Map<string, T>();
  readonly #readers = new Map<string, Set<T>>();
  readonly #writers = new Map<string, T>();
  readonly #byAddress = new Map<string, AddressRecord<T>>();
  #activeCount = 0;

  constructor(limits: ClientLimits & { readonly transfersMax: number }) {
    this.#transfersMax = limits.transfersMax;
    this.#transfersMaxNow = limits.transfersMax;
    this.configure(limits);
  }

  /** For requests to come. */
  configure({ transfersPerClientMax, queuedRequestsMax }: ClientLimits): void {
    this.#transfersPerClientMax = transfersPerClientMax;
    // Where nobody can wait, a crowd would be turned away.
    this.#startingMax = queuedRequestsMax > 0 ? STARTING_MAX : Number.POSITIVE_INFINITY;
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
    if (this.#isClientFull(address)) return "client-full";
    return this.#isStarting(address) ? "client-starting" : "free";
  }

  #isFull(): boolean {
    return this.#byClient.size >= this.#transfersMaxNow;
  }

  #isClientFull(address: string): boolean {
    return (this.#byAddress.get(address)?.count ?? 0) >= this.#transfersPerClientMax;
  }

  /**
   * As many of this address are being started as may be, so that a crowd behind it, or a flood, does not stand in
   * front of everybody else's. One whose file takes long to open does not count.
   */
  #isStarting(address: string): boolean {
    const starting = this.#byAddress.get(address)?.starting;
    if (starting === undefined || starting.size < this.#startingMax) return false;
    for (const transfer of starting) {
      if (transfer.isCarried || transfer.silentMs() >= STARTING_MS_MAX) starting.delete(transfer);
    }
    return starting.size >= this.#startingMax;
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
    const record = this.#byAddress.get(clientAddress) ?? { count: 0, starting: new Set() };
    record.count++;
    record.starting.add(transfer);
    this.#byAddress.set(clientAddress, record);
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
    this.#byAddress.get(transfer.clientAddress)?.starting.delete(transfer);
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
    const record = this.#byAddress.get(transfer.clientAddress);
    if (record !== undefined && --record.count === 0) this.#byAddress.delete(transfer.clientAddress);
  }
}

/** The limits that hold for each client address; without a queue, any number of an address may start at a time. */
export interface ClientLimits {
  readonly transfersPerClientMax: number;
  readonly queuedRequestsMax: number;
}

/**
 * Transfers of one address that are being started at a time: between their admission and their socket they wait for
 * the same thread and its files. So many keep a thread busy, and who comes from another address waits no longer than
 * for these. Behind one address there may be hundreds of machines: they start as fast as without this limit.
 */
const STARTING_MAX = 32;

/** Longer than a start takes on any machine that is not stuck, say in a network file system. */
const STARTING_MS_MAX = 250;

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
