import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type LoadInvocation, parseLoadCommand } from "../../bench/load/args.js";
import { Latencies } from "../../bench/load/latencies.js";
import { deal, dealOut } from "../../bench/load/plan.js";
import { Schedule } from "../../bench/load/schedule.js";
import { SeededRandom } from "../../bench/shared/random.js";
import { BadUsage } from "../../bench/shared/words.js";

function parse(...words: string[]): LoadInvocation {
  const invocation = parseLoadCommand(words);
  assert.ok(invocation.kind === "run");
  return invocation;
}

test("what is dealt out to threads is what was asked for, and fair", () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 64 }), (total, parts) => {
      const dealt = deal(total, parts);
      assert.equal(
        dealt.reduce((sum, part) => sum + part, 0),
        total,
      );
      assert.ok(Math.max(...dealt) - Math.min(...dealt) <= 1);
    }),
  );
});

test("no thread is without a connection, and connections are numbered through", () => {
  const { plan } = parse("-c", "3", "-a", "100", "-R", "30", "--threads", "8", "h", "f");
  const parts = dealOut({ ...plan, address: "127.0.0.1" });
  assert.deepEqual(
    parts.map(({ connections, amount, firstConnection, ratePerSecond }) => ({
      connections,
      amount,
      firstConnection,
      ratePerSecond,
    })),
    [
      { connections: 1, amount: 34, firstConnection: 0, ratePerSecond: 10 },
      { connections: 1, amount: 33, firstConnection: 1, ratePerSecond: 10 },
      { connections: 1, amount: 33, firstConnection: 2, ratePerSecond: 10 },
    ],
  );
});

test("with a rate, transfers are due at their times whoever is late", () => {
  const schedule = new Schedule(1000, 3, 100);
  assert.equal(schedule.take(1000), 1000);
  assert.equal(schedule.take(1005), null);
  assert.deepEqual([schedule.take(1500), schedule.take(1500)], [1010, 1020]);
  assert.equal(schedule.take(9999), null);
  assert.equal(schedule.isOver, true);
});

test("without a rate, a transfer is due when somebody is free", () => {
  const schedule = new Schedule(0, 2, null);
  assert.deepEqual([schedule.take(5), schedule.take(7), schedule.take(9)], [5, 7, null]);
});

test("percentiles are those of all threads together", () => {
  const fast = Latencies.empty();
  const slow = Latencies.empty();
  for (let count = 0; count < 99; count++) fast.record(1);
  slow.record(1000);
  const all = Latencies.empty();
  all.add(Latencies.decode(fast.encode()));
  all.add(Latencies.decode(slow.encode()));
  const { count, percentilesMs, maxMs } = all.summarize();
  assert.equal(count, 100);
  assert.ok(Math.abs((percentilesMs["p50"] as number) - 1) < 0.01);
  assert.ok(Math.abs((percentilesMs["p99"] as number) - 1) < 0.01);
  assert.ok(Math.abs((percentilesMs["p99.9"] as number) - 1000) < 2);
  assert.ok(Math.abs(maxMs - 1000) < 2);
});

test("a run without a transfer has a summary of zeros", () => {
  const { count, meanMs, percentilesMs } = Latencies.empty().summarize();
  assert.deepEqual([count, meanMs, percentilesMs["p99"]], [0, 0, 0]);
});

test("the same seed is the same chance, near the probability that was asked for", () => {
  const draw = (seed: number): boolean[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 20_000 }, () => random.chance(0.01));
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  const hits = draw(7).filter(Boolean).length;
  assert.ok(hits > 140 && hits < 260, `${hits} of 20000`);
});

test("the command line becomes a plan", () => {
  const { host, plan, json, verifyFolder } = parse(
    ..."[::1]:6969 a b -c 5 -d 2.5 -b 1024 -w 8 --loss 1.5 --seed 9 --verify /srv --json".split(" "),
  );
  assert.deepEqual([host, plan.port, plan.files, verifyFolder], ["::1", 6969, ["a", "b"], "/srv"]);
  assert.deepEqual([plan.connections, plan.amount, plan.durationSeconds], [5, null, 2.5]);
  assert.deepEqual([plan.blockSize, plan.windowSize, plan.loss, plan.seed], [1024, 8, 0.015, 9]);
  assert.deepEqual([plan.verify, json], [true, true]);
  assert.equal(parse("h", "f").plan.durationSeconds, 10);
  assert.equal(parse("h", "f", "-a", "7").plan.durationSeconds, null);
  assert.equal(parse("h", "f", "-a", "7", "-d", "3").plan.durationSeconds, 3);
});

test("what makes no sense is refused with what to do", () => {
  for (const [words, message] of [
    ["h", /missing required argument 'files'/],
    ["h f -c 0", /from 1 to 16384/],
    ["h f -a 1.5", /whole number/],
    ["h f --size 1", /belongs to --put/],
    ["h f --put", /needs --size/],
    ["h f --put --size 1 --verify /srv", /no folder/],
    ["h: f", /port/],
    ["h f --nonsense", /unknown option/],
  ] as const) {
    assert.throws(
      () => parseLoadCommand(words.split(" ")),
      (error: Error) => error instanceof BadUsage && message.test(error.message),
      words,
    );
  }
});

test("help explains options, latency and errors", () => {
  const help = parseLoadCommand(["--help"]);
  assert.ok(help.kind === "help");
  for (const word of ["--connections", "--loss", "coordinated omission", "--verify"]) {
    assert.ok(help.text.includes(word), word);
  }
});
