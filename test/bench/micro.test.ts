import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const command = join(__dirname, "../../bench/micro/main.mjs");

test("a step that was selected by name is priced, with what it allocates", async () => {
  const words = ["--expose-gc", command, "encode an ACK", "--json"];
  const options = { timeout: 300_000, maxBuffer: 1 << 26 };
  const { stdout } = await promisify(execFile)(process.execPath, words, options);
  const { benchmarks } = JSON.parse(stdout.slice(stdout.indexOf("{")));
  const [priced] = benchmarks.flatMap(({ runs }: { runs: { name: string; stats?: object }[] }) =>
    runs.filter(({ stats }) => stats !== undefined && stats !== null),
  );
  assert.equal(priced.name, "encode an ACK");
  // Four bytes and the object around them.
  assert.ok(priced.stats.avg > 0 && priced.stats.heap.avg >= 16, JSON.stringify(priced.stats));
});
