import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type NativeBinding, nativeBinding, type Reactor } from "../../src/io/native-binding.js";
import { eventually } from "../helpers/eventually.js";

// A crash of the addon ends this process, which is how this file fails then.

const TIME_LIMIT = { timeout: 300_000 };

/** Runs of each property. */
const RUNS = process.env["NTFTP_FULL"] === "1" ? 10_000 : 300 * Number(process.env["NTFTP_FUZZ_TIMES"] ?? 1);

const { binding, reason } = nativeBinding();

const FEATURES = { segmentation: true, batches: true };
const METHODS = [
  "open",
  "adopt",
  "descriptor",
  "localPort",
  "addPeer",
  "sendTo",
  "flush",
  "takeErrors",
  "setReferenced",
  "features",
] as const;

/** Two sockets that know each other, in a reactor of their own. */
function makeReactor({ Reactor, commandWords, recordWords }: NativeBinding) {
  const inbox = new Uint8Array(1 << 20);
  const records = new Uint32Array(1024 * recordWords);
  const commands = new Uint32Array(16 * commandWords);
  const outbox = new Uint8Array(4096);
  let received = 0;
  const onBatch = (count: number): void => {
    received += count;
  };
  const reactor = new Reactor(inbox, records, commands, outbox, onBatch, FEATURES);
  const [one, other] = [0, 1].map(() => reactor.open("127.0.0.1", 0, 1, 0, 0, 1500, 0)) as [number, number];
  const peer = reactor.addPeer(one, "127.0.0.1", reactor.localPort(other));
  const receives = async (): Promise<void> => {
    const before = received;
    assert.equal(reactor.sendTo(one, "127.0.0.1", reactor.localPort(other), Uint8Array.of(0, 4, 0, 1)), 0);
    await eventually("a datagram", () => received > before);
  };
  return { reactor, inbox, records, commands, outbox, one, other, peer, receives };
}

/** Anything at all, and often what is nearly right. Addresses are those of this machine. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown[]>(undefined, null, Number.NaN, -1, 0.5, 2 ** 32, 2 ** 53, Infinity, true, 10n),
  fc.constantFrom<unknown[]>(
    0,
    1,
    2,
    7,
    1500,
    65_535,
    65_536,
    "127.0.0.1",
    "::1",
    "",
    "127.0.0.1\0",
    "::1%lo",
  ),
  fc.constantFrom<unknown[]>(
    Symbol("x"),
    () => 1,
    {},
    [],
    new Uint8Array(9),
    new Uint16Array(9),
    new DataView(new ArrayBuffer(8)),
  ),
  fc.constantFrom<unknown[]>(
    [new Uint8Array(3)],
    [new Uint8Array(0)],
    [1],
    new Array(2 ** 32 - 1),
    transferred(),
    new Uint8Array(new SharedArrayBuffer(9)),
    [new Uint8Array(new SharedArrayBuffer(2000))],
    [shrunk()],
    shrunk(),
  ),
  fc.anything({ withTypedArray: true, withBigInt: true, withSparseArray: true }),
);

function transferred(): Uint8Array {
  const bytes = new Uint8Array(100);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

/** An array whose end lies behind its buffer by now. */
function shrunk(): Uint8Array {
  const buffer = resizable(4096);
  const bytes = new Uint8Array(buffer, 0, 4096);
  buffer.resize(16);
  return bytes;
}

/** Node knows these buffers since version 20, the types since a later one. */
type Resizable = ArrayBuffer & { resize(byteLength: number): void };

function resizable(byteLength: number): Resizable {
  const construct = ArrayBuffer as unknown as new (length: number, options: object) => Resizable;
  return new construct(byteLength, { maxByteLength: byteLength });
}

/** Calls it; what it throws has to be an error that says something. */
function tolerates(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    const isRefusal = error instanceof TypeError || error instanceof RangeError;
    const isStopped = (error as Error).message === "The reactor was stopped";
    const isSystem = typeof (error as NodeJS.ErrnoException).syscall === "string";
    assert.ok(isRefusal || isSystem || isStopped, String(error));
  }
}

test("the addon is here, or there is a reason why not", () => {
  if (process.env["NTFTP_NATIVE"] === "1") assert.ok(binding !== null, reason);
  assert.ok(binding !== null || reason !== "");
});

