import { HEADER_BYTES } from "../engine/index.js";
import { canonicalAddress, isUnspecified, localAddresses } from "../io/address.js";
import type { DatagramSocket, Peer, SocketFactory, SocketGroup, SocketHandlers } from "../io/socket.js";

/** Asked for as receive buffer of a request socket: a boot storm must not drown in it. */
const RECEIVE_BUFFER_BYTES = 1_048_576;

/** Twice the largest request there is: what is longer is malformed anyway. */
const DATAGRAM_BYTES = 1024;

/** A shared port carries the acknowledgements and the uploads of all transfers. */
const SHARED_RECEIVE_BUFFER_BYTES = 8_388_608;

/** How often the machine's addresses are looked at, when all of them are served. */
const RESCAN_MS = 5_000;

/** Ports tried before a server on port 0 gives up finding one that is free on every address. */
const PORT_CHOICES_MAX = 16;

/** A datagram that came to a request socket. `bytes` is borrowed. */
export interface Incoming {
  readonly bytes: Uint8Array;
  readonly peer: Peer;
  /** The address that it was sent to: an answer leaves from there. */
  readonly localAddress: string;
  /** The worker that heard it, where they share the port. */
  readonly heardBy?: number;
}

/** Addresses to listen on: IP literals, `0.0.0.0` and `::` stand for all of a family. */
export interface Wanted {
  readonly addresses: readonly string[];
  /** `::` does not stand for IPv4 addresses too. */
  readonly ipv6Only: boolean;
  /** Transfers share the port: largest datagram that comes for them. Absent where they have ports of their own. */
  readonly sharedDatagramBytes?: number;
  /** How many workers hear the shared port, each on a socket of its own. Absent or 0: it is heard here. */
  readonly hearers?: number;
}

/** Takes a datagram that came to a request socket. */
export type RequestHandler = (datagram: Incoming, socket: DatagramSocket) => void;

/**
 * The sockets on which a server hears requests.
 *
 * An answer has to leave from the address that was asked. Native sockets tell which one that was, so that one per
 * family is enough. node:dgram does not: each address of the machine gets a socket of its own, followed as addresses
 * come and go. Broadcasts reach nobody in either case, as RFC 1123 §4.2.3.5 wants.
 */
export class RequestSockets {
  readonly #factory: SocketFactory;
  readonly #onRequest: RequestHandler;
  readonly #onError: (error: Error) => void;
  readonly #onGroups: (groups: readonly SocketGroup[]) => void;
  readonly #sockets = new Map<string, DatagramSocket>();
  /** Where workers hear: the sockets above send for them. */
  readonly #groups = new Map<string, SocketGroup>();
  #wanted: Wanted = { addresses: [], ipv6Only: false };
  #port = 0;
  #rescan: NodeJS.Timeout | null = null;
  #closed = false;

  /** @param onGroups - the machine's addresses have changed, and with them what workers hear */
  constructor(
    factory: SocketFactory,
    onRequest: RequestHandler,
    onError: (error: Error) => void,
    onGroups: (groups: readonly SocketGroup[]) => void = () => undefined,
  ) {
    this.#factory = factory;
    this.#onRequest = onRequest;
    this.#onError = onError;
    this.#onGroups = onGroups;
  }

