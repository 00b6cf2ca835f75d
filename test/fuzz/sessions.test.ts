import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { decode, encodeOack, encodeRequest } from "../../src/engine/index.js";
import { createClient } from "../../src/index.js";
import { eventually } from "../helpers/eventually.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";
import { fuzz } from "./fuzz.js";
import { mutatedSessions } from "./mutations.js";
import { PlayedTransfer } from "./played-transfer.js";
import { readSessions, type Session } from "./sessions.js";

const FILE = "fuzz/sessions";
const TIME_LIMIT = { timeout: 600_000 };
const sessions = readSessions();
const mutated = mutatedSessions(sessions);

/** How long an answer of the server is waited for: what it does not answer costs this much. */
const ANSWER_MS = 3;

function play(session: Session): void {
  PlayedTransfer.server(session)?.play(session, "client");
  PlayedTransfer.client(session)?.play(session, "server");
}

test("the recorded sessions are played by both engines as they were", () => {
  assert.ok(sessions.length >= 40, `only ${sessions.length} sessions`);
  for (const session of sessions) {
    assert.equal(decode(session.datagrams[0]?.bytes ?? new Uint8Array(0)).kind, "request", session.name);
    play(session);
  }
});

test(
  "mutated sessions decode to packets or to malformed, and packets are written as they were read",
  TIME_LIMIT,
  () =>
    fuzz(
      FILE,
      4000,
      fc.property(mutated, ({ datagrams }) => {
        for (const { bytes } of datagrams) {
          const packet = decode(bytes);
          if (packet.kind === "request") assert.deepEqual(decode(encodeRequest(packet)), packet);
          if (packet.kind === "oack") assert.deepEqual(decode(encodeOack(packet.options)), packet);
        }
      }),
    ),
);

test("mutated sessions break no engine, in whatever state they find it", TIME_LIMIT, () =>
  fuzz(FILE, 4000, fc.property(mutated, play)),
);

/** Sends what the client said in a session, and waits a moment for each answer. */
async function replay({ datagrams }: Session, port: number): Promise<void> {
  const socket = createSocket("udp4");
  let tid = 0;
  let wake: () => void = () => undefined;
  socket.on("message", (_, server) => {
    tid = server.port;
    wake();
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  for (const { from, bytes } of datagrams) {
    if (from === "server") continue;
    const answered = new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, ANSWER_MS);
    });
    const isRequest = decode(bytes).kind === "request";
    socket.send(bytes, isRequest || tid === 0 ? port : tid, "127.0.0.1");
    await answered;
  }
  socket.close();
}

async function checkServer(context: TestContext, workers: number, runs: number): Promise<void> {
  const folder = await temporaryFolder(context);
  const root = join(folder, "root");
  await mkdir(root);
  const content = sampleBytes(700);
  // No session asks for the last of them: uploads may replace the others.
  for (const name of ["f", "text", "good"]) await writeFile(join(root, name), content);
  const { server, port } = await startServer(context, { root, workers, timeout: 100, retries: 1 });
  const client = createClient({ host: "127.0.0.1", port });
  await fuzz(
    FILE,
    runs,
    fc.asyncProperty(mutated, (session) => replay(session, port)),
  );
  await client.get("good", join(folder, "got"));
  assert.deepEqual(await readFile(join(folder, "got")), content);
  await eventually("no transfer is left", () => server.transferCount === 0);
  // Whatever was stored has a name of its own; nothing lies outside, and no part of anything.
  await eventually("no part is left", () => !readdirSync(root).some((name) => name.endsWith(".part")));
  assert.deepEqual(readdirSync(folder).sort(), ["got", "root"]);
}

for (const workers of [0, 1]) {
  test(
    `a server with ${workers} workers survives mutated sessions, serves afterwards, and has nothing left`,
    TIME_LIMIT,
    (context) => checkServer(context, workers, 120),
  );
}
