import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BlockSink, SinkHandlers } from "../../src/io/storage.js";
import type { TransferAccount } from "../../src/server/placement.js";
import { RemoteSource } from "../../src/server/remote-store.js";
import { RemoteTransfer } from "../../src/server/remote-transfer.js";
import { TransferBoard } from "../../src/server/transfer-board.js";
import type { FromWorker, ToWorker } from "../../src/server/worker-messages.js";
import type { WorkerPool } from "../../src/server/worker-pool.js";
import { fuzz } from "./fuzz.js";

const ID = 7;
const account: TransferAccount = { ...TransferBoard.withSlots(1).account(0), endedAtMs: 0 };
const amount = fc.oneof(
  fc.nat(100_000),
  fc.constantFrom(-1, Number.NaN, 0.5, Infinity, Number.MAX_SAFE_INTEGER),
);
const cause = { name: "Error", message: "x", stack: undefined, details: {} };

const report: fc.Arbitrary<FromWorker> = fc.oneof(
  fc.record({
    kind: fc.constant("opened" as const),
    id: fc.constant(ID),
    localAddress: fc.string(),
    localPort: fc.nat(70_000),
  }),
  fc.record({ kind: fc.constant("want" as const), id: fc.constant(ID), uptoBytes: amount }),
  fc.record({ kind: fc.constant("data" as const), id: fc.constant(ID), bytes: fc.uint8Array() }),
  fc.record({
    kind: fc.constantFrom("finish" as const, "ended" as const, "delivered" as const),
    id: fc.constant(ID),
  }),
  fc.record({
    kind: fc.constant("completed" as const),
    id: fc.constant(ID),
    lastAckMissing: fc.boolean(),
    account: fc.constant(account),
  }),
  fc.record({
    kind: fc.constant("failed" as const),
    id: fc.constant(ID),
    failure: fc.constantFrom({ kind: "timeout" } as const, { kind: "no-socket", cause } as const),
    account: fc.constant(account),
  }),
  fc.record({
    kind: fc.constantFrom("unheard-of", "constructor"),
    id: fc.constant(ID),
  }) as unknown as fc.Arbitrary<FromWorker>,
);

const step = fc.oneof(
  { weight: 4, arbitrary: report.map((message) => ({ act: "report" as const, message })) },
  {
    weight: 1,
    arbitrary: fc.record({
      act: fc.constantFrom(
        "send",
        "receive",
        "files",
        "abort",
        "close",
        "crash",
        "repeat",
        "deliver",
        "drain",
        "fill",
      ),
    }),
  },
);

test("the server's side of a transfer takes reports of any sort, in any order: one outcome, one end, nothing kept", () =>
  fuzz(
    "fuzz/worker-reports",
    5000,
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const played = new Played();
      for (const each of steps) {
        if (each.act === "report") played.transfer.take((each as { message: FromWorker }).message);
        else played.act(each.act);
      }
      played.transfer.close();
      const { outcomes, ends, openStores, deliveries } = played;
      assert.ok(outcomes <= 1, `${outcomes} outcomes`);
      assert.ok(ends <= 1, `${ends} ends`);
      assert.equal(openStores, 0, "stores were let go");
      assert.ok(deliveries <= 64 + steps.length, "no more under way than the limit");
    }),
  ));

test("half a byte that is wanted does not hang the thread", () => {
  const played = new Played();
  played.act("send");
  played.act("fill");
  for (const uptoBytes of [0.5, Number.NaN, 1.5]) played.transfer.take({ kind: "want", id: ID, uptoBytes });
  played.transfer.close();
  assert.equal(played.openStores, 0);
});

/** A transfer with an owner that behaves, and a pool that only listens. */
class Played {
  outcomes = 0;
  ends = 0;
  openStores = 0;
  deliveries = 0;
  readonly transfer: RemoteTransfer;
  #source: RemoteSource | null = null;
  #sink: SinkHandlers | null = null;
  #hasStore = false;

  constructor() {
    const pool = {
      post: ({ kind }: ToWorker) => {
        if (kind === "deliver") this.deliveries++;
      },
    } as unknown as WorkerPool;
    const end = () => {
      assert.equal(this.ends, 0, "nothing behind the end");
      this.outcomes++;
    };
    this.transfer = new RemoteTransfer(ID, 0, pool, TransferBoard.withSlots(1), {
      onOpened: () => assert.equal(this.outcomes, 0, "nobody is asked behind the outcome"),
      onCompleted: () => {
        end();
        // What is complete is nobody's to let go.
        if (this.#sink !== null) this.openStores--;
        this.#sink = null;
      },
      onFailed: end,
      onEnded: () => {
        this.ends++;
      },
    });
  }

  act(what: string): void {
    const { transfer } = this;
    // An owner gives its store once, and only to a transfer that goes on.
    const mayGive = !this.#hasStore && this.outcomes === 0 && this.ends === 0;
    if (["send", "receive", "files"].includes(what)) {
      if (!mayGive) return;
      this.#hasStore = true;
      this.openStores++;
      if (what === "send") transfer.sendFrom(this.#makeSource(), 1000, new Map());
      else if (what === "receive") transfer.receiveInto(this.#makeSink(), new Map());
      else transfer.serveFiles({ root: "/", userExtensions: new Map(), copyTo: this.#makeSink() });
    } else if (what === "abort") transfer.abort(0, "x");
    else if (what === "close") transfer.close();
    else if (what === "crash") transfer.crash(new Error("x"));
    else if (what === "repeat") transfer.handleRepeatedRequest();
    else if (what === "deliver") for (let i = 0; i < 70; i++) transfer.deliver(new Uint8Array(4));
    else if (what === "drain") this.#sink?.onDrained();
    else this.#source?.take(new Uint8Array(500), false);
  }

  #makeSource(): RemoteSource {
    const source = new RemoteSource(1000, () => undefined);
    const close = source.close.bind(source);
    source.close = () => {
      this.openStores--;
      this.#source = null;
      close();
    };
    this.#source = source;
    return source;
  }

  #makeSink(): BlockSink {
    return {
      attach: (handlers) => {
        this.#sink = handlers;
      },
      write: () => false,
      finish: () => undefined,
      discard: () => {
        this.openStores--;
        this.#sink = null;
      },
    };
  }
}
