import type { Fault, Offer } from "../engine/index.js";
import type { Peer, SocketGroup } from "../io/socket.js";
import type { BlockSink, BlockSource, StorageFailure } from "../io/storage.js";
import type { ThreadStatus } from "../observe/records.js";
import type { ServerSettings } from "./options.js";

/** A request that was let in, as plain data: it crosses threads. */
export interface PlacedRequest {
  readonly method: "GET" | "PUT";
  readonly mode: "octet" | "netascii";
  readonly offer: Offer;
  /** The name in the request, before any rule. */
  readonly requestedFile: string;
  /** As `req.file` shows it. */
  readonly file: string;
  /** The client's own root, or null: the server's. */
  readonly root: string | null;
  /** The name below the root, without `.` and `..`. */
  readonly path: string;
  /** One value for all spellings of a file's name: what same-file rules compare. */
  readonly fileKey: string;
  readonly peer: Peer;
  /** The local address that was asked: the transfer's socket is bound to it. */
  readonly localAddress: string;
  /** The worker that heard it, where they share the port: its client is heard there. Else null. */
  readonly heardBy: number | null;
  /** When it came, on the clock of the process. */
  readonly receivedAtMs: number;
  /** In the temporary name of an upload, so that the server can remove what a dead worker leaves behind. */
  readonly uploadTag: string;
}

/** Why a transfer failed: what the engine found, or what was in its way before. */
export type TransferFailure =
  | Fault
  /** The file system refused the request. `answered`: the client has been told already. */
  | {
      readonly kind: "refused";
      readonly reason: StorageFailure["kind"];
      readonly cause: Error;
      readonly answered: boolean;
    }
  /** No socket: out of descriptors or ports. The client has been told nothing. */
  | { readonly kind: "no-socket"; readonly cause: Error }
  /** It gave way to another request. `beforeData`: no more than the size had been seen. */
  | {
      readonly kind: "superseded";
      readonly by: "same-client" | "limit";
      readonly beforeData: boolean;
      readonly cause: Error;
    }
  /** Its worker thread died. */
  | { readonly kind: "crashed"; readonly cause: Error };

/** The figures of a transfer up to a moment; times are on the clock of the process. Plain data. */
export interface TransferAccount {
  /** Null until the store is open, and where nobody knows. */
  readonly sizeBytes: number | null;
  readonly transferredBytes: number;
  readonly blocksSent: number;
  readonly retransmissions: number;
  readonly duplicates: number;
  readonly timeouts: number;
  readonly junk: number;
  /** The client has answered. */
  readonly proven: boolean;
  /** When the first answer left, null before. */
  readonly firstAnswerAtMs: number | null;
  /** The moment of this account. */
  readonly endedAtMs: number;
}

/** What the thread of a transfer tells its owner. */
export interface PlacementHandlers {
  /** Its socket is bound; the listeners can be asked. Not called when files answer by themselves. */
  onOpened(localAddress: string, localPort: number): void;
  /** All bytes have arrived. */
  onCompleted(lastAckMissing: boolean, account: TransferAccount): void;
  onFailed(failure: TransferFailure, account: TransferAccount): void;
  /** Nothing is left of it. Once, last. */
  onEnded(): void;
}

/** How a request is answered from the files below a root. */
export interface FileOrder {
  readonly root: string;
  readonly userExtensions: ReadonlyMap<string, string>;
  /** PUT: gets a copy of the bytes from `copyUpload` on. */
  readonly copyTo: BlockSink;
}

/** A transfer in the thread that has its socket and engine, seen from the thread of the server. */
export interface PlacedTransfer {
  /** The client has answered: its address is real. */
  readonly proven: boolean;
  /** It has its socket. */
  readonly isCarried: boolean;
  /** A fresh request of the same client means that it was started anew. */
  readonly hasMovedData: boolean;
  /** GET: every byte has left, and only an ACK is missing. */
  readonly awaitsLastAck: boolean;
  /** How long nothing has come from the client. */
  silentMs(): number;
  /** Its figures; from another thread, as they were when its client was heard for the last time. */
  account(): TransferAccount;
  /** Answers from files. */
  serveFiles(order: FileOrder): void;
  /** Somebody reads `req` of an upload that goes into a file. */
  copyUpload(): void;
  /** GET: answers from this source. */
  sendFrom(source: BlockSource, sizeBytes: number, userExtensions: ReadonlyMap<string, string>): void;
  /** PUT: answers into this sink. */
  receiveInto(sink: BlockSink, userExtensions: ReadonlyMap<string, string>): void;
  handleRepeatedRequest(): void;
  /** On a single port: a datagram of its client that came another way. Without a socket of its own yet, it is lost. */
  deliver(bytes: Uint8Array): void;
  /** Ends it with an ERROR to the client; `onFailed` and `onEnded` follow. */
  abort(errorCode: number, message: string): void;
  /** Ends it in silence: no handler is called any more. */
  close(): void;
}

/** Who answers: files by themselves, a handler module beside the engine, or listeners in the server's thread. */
export type AnswerMode = "files" | "handler" | "listener";

/** Where transfers run: in the calling thread or in workers. */
export interface Placement {
  /** Resolves when a request would be answered without waiting for a thread to start. */
  ready(): Promise<void>;
  /** Starts the transfer. `root` is the server's at this moment. No handler is called before this returns. */
  place(
    request: PlacedRequest,
    answer: AnswerMode,
    root: string,
    handlers: PlacementHandlers,
  ): PlacedTransfer;
  /**
   * On a single port, before `ready()` and whenever they change: its threads hear these and no others. Resolves when
   * they do; for none, when the others have been closed.
   */
  hear(groups: readonly SocketGroup[]): Promise<void>;
  /** Resolves when all its threads have taken the settings, which hold for transfers placed from then on. */
  configure(settings: ServerSettings): Promise<void>;
  /** What its threads do. */
  threads(): readonly ThreadStatus[];
  /** No more transfers come; threads end when the last one has, or with `abort` as soon as clients were told. */
  close(abort: boolean): void;
}
