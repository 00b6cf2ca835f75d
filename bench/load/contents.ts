import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "../../src/index.js";
import { SeededRandom } from "../shared/random.js";
import type { LoadPlan } from "./plan.js";

/** Most that is held to compare with. */
const CONTENT_BYTES_MAX = 1 << 30;

/**
 * What the files of a plan hold, by name: for PUT what is stored, for GET with `verify` what has to come; empty
 * otherwise.
 *
 * @param folder - where local copies lie; null: they are fetched from the server
 */
export async function contentsFor(plan: LoadPlan, folder: string | null): Promise<Map<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  if (plan.method === "PUT") {
    const content = new SeededRandom(plan.seed).fill(new Uint8Array(plan.putBytes));
    for (const file of plan.files) contents.set(file, content);
  } else if (plan.verify) {
    for (const file of plan.files) {
      const bytes = folder === null ? await fetchFile(plan, file) : await readFile(join(folder, file));
      contents.set(file, share(bytes));
    }
  }
  return contents;
}

/**
 * Fetches what was stored and compares it.
 * @returns the names whose content is not what was sent
 */
export async function compareStored(
  plan: LoadPlan,
  contents: ReadonlyMap<string, Uint8Array>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [file, content] of contents) {
    const names = new Set(
      Array.from({ length: plan.connections }, (_, number) => file.replaceAll("%n", String(number))),
    );
    for (const name of names) {
      const stored = await fetchFile(plan, name).catch((error: Error) => error);
      if (stored instanceof Error) wrong.push(`${name}: ${stored.message}`);
      else if (Buffer.compare(stored, content) !== 0) wrong.push(`${name}: the content differs`);
    }
  }
  return wrong;
}

async function fetchFile(plan: LoadPlan, name: string): Promise<Buffer> {
  const { address, port } = plan;
  const client = createClient({ host: address, port, blockSize: 1428, windowSize: 16 });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of client.createGetStream(name)) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > CONTENT_BYTES_MAX) throw new Error(`'${name}' is too large to compare with`);
  }
  return Buffer.concat(chunks);
}

/** The same bytes, for all threads at once. */
function share(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
