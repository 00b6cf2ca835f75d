import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One datagram of a recorded session. */
export interface Recorded {
  readonly from: "client" | "server";
  readonly bytes: Uint8Array;
}

/** A transfer as it went by, from the request to the last ACK. */
export interface Session {
  /** Who spoke with whom, and what about. */
  readonly name: string;
  readonly datagrams: readonly Recorded[];
}

const MARKS = { client: ">", server: "<" } as const;

/** The recorded sessions; the compiled test lies in dist/test/fuzz. */
export const SESSIONS_FILE = join(__dirname, "../../../test/vectors/sessions.txt");

/** Reads sessions: a line with a name, then `>` and `<` with the bytes of a datagram in hexadecimal. */
export function readSessions(): Session[] {
  const sessions: { name: string; datagrams: Recorded[] }[] = [];
  for (const line of readFileSync(SESSIONS_FILE, "utf8").split("\n")) {
    const [mark, text = ""] = [line[0], line.slice(2)];
    if (mark === "=") sessions.push({ name: text, datagrams: [] });
    if (mark !== MARKS.client && mark !== MARKS.server) continue;
    const from = mark === MARKS.client ? "client" : "server";
    sessions.at(-1)?.datagrams.push({ from, bytes: Uint8Array.from(Buffer.from(text, "hex")) });
  }
  return sessions;
}

/** The same text again. */
export function writeSession({ name, datagrams }: Session): string {
  const lines = datagrams.map(({ from, bytes }) => `${MARKS[from]} ${Buffer.from(bytes).toString("hex")}`);
  return [`= ${name}`, ...lines, ""].join("\n");
}
