import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { buildFloor, floor } from "../../bench/compare/floor.js";
import { runLoad } from "../../bench/load/run-load.js";
import { ServerProcess } from "../../bench/shared/server-process.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { exactPlan } from "../helpers/load-plan.js";

const FILE_BYTES = 200_000;

const failure = buildFloor();

if (failure === null) {
  for (const [blockSize, windowSize] of [
    [512, 1],
    [1428, 16],
    [8192, 16],
    [20_000, 2],
  ] as const) {
    test(`the floor sends a file byte for byte: ${blockSize}, ${windowSize}`, async (context) => {
      const root = await temporaryFolder(context);
      const content = sampleBytes(FILE_BYTES);
      await writeFile(join(root, "f"), content);
      const server = await ServerProcess.start(floor, root);
      context.after(() => server.stop());
      const work = { method: "GET", files: ["f"], connections: 4, amount: 12 } as const;
      const plan = { ...exactPlan(server.port, work), address: server.host, blockSize, windowSize };
      const { completed, failed, granted } = await runLoad(plan, new Map([["f", content]]));
      assert.deepEqual(
        { completed, failed, granted },
        { completed: 12, failed: 0, granted: { blockSize, windowSize } },
      );
    });
  }

  test("what keeps the floor from being built is said in a line", () => {
    assert.equal(buildFloor("no-such-compiler"), "spawnSync no-such-compiler ENOENT");
    assert.equal(buildFloor("false"), "false ended with status 1");
  });
} else {
  test("a machine without a compiler has no floor, and needs none", () => {
    assert.notEqual(process.env["NTFTP_NATIVE"], "1", failure);
  });
}
