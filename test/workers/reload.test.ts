import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../helpers/asking.js";
import { temporaryFolder } from "../helpers/files.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };

for (const workers of [0, 2]) {
  test(
    `after reload() the new options hold for every request, in every thread (${workers} workers)`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      await writeFile(join(root, "f"), "f");
      await symlink("f", join(root, "link"));
      const { server, port } = await startServer(context, { root, workers });
      const fixed = { host: "127.0.0.1", port: 0, root, workers };
      // More requests than workers, so that each of them is asked.
      const kinds = async (name: string) => {
        const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => ask({ port }, name)));
        return [...new Set(answers.map(({ packet }) => packet.kind))].join();
      };
      assert.equal(await kinds("link"), "data");
      await server.reload({ ...fixed, symlinks: "deny" });
      assert.equal(await kinds("link"), "error");
      assert.equal(await kinds("F"), "error");
      await server.reload({ ...fixed, ignoreCase: true });
      assert.equal(await kinds("link"), "data");
      assert.equal(await kinds("F"), "data");
      await server.reload({ ...fixed, portRange: { first: 42_250, last: 42_299 } });
      const { from } = await ask({ port }, "f");
      assert.ok(from.port >= 42_250 && from.port <= 42_299, `port ${from.port}`);
      await server.reload({ ...fixed, denyGET: true });
      assert.equal(await kinds("f"), "error");
      await server.reload(fixed);
      assert.equal(await kinds("f"), "data");
    },
  );
}

test("reload() without options keeps them, and a root that was set", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  await mkdir(join(folder, "a"));
  await mkdir(join(folder, "b"));
  await writeFile(join(folder, "b", "f"), "b");
  const { server, port } = await startServer(context, { root: join(folder, "a"), denyPUT: true });
  server.root = join(folder, "b");
  await server.reload();
  assert.equal((await ask({ port }, "f")).packet.kind, "data");
  assert.equal((await ask({ port }, "g", {}, "PUT")).packet.kind, "error");
  await assert.rejects(server.reload({ host: "127.0.0.2", port: 0 }), { code: "ERR_RELOAD" });
  await assert.rejects(server.reload({ host: "127.0.0.1", port: 0, mtu: 3 }), RangeError);
  assert.equal(server.root, join(folder, "b"));
});
