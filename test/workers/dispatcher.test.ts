import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { encodeRequest } from "../../src/engine/index.js";
import type { DatagramSocket } from "../../src/io/socket.js";
import { threadRuntime } from "../../src/runtime.js";
import { Dispatcher } from "../../src/server/dispatcher.js";
import { fillServerOptions } from "../../src/server/options.js";
import type {
  PlacedTransfer,
  Placement,
  PlacementHandlers,
  TransferAccount,
} from "../../src/server/placement.js";

const ACCOUNT: TransferAccount = {
  sizeBytes: 100,
  transferredBytes: 100,
  blocksSent: 1,
  retransmissions: 0,
  duplicates: 0,
  timeouts: 0,
  junk: 0,
  proven: true,
  firstAnswerAtMs: 0,
  endedAtMs: 1,
};

/** A dispatcher whose transfers do nothing by themselves. @param isOpen - it has its placement */
function stage(context: TestContext, isOpen = true) {
  const placed: PlacementHandlers[] = [];
  let repetitions = 0;
  const transfer: PlacedTransfer = {
    proven: true,
    isCarried: true,
    // In another thread: written down a moment later, or never by one that is over at once.
    hasMovedData: false,
    awaitsLastAck: false,
    silentMs: () => 0,
    account: () => ACCOUNT,
    serveFiles: () => undefined,
    copyUpload: () => undefined,
    sendFrom: () => undefined,
    receiveInto: () => undefined,
    handleRepeatedRequest: () => void repetitions++,
    deliver: () => undefined,
    abort: () => undefined,
    close: () => undefined,
  };
  const placement = {
    place: (_request: unknown, _answer: unknown, _root: unknown, handlers: PlacementHandlers) => {
      placed.push(handlers);
      return transfer;
    },
  } as unknown as Placement;
  const dispatcher = new Dispatcher(threadRuntime(), fillServerOptions({ workers: 0 }), {
    root: () => "/",
    uploadBlockSizeMax: () => 512,
    uploadTag: () => "tag",
    answerMode: () => "files",
    onRequest: () => undefined,
    onTransferStart: () => undefined,
    onTransferEnd: () => undefined,
    onRefused: ({ message }) => assert.fail(message),
    openSink: () => assert.fail("no upload here"),
  });
  const open = (): void => dispatcher.setPlacement(placement);
  if (isOpen) open();
  context.after(() => dispatcher.setPlacement(null));
  const bytes = encodeRequest({ method: "GET", fileName: "f", mode: "octet", options: [] });
  const peer = { address: "192.0.2.1", port: 2000 };
  const ask = (): void =>
    dispatcher.handleRequest({ bytes, peer, localAddress: "192.0.2.2" }, {} as DatagramSocket);
  return { ask, placed, repetitions: () => repetitions, open };
}

test("a request that comes before there are threads is begun when they are there, once", (context) => {
  const { ask, placed, open } = stage(context, false);
  ask();
  ask();
  assert.equal(placed.length, 0);
  open();
  assert.equal(placed.length, 1);
});

test("a request that comes again before the client has answered is a repetition", (context) => {
  const { ask, placed, repetitions } = stage(context);
  ask();
  ask();
  assert.deepEqual([placed.length, repetitions()], [1, 1]);
});

test("a client may ask for the same file again as soon as it has it", (context) => {
  const { ask, placed, repetitions } = stage(context);
  ask();
  placed[0]?.onCompleted(false, ACCOUNT);
  // Its last message is still on the way from the worker.
  ask();
  assert.deepEqual([placed.length, repetitions()], [2, 0]);
});
