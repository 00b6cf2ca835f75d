import { AddressBook } from "./address-book.js";
import { arrivals } from "./arrivals.js";
import { CommandWriter } from "./command-writer.js";
import type { NativeBinding, NativeFeatures, Reactor } from "./native-binding.js";
import { NativeSocket, type NativeThread } from "./native-flow.js";
import { randomStart, systemError } from "./port-choice.js";
import type {
  DatagramSocket,
  GroupMember,
  OpenSocketOptions,
  SocketFactory,
  SocketGroup,
  SocketHandlers,
} from "./socket.js";

/** Room for what arrives in one turn: a thousand ACKs, or a few windows of large blocks. */
const INBOX_BYTES = 4_194_304;
const RECORD_ROWS = 2048;

/** Datagrams begin in the inbox at multiples of this, but for windows that came in one piece. */
const INBOX_ALIGNMENT = 64;

/** So many views are kept, for the places at the beginning of the inbox: a turn rarely brings more. */
const VIEWS_MAX = 4096;

/** Bits of the reactor's `open`. */
const Flag = { coalesce: 1, reportLocal: 2, sharePort: 4, shareLater: 8, hold: 16, mayBlock: 32 } as const;

/** A handle is a slot in its low bits and a generation above. */
const SLOT_MASK = 0xfffff;

/** Sockets of one thread over the addon: everything that arrives in a turn comes in one call, everything sent leaves in one. */
export class NativeSockets implements SocketFactory, NativeThread {
  readonly kind = "native";
  readonly reportsLocalAddress = true;
  readonly #reactor: Reactor;
  readonly #recordWords: number;
  readonly #inbox = new Uint8Array(INBOX_BYTES);
  readonly #records: Uint32Array;
  readonly #commands: CommandWriter;
  readonly #sockets: (NativeSocket | undefined)[] = [];
  readonly #views: (Uint8Array | undefined)[] = [];
  readonly #addresses = new AddressBook();
  /** Open sockets that keep the process alive. */
  #referenced = 0;