  /** What workers hear: a group for each address, in it a socket for each of them. */
  get groups(): readonly SocketGroup[] {
    return [...this.#groups.values()];
  }

  /** What `listen` was asked for, canonical, with the real port. */
  get addresses(): readonly { readonly address: string; readonly port: number }[] {
    return this.#wanted.addresses.map((address) => ({ address, port: this.#port }));
  }

  /** The largest blocks of an upload that arrive whole, where it shares the port. */
  get uploadBlockSizeMax(): number {
    const { sharedDatagramBytes } = this.#wanted;
    if (sharedDatagramBytes === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(DATAGRAM_BYTES, sharedDatagramBytes) - HEADER_BYTES;
  }

  /** Binds; rejects with the system's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`), holding nothing. */
  async open(wanted: Wanted, port: number): Promise<void> {
    const { addresses } = wanted;
    this.#wanted = { ...wanted, addresses: [...new Set(addresses.map(canonicalAddress))] };
    this.#port = port;
    try {
      await this.#bindAll();
    } catch (error) {
      this.close();
      throw error;
    }
    if (this.#closed || this.#coversAddresses || !addresses.some(isUnspecified)) return;
    this.#rescan = setInterval(() => void this.#followAddresses(), RESCAN_MS);
    this.#rescan.unref();
  }

  close(): void {
    this.#closed = true;
    if (this.#rescan !== null) clearInterval(this.#rescan);
    this.#closeAll();
  }

  #closeAll(): void {
    for (const address of [...this.#sockets.keys()]) this.#closeAt(address);
  }

  #closeAt(address: string): void {
    this.#sockets.get(address)?.close();
    this.#sockets.delete(address);
    this.#groups.get(address)?.close();
    this.#groups.delete(address);
  }

  /**
   * Every address on one port. One that was named has to be there; one that stands for "all of this machine" and is
   * not ready is left to the next look.
   */
  async #bindAll(): Promise<void> {
    const port = this.#port;
    for (let attempt = 1; ; attempt++) {
      try {
        for (const { address, isNamed } of this.#wantedAddresses()) {
          if (isNamed) await this.#bind(address);
          else await this.#bindIfReady(address);
        }
        return;
      } catch (error) {
        // The kernel's choice for the first address may be taken on another one.
        if (port !== 0 || attempt === PORT_CHOICES_MAX || !isTaken(error)) throw error;
        this.#closeAll();
        this.#port = 0;
      }
    }
  }

  async #bindIfReady(address: string): Promise<void> {
    try {
      await this.#bind(address);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      // Not ready yet, or a machine without IPv6.
      if (code !== "EADDRNOTAVAIL" && code !== "EAFNOSUPPORT") throw error;
    }
  }

  #wantedAddresses(): { readonly address: string; readonly isNamed: boolean }[] {
    if (this.#coversAddresses) return this.#coveringAddresses();
    const { addresses, ipv6Only } = this.#wanted;
    const named = addresses.filter((address) => !isUnspecified(address));
    const found = new Set<string>();
    for (const address of addresses.filter(isUnspecified)) {
      const family = address === "0.0.0.0" ? 4 : ipv6Only ? 6 : 0;
      for (const local of localAddresses(family)) if (!named.includes(local)) found.add(local);
    }
    return [
      ...named.map((address) => ({ address, isNamed: true })),
      ...[...found].map((address) => ({ address, isNamed: false })),
    ];
  }

  /**
   * One socket per family is enough, as it tells which address was asked. Not for a shared port: what leaves in batches
   * does not choose its address.
   */
  get #coversAddresses(): boolean {
    return this.#factory.reportsLocalAddress && this.#wanted.sharedDatagramBytes === undefined;
  }

  /** The socket that hears requests to this address. */
  at(localAddress: string): DatagramSocket | undefined {
    return this.#sockets.get(localAddress);
  }

  /** Where sockets tell which address was asked: the unspecified one of a family stands for all of that family. */
  #coveringAddresses(): { readonly address: string; readonly isNamed: boolean }[] {
    const { addresses, ipv6Only } = this.#wanted;
    const covering = new Set<string>();
    for (const address of addresses.filter(isUnspecified)) {
      covering.add(address);
      if (address === "::" && !ipv6Only) covering.add("0.0.0.0");
    }
    const isCovered = (address: string): boolean => covering.has(address.includes(":") ? "::" : "0.0.0.0");
    return [
      ...addresses.filter((address) => !isCovered(address)).map((address) => ({ address, isNamed: true })),
      ...[...covering].map((address) => ({ address, isNamed: false })),
    ];
  }

  async #bind(address: string): Promise<void> {
    const { sharedDatagramBytes: shared, hearers = 0 } = this.#wanted;
    const options = {
      address,
      port: this.#port,
      receiveBufferBytes: shared === undefined ? RECEIVE_BUFFER_BYTES : SHARED_RECEIVE_BUFFER_BYTES,
      datagramBytes: Math.max(DATAGRAM_BYTES, shared ?? 0),
      receivesWindows: Boolean(shared),
      reportsLocalAddress: this.#coversAddresses && isUnspecified(address),
    };
    const handlers: SocketHandlers = {
      onDatagram: (bytes, peer, localAddress) => this.#onRequest({ bytes, peer, localAddress }, socket),
      // A refusal that can't be delivered (forged senders have any address) is no trouble of the server's.
      onError: (error) => {
        if ((error as NodeJS.ErrnoException).syscall !== "send") this.#onError(error);
      },
    };
    const group =
      hearers > 0 ? ((await this.#factory.openGroup?.(options, hearers, handlers)) ?? null) : null;
    const socket: DatagramSocket = group?.socket ?? (await this.#factory.open(options, handlers));
    if (this.#closed) {
      socket.close();
      group?.close();
      return;
    }
    if (group !== null) this.#groups.set(address, group);
    // Port 0: the kernel's choice for the first address holds for all.
    this.#port = socket.localPort;
    this.#sockets.set(address, socket);
  }

  async #followAddresses(): Promise<void> {
    const wanted = new Set(this.#wantedAddresses().map(({ address }) => address));
    const before = this.groups;
    for (const address of [...this.#sockets.keys()]) if (!wanted.has(address)) this.#closeAt(address);
    for (const address of wanted) {
      if (this.#sockets.has(address) || this.#closed) continue;
      try {
        await this.#bind(address);
      } catch {
        // Not ready yet (IPv6 checks for duplicates first) or taken: the next look tries again.
      }
    }
    const { groups } = this;
    const isSame = groups.length === before.length && groups.every((group, at) => group === before[at]);
    if (!isSame && !this.#closed) this.#onGroups(groups);
  }
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EADDRINUSE";
}
