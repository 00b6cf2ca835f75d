/** What a stream can do to the transfer behind it. Each call is harmless once the transfer has ended. */
export interface TransferControl {
  /** Tells the peer with one ERROR packet and ends the transfer; `reason` is what went wrong on this side. */
  abort(errorCode: number, message: string, reason?: Error): void;
  /** Ends the transfer in silence. */
  close(): void;
}
