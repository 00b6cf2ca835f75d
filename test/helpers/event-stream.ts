import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";

/** What a server sent as one event. */
export interface ServerEvent {
  readonly name: string;
  readonly data: unknown;
}

/** A page that reads server-sent events, without a browser. */
export interface EventReader {
  readonly response: IncomingMessage;
  next(): Promise<ServerEvent>;
  close(): void;
}

export async function readEvents(port: number, path = "/events"): Promise<EventReader> {
  const request = get({ host: "127.0.0.1", port, path, agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.setEncoding("utf8");
  let text = "";
  let ended = false;
  response.on("error", () => undefined);
  response.on("close", () => {
    ended = true;
  });
  const next = async (): Promise<ServerEvent> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const lines = text.slice(0, end).split("\n");
        text = text.slice(end + 2);
        const field = (name: string): string =>
          lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
        return { name: field("event"), data: JSON.parse(field("data")) };
      }
      if (ended) throw new Error("the stream of events has ended");
      const [chunk] = (await Promise.race([once(response, "data"), once(response, "close")])) as [string?];
      text += chunk ?? "";
    }
  };
  return { response, next, close: () => request.destroy() };
}
