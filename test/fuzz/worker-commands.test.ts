import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { encodeAck, encodeData, encodeError, readOffer } from "../../src/engine/index.js";
import { fillServerOptions } from "../../src/server/options.js";
import { TransferBoard } from "../../src/server/transfer-board.js";
import type { WorkerLink } from "../../src/server/worker-link.js";
import type { FromWorker, ToWorker, TransferTask } from "../../src/server/worker-messages.js";
import { WorkerSide } from "../../src/server/worker-side.js";
import { eventually } from "../helpers/eventually.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { fuzz } from "./fuzz.js";

const ADDRESS = "127.0.0.1";
const SLOTS = 4;
const NO_EXTENSIONS: ReadonlyMap<string, string> = new Map();

/** A task, or its absence: an id that is left out. */
const task = fc.record({
  act: fc.constant("run" as const),
  method: fc.constantFrom("GET" as const, "PUT" as const),
  answer: fc.constantFrom("files" as const, "listener" as const),
  file: fc.constantFrom("there", "missing", "up"),
  slot: fc.integer({ min: -1, max: SLOTS - 1 }),
  skipped: fc.nat(2),
});

/** Ids of tasks that are running, over, still to come, or of nobody. */
const id = fc.oneof(fc.nat(5), fc.constantFrom(-1, -2, 1e9, Number.MAX_SAFE_INTEGER));
const amount = fc.oneof(fc.nat(5000), fc.constantFrom(0, -1, 1e9, Number.MAX_SAFE_INTEGER, Number.NaN, 0.5));
const bytes = fc.uint8Array({ maxLength: 40 });
const datagram = fc.oneof(
  bytes,
  fc.nat(3).map((block) => encodeAck(block)),
  fc.nat(3).map((block) => encodeData(block, sampleBytes(9))),
  fc.constant(encodeError(0, "x")),
);

const command: fc.Arbitrary<ToWorker> = fc.oneof(
  fc.record({
    kind: fc.constant("serve-files" as const),
    id,
    root: fc.constantFrom("/nowhere", "root"),
    userExtensions: fc.constant(NO_EXTENSIONS),
  }),
  fc.record({
    kind: fc.constantFrom("copy-upload" as const, "stored" as const, "repeat" as const, "close" as const),
    id,
  }),
  fc.record({
    kind: fc.constant("send" as const),
    id,
    sizeBytes: amount,
    userExtensions: fc.constant(NO_EXTENSIONS),
  }),
  fc.record({ kind: fc.constant("data" as const), id, bytes, ended: fc.boolean() }),
  fc.record({ kind: fc.constant("receive" as const), id, userExtensions: fc.constant(NO_EXTENSIONS) }),
  fc.record({ kind: fc.constant("consumed" as const), id, bytes: amount }),
  fc.record({
    kind: fc.constant("store-failed" as const),
    id,
    failure: fc.constantFrom("io" as const, "disk-full" as const),
  }),
  fc.record({ kind: fc.constant("abort" as const), id, errorCode: fc.nat(9), message: fc.string() }),
  fc.record({ kind: fc.constant("deliver" as const), id, bytes: datagram }),
  fc.record({
    kind: fc.constant("settled" as const),
    id: fc.constant(-1 as const),
    count: amount,
    bytes: amount,
  }),
  fc.record({ kind: fc.constant("join" as const), id, members: fc.constant([]) }),
  // What a later release might send.
  fc.record({
    kind: fc.constantFrom("unheard-of", "", "constructor"),
    id,
  }) as unknown as fc.Arbitrary<ToWorker>,
);

const step = fc.oneof(
  { weight: 2, arbitrary: task },
  { weight: 6, arbitrary: command.map((order) => ({ act: "command" as const, order })) },
  { weight: 2, arbitrary: fc.constant({ act: "wait" as const }) },
);

test("a worker takes commands of any sort, in any order, for anybody, and nothing is left", {
  timeout: 600_000,
}, async (context) => {
  const root = await temporaryFolder(context);
  await writeFile(join(root, "there"), sampleBytes(1000));
  const client = createSocket("udp4");
  context.after(() => client.close());
  client.bind(0, ADDRESS);
  await once(client, "listening");
  const peer = { address: ADDRESS, port: client.address().port };
  const settings = { ...fillServerOptions({ host: ADDRESS, workers: 1 }), timeoutMs: 50, retries: 0 };

  await fuzz(
    "fuzz/worker-commands",
    150,
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const told: FromWorker[] = [];
      const link = { post: (report: FromWorker) => told.push(report), flush: () => undefined };
      const board = TransferBoard.withSlots(SLOTS).memory;
      const side = new WorkerSide(
        { settings, handler: null, board, cacheBytesMax: 1 << 20 },
        link as unknown as WorkerLink<FromWorker, ToWorker>,
      );
      const results: Promise<unknown>[] = [];
      let nextId = 0;
      const run = (
        wanted: Omit<TransferTask, "id" | "request" | "root"> & { method: "GET" | "PUT"; file: string },
      ) => {
        const { method, file, answer, slot } = wanted;
        const request = requestFor(method, file, peer);
        results.push(side.run({ id: nextId++, request, answer, root, slot }));
      };
      for (const each of steps) {
        if (each.act === "wait") await new Promise((resolve) => setTimeout(resolve, 1));
        else if (each.act === "command") side.obey(each.order);
        else {
          nextId += each.skipped;
          run(each);
        }
      }
      // Commands for who never came are given up when somebody later comes.
      nextId = Math.max(nextId, 10);
      run({ method: "GET", file: "missing", answer: "files", slot: -1 });
      for (let each = 0; each <= nextId; each++) side.obey({ kind: "close", id: each });
      await Promise.all(results);
      await eventually("everything has ended", () => side.transferCount === 0);
      checkReports(told, nextId);
      // Those for ids that no server has given out yet wait for their tasks, and for nothing else.
      for (const early of side.earlyIds()) assert.ok(early >= nextId, `commands for ${early} are kept`);
      const litter = () => readdirSync(root).filter((name) => name !== "up" && name !== "there");
      await eventually("temporary files are gone", () => litter().length === 0);
    }),
  );
});

/** No two uploads share a temporary name. */
let tags = 0;

function requestFor(
  method: "GET" | "PUT",
  file: string,
  peer: TransferTask["request"]["peer"],
): TransferTask["request"] {
  return {
    method,
    mode: "octet",
    offer: readOffer(method, [{ name: "blksize", value: "16" }], { blockSizeMax: 512, windowSizeMax: 4 }),
    requestedFile: file,
    file,
    root: null,
    path: file,
    fileKey: file,
    peer,
    localAddress: ADDRESS,
    heardBy: null,
    receivedAtMs: 0,
    uploadTag: `tag${tags++}`,
  };
}

/** Once each, for tasks that there were, and nothing behind the end but what a late command is answered with. */
function checkReports(told: readonly FromWorker[], nextId: number): void {
  const endings = new Map<string, number>();
  for (const { kind, id: of } of told) {
    if (kind === "configured") continue;
    assert.ok(of >= 0 && of < nextId, `${kind} of ${of}`);
    const what = kind === "completed" || kind === "failed" ? "outcome" : kind;
    if (what !== "outcome" && what !== "ended" && what !== "opened" && what !== "finish") continue;
    const key = `${what} of ${of}`;
    endings.set(key, (endings.get(key) ?? 0) + 1);
    assert.equal(endings.get(key), 1, `${key}, again`);
  }
}