if (binding !== null) {
  test("a reactor of anything is refused", TIME_LIMIT, () => {
    const right = [
      new Uint8Array(1 << 20),
      new Uint32Array(1024 * binding.recordWords),
      new Uint32Array(10),
      new Uint8Array(10),
      () => undefined,
      FEATURES,
    ];
    const argumentLists = fc.tuple(
      ...right.map((value) => fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, junk)),
    );
    const construct = binding.Reactor as unknown as new (...values: unknown[]) => Reactor;
    fc.assert(
      fc.property(argumentLists, fc.nat(6), (values, length) => {
        tolerates(() => new construct(...values.slice(0, length)).stop());
        tolerates(() => new construct(...values).stop());
      }),
      { numRuns: RUNS },
    );
  });

  test("methods take anything, or throw, and the reactor goes on", TIME_LIMIT, async () => {
    const { reactor, one, other, peer, receives } = makeReactor(binding);
    const known = fc.constantFrom<unknown[]>(
      one,
      other,
      peer,
      3,
      "127.0.0.1",
      0,
      1,
      [new Uint8Array(2000)],
      new Uint8Array(4),
    );
    const calls = fc.tuple(fc.constantFrom(...METHODS), fc.array(fc.oneof(known, junk), { maxLength: 8 }));
    fc.assert(
      fc.property(calls, ([method, values]) => {
        tolerates(() => (reactor[method] as (...values: unknown[]) => unknown).apply(reactor, values));
      }),
      { numRuns: 10 * RUNS },
    );
    await receives();
    reactor.stop();
  });

  test("methods belong to reactors", () => {
    const { reactor } = makeReactor(binding);
    for (const method of [...METHODS, "stop"] as const)
      for (const stranger of [undefined, {}, new Map(), Object.create(reactor), binding.Reactor])
        assert.throws(() => (reactor[method] as () => unknown).call(stranger), TypeError, method);
    reactor.stop();
  });

  test("rows of any words are carried out, skipped, or refused with a RangeError", TIME_LIMIT, async () => {
    const { reactor, commands, one, other, peer, receives } = makeReactor(binding);
    const word = fc.oneof(
      fc.constantFrom(0, 1, 2, 4, 100, 512, 1024, 65_507, 65_508, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1),
      fc.nat(2000),
    );
    const first = fc.constantFrom(0, 0, 0, 1, 1, 3, 4, 2 ** 32 - 1);
    const handle = fc.constantFrom(one, one, other, 77, 2 ** 32 - 1);
    const to = fc.constantFrom(peer, peer, peer, 0, 2, 2 ** 32 - 1);
    const rest = fc.array(word, { minLength: binding.commandWords - 3, maxLength: binding.commandWords - 3 });
    const rows = fc.array(fc.tuple(first, handle, to, rest), { maxLength: 8 });
    const memories = [new Uint8Array(70_000), new Uint8Array(0), transferred()];
    fc.assert(
      fc.property(rows, fc.nat(17), (drawn, extra) => {
        const words = drawn.flatMap(([command, socket, target, others]) => [
          command,
          socket,
          target,
          ...others,
        ]);
        commands.set(words);
        try {
          assert.equal(typeof reactor.flush(drawn.length === 8 ? extra : drawn.length, memories), "boolean");
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
        reactor.takeErrors();
      }),
      { numRuns: RUNS },
    );
    reactor.addPeer(one, "127.0.0.1", reactor.localPort(other));
    await receives();
    reactor.stop();
  });

  test("a stopped reactor throws, but for calls that take a handle, of which none is left", () => {
    const { reactor, one } = makeReactor(binding);
    reactor.stop();
    reactor.stop();
    assert.throws(() => reactor.open("127.0.0.1", 0, 1, 0, 0, 0, 0), /stopped/);
    assert.throws(() => reactor.flush(0, []), /stopped/);
    for (const method of ["takeErrors", "setReferenced", "features"] as const)
      assert.throws(() => (reactor[method] as () => unknown)(), /stopped/);
    // Its sockets are closed.
    assert.equal(reactor.localPort(one), 0);
    assert.equal(reactor.addPeer(one, "127.0.0.1", 1), 0);
    assert.equal(reactor.sendTo(one, "127.0.0.1", 1, new Uint8Array(4)), 0);
  });

  test("commands or outbox given away are missed at the next flush", () => {
    for (const name of ["commands", "outbox"] as const) {
      const made = makeReactor(binding);
      made.commands.set([1, made.one, made.peer, 0, 0, 0, 0, 0, 0, 4]);
      made.reactor.flush(1, []);
      giveAway(made[name]);
      assert.throws(() => made.reactor.flush(1, []), RangeError);
      made.reactor.stop();
    }
  });

  test(
    "a reactor whose inbox or records were given away stops before it writes to them",
    TIME_LIMIT,
    async () => {
      for (const name of ["inbox", "records"] as const) {
        const { reactor, one, other, ...made } = makeReactor(binding);
        giveAway(made[name]);
        // It has to be seen, not to keep the loop alive.
        reactor.setReferenced(true);
        reactor.sendTo(one, "127.0.0.1", reactor.localPort(other), Uint8Array.of(0, 4, 0, 1));
        await eventually("the reactor stops", () => reactor.localPort(one) === 0);
        assert.throws(() => reactor.features(), /stopped/);
      }
    },
  );

  test(
    "memory that shrinks is looked at anew: nothing behind its end is read or written",
    TIME_LIMIT,
    async () => {
      const { Reactor, commandWords, recordWords } = binding;
      const lengths = [1 << 20, 4096 * recordWords, 64 * commandWords, 4096] as const;
      for (const [index, length] of lengths.entries()) {
        for (const left of [0, 4, 40, length - 4]) {
          const buffers = lengths.map((each) => resizable(each)) as [
            Resizable,
            Resizable,
            Resizable,
            Resizable,
          ];
          const [inbox, records, commands, outbox] = buffers;
          const table = new Uint32Array(commands);
          const reactor = new Reactor(
            new Uint8Array(inbox),
            new Uint32Array(records),
            table,
            new Uint8Array(outbox),
            () => undefined,
            FEATURES,
          );
          const one = reactor.open("127.0.0.1", 0, 1, 0, 0, 1500, 0);
          const port = reactor.localPort(one);
          const peer = reactor.addPeer(one, "127.0.0.1", port);
          // Datagrams from the very end of the outbox, by the last row of the table.
          for (let row = 0; row < 16; row++)
            table.set([1, one, peer, 0, 0, 0, 0, 0, 4092, 4], row * commandWords);
          buffers[index]?.resize(left);
          tolerates(() => reactor.flush(16, []));
          tolerates(() => reactor.sendTo(one, "127.0.0.1", port, Uint8Array.of(0, 4, 0, 1)));
          await new Promise((resolve) => setTimeout(resolve, 5));
          tolerates(() => reactor.flush(1, [shrunk()]));
          reactor.stop();
        }
      }
    },
  );

  test("a getter among the memories may flush, stop, and give away what was there", () => {
    for (const behave of ["flush", "transfer", "stop", "throw"]) {
      const { reactor, commands, one, peer } = makeReactor(binding);
      commands.set([0, one, peer, 1, 3, 1, 1000, 0, 0, 1000]);
      const memory = new Uint8Array(1_000_000);
      const memories = [memory];
      Object.defineProperty(memories, 1, {
        get() {
          if (behave === "flush") reactor.flush(1, [new Uint8Array(1000)]);
          else if (behave === "transfer") giveAway(memory);
          else if (behave === "stop") reactor.stop();
          else throw new RangeError("thrown by a getter");
          return new Uint8Array(1);
        },
      });
      tolerates(() => reactor.flush(1, memories));
      reactor.stop();
    }
  });

  test("memory that another thread may write to, or that is too small, is refused", () => {
    const rows = 1024 * binding.recordWords;
    const make = (inbox: Uint8Array, records: Uint32Array, commands: Uint32Array, outbox: Uint8Array) => () =>
      new binding.Reactor(inbox, records, commands, outbox, () => undefined, FEATURES);
    const [inbox, records, commands, outbox] = [1 << 20, rows * 4, 40, 40].map(
      (bytes) => new SharedArrayBuffer(bytes),
    ) as [SharedArrayBuffer, SharedArrayBuffer, SharedArrayBuffer, SharedArrayBuffer];
    const own = [
      new Uint8Array(1 << 20),
      new Uint32Array(rows),
      new Uint32Array(10),
      new Uint8Array(40),
    ] as const;
    assert.throws(make(new Uint8Array(inbox), own[1], own[2], own[3]), TypeError);
    assert.throws(make(own[0], new Uint32Array(records), own[2], own[3]), TypeError);
    assert.throws(make(own[0], own[1], new Uint32Array(commands), own[3]), TypeError);
    assert.throws(make(own[0], own[1], own[2], new Uint8Array(outbox)), TypeError);
    assert.throws(make(new Uint8Array(1000), own[1], own[2], own[3]), RangeError);
    assert.throws(make(own[0], new Uint32Array(1000), own[2], own[3]), RangeError);
  });
}

/** Transfers the memory to nobody, and takes other memory until the old one is surely gone. */
function giveAway(array: Uint8Array | Uint32Array): void {
  const buffer = array.buffer as ArrayBuffer;
  structuredClone(buffer, { transfer: [buffer] });
  for (let i = 0; i < 20; i++) new Uint8Array(1 << 20).fill(i);
}
