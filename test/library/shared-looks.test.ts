import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FileService, type FileSettings } from "../../src/server/file-service.js";
import type { PlacedRequest } from "../../src/server/placement.js";
import { temporaryFolder } from "../helpers/files.js";

const SETTINGS: FileSettings = {
  symlinks: "inside",
  ignoreCase: false,
  uploads: { bytesMax: Number.POSITIVE_INFINITY, mayReplace: true, mayCreate: true },
};

const requestFor = (path: string) => ({ path }) as PlacedRequest;

/** The size that each of so many requests finds, when all of them come in one turn of the loop. */
async function sizesOf(files: FileService, root: string, path: string, count: number): Promise<unknown[]> {
  const sources = Array.from({ length: count }, () => files.openSource(root, requestFor(path)));
  const sizes: unknown[] = [];
  for (const source of await Promise.all(sources)) {
    sizes.push(source.sizeBytes);
    source.close();
  }
  return sizes;
}

async function served(
  context: TestContext,
): Promise<{ files: FileService; root: string; looks: () => number }> {
  const root = await temporaryFolder(context);
  const files = new FileService(SETTINGS);
  for (const name of ["a", "b"]) {
    writeFileSync(join(root, name), "old");
    const source = await files.openSource(root, requestFor(name));
    // In memory as a whole: it can be had again without being opened.
    await new Promise<void>((resolve) => {
      source.attach({ onAvailable: resolve, onFailure: ({ cause }) => assert.fail(cause) });
      source.want(3);
    });
    source.close();
  }
  const stat = context.mock.method(fs, "stat");
  return { files, root, looks: () => stat.mock.callCount() };
}

test("requests of one turn share one look at their file", async (context) => {
  const { files, root, looks } = await served(context);
  assert.deepEqual(await sizesOf(files, root, "a", 100), new Array(100).fill(3));
  assert.equal(looks(), 1);
  await Promise.all([sizesOf(files, root, "a", 10), sizesOf(files, root, "b", 10)]);
  assert.equal(looks(), 3, "each name has a look of its own");
});

test("no request is answered by a look that began before it", async (context) => {
  const { files, root, looks } = await served(context);
  const before = sizesOf(files, root, "a", 2);
  writeFileSync(join(root, "a"), "longer");
  assert.deepEqual(await before, [6, 6], "the look comes after the request");
  // Once it has begun, it is over for those who come: they take the next one.
  const shared = sizesOf(files, root, "b", 1);
  while (looks() < 2) await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(join(root, "b"), "longer");
  assert.deepEqual(await sizesOf(files, root, "b", 1), [6]);
  await shared;
  assert.equal(looks(), 3);
});
