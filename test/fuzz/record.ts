import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, createServer, type Server } from "../../src/index.js";
import { sampleBytes, sampleText } from "../helpers/files.js";
import { realClients, startRealServer } from "../interop/programs.js";
import { type Recorded, SESSIONS_FILE, type Session, writeSession } from "./sessions.js";
import { WRITTEN, writtenClient } from "./written-clients.js";

/*
 * Records sessions of real programs:  .ci/packages.sh && npm run fuzz:record
 *
 * Every client from the packages, and requests written after those of boot firmware, against our server; our client
 * against every server from the packages. A relay between the two writes down what goes by. The files are small: the
 * vectors are kept in the repository, and mutated by the tests beside this file.
 */
const HOST = "127.0.0.1";
const FILE_BYTES = 700;
const SERVERS = ["tftpd-hpa", "atftpd", "dnsmasq"] as const;

const HEADER = `# Sessions of real programs, for mutation: "= who", then the datagrams of the client (>) and of the server (<) in
# hexadecimal. Written by npm run fuzz:record.
`;

/** Stands between a client and a server, and writes down what goes by. */
class Relay {
  readonly datagrams: Recorded[] = [];
  readonly #front = createSocket("udp4");
  readonly #backs: Socket[] = [];

  async start(host: string, serverPort: number): Promise<number> {
    const backs = new Map<number, { readonly socket: Socket; tid: number }>();
    this.#front.on("message", (bytes, client) => {
      const known = backs.get(client.port);
      const back = known ?? { socket: createSocket("udp4"), tid: serverPort };
      if (known === undefined) {
        backs.set(client.port, back);
        this.#backs.push(back.socket);
        back.socket.on("message", (answer, server) => {
          back.tid = server.port;
          this.datagrams.push({ from: "server", bytes: answer });
          this.#front.send(answer, client.port, HOST);
        });
      }
      this.datagrams.push({ from: "client", bytes });
      back.socket.send(bytes, back.tid, host);
    });
    this.#front.bind(0, HOST);
    await once(this.#front, "listening");
    return this.#front.address().port;
  }

  close(): void {
    this.#front.close();
    for (const socket of this.#backs) socket.close();
  }
}

async function record(
  name: string,
  host: string,
  port: number,
  play: (port: number) => Promise<unknown>,
): Promise<Session> {
  const relay = new Relay();
  try {
    await play(await relay.start(host, port));
    // A last ACK may still be under way.
    await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    relay.close();
  }
  return { name, datagrams: relay.datagrams };
}

async function recordClients(root: string, folder: string, port: number): Promise<Session[]> {
  const sessions: Session[] = [];
  const add = async (name: string, play: (port: number) => Promise<unknown>) =>
    sessions.push(await record(`${name}, server of ours`, HOST, port, play));
  for (const { client } of realClients) {
    const { name, ascii } = client;
    await add(`${name} GET`, (at) => client.get(at, "f", "got", folder));
    await add(`${name} PUT`, (at) => client.put(at, "f", `up-${sessions.length}`, folder));
    if (ascii === undefined) continue;
    await add(`${name} netascii GET`, (at) => ascii.get(at, "text", "got", folder));
    await add(`${name} netascii PUT`, (at) => ascii.put(at, "text", `up-${sessions.length}`, folder));
  }
  for (const written of WRITTEN) {
    await add(written.name, (at) => writtenClient(at, written, sampleBytes(FILE_BYTES)));
  }
  const ours = { host: HOST, windowSize: 4, blockSize: 64 };
  await add("client of ours GET", (port) => createClient({ ...ours, port }).get("f", join(folder, "got")));
  await add("client of ours PUT", (port) => createClient({ ...ours, port }).put(join(root, "f"), "up"));
  return sessions;
}

async function recordServers(root: string, folder: string): Promise<Session[]> {
  const sessions: Session[] = [];
  for (const name of SERVERS) {
    const server = await startRealServer(name, root);
    try {
      const play = (what: "GET" | "PUT") => (port: number) => {
        const client = createClient({ host: HOST, port, blockSize: 128, windowSize: 2 });
        return what === "GET"
          ? client.get("f", join(folder, "got"))
          : client.put(join(root, "f"), `up-${name}`);
      };
      sessions.push(await record(`client of ours GET, ${name}`, server.host, server.port, play("GET")));
      if (name === "dnsmasq") continue;
      sessions.push(await record(`client of ours PUT, ${name}`, server.host, server.port, play("PUT")));
    } finally {
      await server.stop();
    }
  }
  return sessions;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ntftp-record-"));
  let server: Server | null = null;
  try {
    writeFileSync(join(folder, "f"), sampleBytes(FILE_BYTES));
    writeFileSync(join(folder, "text"), sampleText(FILE_BYTES));
    server = createServer({ host: HOST, port: 0, root: folder, workers: 0 });
    server.listen();
    await once(server, "listening");
    const sessions = await recordClients(folder, folder, server.address()?.port ?? 0);
    sessions.push(...(await recordServers(folder, folder)));
    writeFileSync(SESSIONS_FILE, HEADER + sessions.map(writeSession).join("\n"));
    console.log(`${sessions.length} sessions`);
  } finally {
    await server?.close({ abort: true });
    rmSync(folder, { recursive: true });
  }
}

main().catch((error: Error) => {
  console.error(error.stack);
  process.exitCode = 1;
});
