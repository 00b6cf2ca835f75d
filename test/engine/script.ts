import {
  type ClientTransferConfig,
  decode,
  encodeAck,
  encodeData,
  encodeError,
  encodeOack,
  encodeRequest,
  type Fault,
  type Option,
  readOffer,
  requestOptions,
  type StorageReply,
  Transfer,
} from "../../src/engine/index.js";

/** Options written as `blksize=8 windowsize=4`. */
export function options(text: string): Option[] {
  return text
    .split(" ")
    .filter(Boolean)
    .map((pair) => {
      const [name = "", value = ""] = pair.split("=");
      return { name, value };
    });
}

export const ack = (wireBlock: number) => encodeAck(wireBlock);
export const oack = (text: string) => encodeOack(options(text));
export const error = (code: number, message: string) => encodeError(code, message);
export const data = (wireBlock: number, payload: string | Uint8Array) =>
  encodeData(wireBlock, typeof payload === "string" ? Buffer.from(payload) : payload);

/**
 * A transfer and the script it plays: each input returns what came out, in words, as `ACK 3`, `DATA 1..4`,
 * `write 8`, `failed timeout`. Virtual time stands still unless `at` moves it.
 */
export class Script {
  readonly transfer: Transfer;
  nowMs = 1000;

  constructor(transfer: Transfer) {
    this.transfer = transfer;
  }

  start(): string[] {
    this.transfer.start(this.nowMs);
    return this.drain();
  }

  accept(sizeBytes: number | null = null, userExtensions: Record<string, string> = {}): string[] {
    this.transfer.accept({ sizeBytes, userExtensions: new Map(Object.entries(userExtensions)) }, this.nowMs);
    return this.drain();
  }

  receive(...datagrams: Uint8Array[]): string[] {
    return this.#hear(datagrams, false);
  }

  /** The same of blocks that a socket has acknowledged in advance. */
  receiveAcknowledged(...datagrams: Uint8Array[]): string[] {
    return this.#hear(datagrams, true);
  }

  store(reply: StorageReply): string[] {
    this.transfer.handleStorage(reply, this.nowMs);
    return this.drain();
  }

  /** The store has this much, and whether that is all. */
  available(availableBytes: number, ended = true): string[] {
    return this.store({ kind: "available", availableBytes, ended });
  }

  abort(errorCode: number, message: string): string[] {
    this.transfer.abort(errorCode, message);
    return this.drain();
  }

  repeatRequest(): string[] {
    this.transfer.handleRepeatedRequest(this.nowMs);
    return this.drain();
  }

  /** Lets so many ms pass without a time-out. */
  pass(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  /** Jumps to the deadline and fires it. */
  timeout(): string[] {
    this.nowMs = this.transfer.pollTimeout();
    this.transfer.handleTimeout(this.nowMs);
    return this.drain();
  }

  /** Ms until the deadline. */
  get waitsMs(): number {
    return this.transfer.pollTimeout() - this.nowMs;
  }

  #hear(datagrams: readonly Uint8Array[], isAcknowledged: boolean): string[] {
    return datagrams.flatMap((bytes) => {
      this.transfer.handleDatagram(bytes, this.nowMs, isAcknowledged);
      return this.drain();
    });
  }

  drain(): string[] {
    const out: string[] = [];
    for (let command = this.transfer.pollStorage(); command; command = this.transfer.pollStorage()) {
      if (command.kind === "write") out.push(`write ${Buffer.from(command.bytes).toString()}`);
      else if (command.kind === "finish") out.push("finish");
    }
    for (let item = this.transfer.pollTransmit(); item; item = this.transfer.pollTransmit()) {
      if (item.kind === "datagram") out.push(describe(item.bytes));
      else
        out.push(`DATA ${item.firstBlock}${item.count > 1 ? `..${item.firstBlock + item.count - 1}` : ""}`);
    }
    for (let event = this.transfer.pollEvent(); event; event = this.transfer.pollEvent()) {
      if (event.kind === "failed") out.push(`failed ${describeFault(event.fault)}`);
      else if (event.kind === "completed")
        out.push(event.lastAckMissing ? "completed, last ACK missing" : "completed");
      else if (event.kind === "negotiated") {
        const { blockSize, windowSize } = event.parameters;
        out.push(`negotiated ${blockSize}x${windowSize} size ${event.sizeBytes}`);
      } else out.push(event.kind);
    }
    return out;
  }
}

/** A client's transfer with a request for `file`; `wishes` as {@link requestOptions} takes them, or none. */
export function client(
  method: "GET" | "PUT",
  settings: Partial<ClientTransferConfig> & { windowSize?: number; blockSize?: number; plain?: boolean } = {},
): Script {
  const { windowSize = 4, blockSize = 8, plain = false, ...config } = settings;
  const putBytes = config.putBytes ?? 0;
  const wishes = {
    blockSize,
    windowSize,
    timeoutMs: 1000,
    sizeBytes: putBytes,
    userExtensions: new Map([["x", "1"]]),
  };
  const asked = plain ? [] : requestOptions(wishes);
  const request = encodeRequest({ method, fileName: "file", mode: "octet", options: asked });
  const base = {
    method,
    mode: "octet",
    timeoutMs: 1000,
    retries: 3,
    putBytes,
    request,
    options: asked,
  } as const;
  return new Script(new Transfer({ ...base, ...config, role: "client" }));
}

/** A server's transfer for a request with these options. */
export function server(
  method: "GET" | "PUT",
  requested: string,
  config: { timeoutMs?: number; retries?: number; mode?: "octet" | "netascii"; dallyMs?: number } = {},
): Script {
  const offer = readOffer(method, options(requested), { blockSizeMax: 1468, windowSizeMax: 64 });
  const base = { role: "server", method, mode: "octet", timeoutMs: 3000, retries: 3, offer } as const;
  return new Script(new Transfer({ ...base, ...config }));
}

/** A server that has begun to send a file in blocks of 8 bytes; the handshake took `rttMs`. */
export function sending(windowSize: number, bytes: number, rttMs = 0, retries = 3): Script {
  const script = server("GET", `blksize=8 windowsize=${windowSize}`, { retries });
  script.accept(bytes);
  script.available(bytes);
  return script.pass(rttMs);
}

function describe(bytes: Uint8Array): string {
  const packet = decode(bytes);
  switch (packet.kind) {
    case "ack":
      return `ACK ${packet.wireBlock}`;
    case "error":
      return `ERROR ${packet.errorCode} ${packet.message}`;
    case "oack":
      return `OACK ${packet.options.map(({ name, value }) => `${name}=${value}`).join(" ")}`;
    case "request":
      return `${packet.method} ${packet.fileName} ${packet.options.map(({ name, value }) => `${name}=${value}`).join(" ")}`;
    default:
      return packet.kind;
  }
}

function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case "peer-error":
      return `peer-error ${fault.errorCode} ${fault.message}${fault.beforeData ? " before data" : ""}`;
    case "violation":
      return `violation ${fault.name}`;
    case "aborted":
      return `aborted ${fault.message}`;
    default:
      return fault.kind;
  }
}