  /**
   * @param wanted - what may be used; the kernel's answer is in {@link NativeSockets.features}
   * @throws the system's error when the thread can't have another descriptor
   */
  constructor(binding: NativeBinding, wanted: NativeFeatures = { segmentation: true, batches: true }) {
    this.#recordWords = binding.recordWords;
    this.#records = new Uint32Array(RECORD_ROWS * binding.recordWords);
    this.#commands = new CommandWriter(binding.commandWords, (count, memories) =>
      this.#flush(count, memories),
    );
    const { rows, outbox } = this.#commands;
    const onBatch = (count: number, hasErrors: boolean): void => this.#takeBatch(count, hasErrors);
    this.#reactor = new binding.Reactor(this.#inbox, this.#records, rows, outbox, onBatch, wanted);
  }

  /** What the kernel takes; a device that refuses lowers it at run time. */
  get features(): NativeFeatures {
    return this.#reactor.features();
  }

  async open(options: OpenSocketOptions, handlers: SocketHandlers): Promise<DatagramSocket> {
    return this.#open(options, 0, handlers);
  }

  async openGroup(
    options: OpenSocketOptions & { readonly port: number },
    count: number,
    handlers: SocketHandlers,
  ): Promise<SocketGroup> {
    // Whoever has the port already is not joined: the first socket is bound without the option.
    const first = this.#open(options, Flag.hold | Flag.shareLater, handlers);
    const sockets = [first];
    const close = (): void => {
      for (const socket of sockets) socket.close();
    };
    try {
      const others = { ...options, port: first.localPort };
      while (sockets.length < count) {
        sockets.push(this.#open(others, Flag.hold | Flag.sharePort, handlers));
      }
    } catch (error) {
      close();
      throw error;
    }
    const { localAddress: address, localPort: port } = first;
    const { datagramBytes = 0, receivesWindows = false } = options;
    const members = sockets.map(({ handle }) => {
      const descriptor = this.#reactor.descriptor(handle);
      return { descriptor, address, port, datagramBytes, receivesWindows };
    });
    return { socket: first, members, close };
  }

  join(member: GroupMember, handlers: SocketHandlers): DatagramSocket {
    const { descriptor, address, port, datagramBytes, receivesWindows } = member;
    let handle: number;
    try {
      handle = this.#reactor.adopt(descriptor, datagramBytes, receivesWindows ? Flag.coalesce : 0);
    } catch (error) {
      throw systemError(error as NodeJS.ErrnoException, address, port);
    }
    const socket = this.#add(handle, address, handlers, false);
    if (socket.localPort === port) return socket;
    // The group was closed meanwhile, and the number is another socket's.
    socket.close();
    throw systemError({ code: "EBADF", syscall: "fcntl" }, address, port);
  }

  #open(options: OpenSocketOptions, extraFlags: number, handlers: SocketHandlers): NativeSocket {
    const { address, port, receiveBufferBytes = 0, datagramBytes = 0, mayBlock = false } = options;
    const isRange = typeof port !== "number";
    const first = isRange ? port.first : port;
    const count = isRange ? port.last - port.first + 1 : 1;
    const flags =
      extraFlags |
      (options.receivesWindows ? Flag.coalesce : 0) |
      (options.reportsLocalAddress ? Flag.reportLocal : 0) |
      (mayBlock ? Flag.mayBlock : 0);
    let handle: number;
    try {
      const start = randomStart(count);
      handle = this.#reactor.open(address, first, count, start, receiveBufferBytes, datagramBytes, flags);
    } catch (error) {
      throw systemError(error as NodeJS.ErrnoException, address, first);
    }
    return this.#add(handle, address, handlers, mayBlock);
  }

  #add(handle: number, address: string, handlers: SocketHandlers, mayBlock: boolean): NativeSocket {
    const localPort = this.#reactor.localPort(handle);
    const socket = new NativeSocket(this, handle, address, localPort, handlers, mayBlock);
    this.#sockets[handle & SLOT_MASK] = socket;
    this.setReferenced(1);
    return socket;
  }

  get commands(): CommandWriter {
    return this.#commands;
  }

  get reactor(): Reactor {
    return this.#reactor;
  }

  setReferenced(change: 1 | -1): void {
    const before = this.#referenced;
    this.#referenced += change;
    if (before === 0 || this.#referenced === 0) this.#reactor.setReferenced(this.#referenced > 0);
  }

  forget(handle: number): void {
    this.#sockets[handle & SLOT_MASK] = undefined;
  }

  #takeBatch(count: number, hasErrors: boolean): void {
    arrivals.count++;
    this.#commands.hold();
    let taken = 0;
    try {
      while (taken < count) this.#takeRow(taken++);
    } finally {
      // A handler of the application has thrown: the others' datagrams are not to blame.
      if (taken < count) this.#takeRest(taken, count);
      this.#commands.release();
    }
    if (hasErrors) this.#tellErrors();
  }

  #takeRest(from: number, count: number): void {
    for (let row = from; row < count; row++) {
      try {
        this.#takeRow(row);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #takeRow(row: number): void {
    const records = this.#records;
    const at = row * this.#recordWords;
    const handle = records[at] as number;
    const socket = this.#sockets[handle & SLOT_MASK];
    // Closed meanwhile, perhaps by what came before in this batch.
    if (socket === undefined || socket.handle !== handle) return;
    const offset = records[at + 1] as number;
    const length = records[at + 2] as number;
    const bytes = this.#viewOf(offset, length);
    const peerId = records[at + 3] as number;
    const flow = peerId === 0 ? undefined : socket.flows?.[peerId];
    if (flow !== undefined) {
      flow.handlers.onDatagram(bytes, flow.peer, socket.localAddress);
      return;
    }
    // A flow that was closed meanwhile leaves its number, and no address, in the row.
    if (peerId !== 0 && peerId !== socket.peerId) return;
    const peer = peerId === 0 ? this.#addresses.peerAt(records, at + 4) : socket.peer;
    const local = records[at + 11] === 0 ? socket.localAddress : this.#addresses.localAt(records, at);
    const isAnswered = peerId !== 0 && records[at + 4] === 1;
    socket.handlers.onDatagram(bytes, peer, local, isAnswered);
  }

  /** A transfer's datagrams are of one length, and lie at the same few places: their views serve again. */
  #viewOf(offset: number, length: number): Uint8Array {
    const index = offset / INBOX_ALIGNMENT;
    if (index >= VIEWS_MAX || !Number.isInteger(index)) return this.#inbox.subarray(offset, offset + length);
    let view = this.#views[index];
    if (view?.length !== length) {
      view = this.#inbox.subarray(offset, offset + length);
      this.#views[index] = view;
    }
    return view;
  }

  #flush(count: number, memories: readonly Uint8Array[]): void {
    if (this.#reactor.flush(count, memories)) this.#tellErrors();
  }

  #tellErrors(): void {
    const errors = this.#reactor.takeErrors();
    for (let at = 0; at < errors.length; at += 3) {
      const handle = errors[at] as number;
      const socket = this.#sockets[handle & SLOT_MASK];
      if (socket?.handle !== handle) continue;
      socket.report(errors[at + 1] as number, errors[at + 2] as number);
    }
  }
}
