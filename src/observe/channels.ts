import { type Channel, channel } from "node:diagnostics_channel";
import type { RefusalInfo, TransferInfo, TransferResult } from "./records.js";

/** Messages of the channels by name. `server` is the Server that speaks. */
export interface ChannelMessages {
  "ntftp:transfer:start": { readonly server: object; readonly info: TransferInfo };
  "ntftp:transfer:end": {
    readonly server: object;
    readonly info: TransferInfo;
    readonly result: TransferResult;
  };
  "ntftp:request:refused": { readonly server: object; readonly refusal: RefusalInfo };
  "ntftp:worker:error": { readonly server: object; readonly error: Error };
}

/**
 * Channels of `node:diagnostics_channel` on which every server of the process speaks, for programs that watch
 * without having made the server. The names and messages are part of the API.
 */
export const channels = {
  transferStart: "ntftp:transfer:start",
  transferEnd: "ntftp:transfer:end",
  requestRefused: "ntftp:request:refused",
  workerError: "ntftp:worker:error",
} as const;

type Name = keyof ChannelMessages;

const open: { readonly [name in Name]: Channel } = {
  "ntftp:transfer:start": channel(channels.transferStart),
  "ntftp:transfer:end": channel(channels.transferEnd),
  "ntftp:request:refused": channel(channels.requestRefused),
  "ntftp:worker:error": channel(channels.workerError),
};

/** Tells whoever subscribed; costs next to nothing while nobody did. */
export function publish<N extends Name>(name: N, message: ChannelMessages[N]): void {
  if (open[name].hasSubscribers) open[name].publish(message);
}
