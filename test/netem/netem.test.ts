import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { Link, type Weather } from "./link.js";
import { type ClientName, clientWords, type Parameters, type ServerName, startServer } from "./peers.js";

const CONTENT = sampleBytes(300_000);
const RUN_MS = 120_000;

const WEATHERS: Readonly<Record<string, Weather>> = {
  "1 % loss": { loss: 0.01, delay_us: 500 },
  "5 % loss": { loss: 0.05, delay_us: 500 },
  "delay with jitter, which reorders": { delay_us: 5_000, jitter_us: 5_000 },
  "packets that overtake": { delay_us: 2_000, reorder: 0.1 },
  "packets that come twice": { delay_us: 500, duplicate: 0.1 },
  "broken packets": { delay_us: 500, corrupt: 0.02 },
  "a link that is away for 5 s": { delay_us: 500, away_after: 300, away_ms: 5_000 },
  "all of it": {
    loss: 0.02,
    delay_us: 2_000,
    jitter_us: 4_000,
    duplicate: 0.02,
    corrupt: 0.01,
    reorder: 0.02,
  },
};

/** Fetches and stores a file across a link, and looks at the bytes. */
async function exchange(
  context: { after(cleanUp: () => Promise<void>): void },
  weather: Weather,
  [serverName, clientName]: readonly [ServerName, ClientName],
  parameters: Parameters,
  kinds: readonly ("get" | "put")[] = ["get", "put"],
): Promise<void> {
  const folder = await temporaryFolder(context);
  const [root, local] = [join(folder, "root"), join(folder, "local")];
  await mkdir(root);
  await mkdir(local);
  await writeFile(join(root, "get"), CONTENT);
  await writeFile(join(local, "put"), CONTENT);
  const link = await Link.open({ seed: 1, ...weather });
  try {
    const server = await startServer(link, serverName, root);
    try {
      for (const kind of kinds) {
        const words = clientWords(clientName, kind, kind, server.port, parameters);
        assert.ok(words !== null);
        const { code, output } = await link.onClient(words[0], words.slice(1), local, RUN_MS);
        assert.equal(code, 0, `${clientName} ${kind}: ${output}`);
        const arrived = await readFile(join(kind === "get" ? local : root, kind));
        assert.ok(arrived.equals(CONTENT), `${kind}: ${arrived.length} bytes arrived`);
      }
    } finally {
      await server.stop();
    }
  } finally {
    await link.close();
  }
}

const limit = { timeout: 4 * RUN_MS };

for (const [name, weather] of Object.entries(WEATHERS)) {
  test(`ours to ours, lock-step and windows: ${name}`, limit, async (context) => {
    await exchange(context, weather, ["ntftp", "ntftp"], { blockSize: 1428, windowSize: 1 });
    await exchange(context, weather, ["ntftp", "ntftp"], { blockSize: 1428, windowSize: 16 });
  });
}

// The peers have fixed time-outs of seconds: a little weather is all that they get through in time.
const LIGHT: Weather = { loss: 0.01, delay_us: 500, jitter_us: 300, duplicate: 0.01 };

for (const client of ["curl", "atftp", "busybox"] as const) {
  test(`our server to ${client} in light weather`, limit, (context) =>
    exchange(context, LIGHT, ["ntftp", client], { blockSize: 1428, windowSize: 1 }),
  );
}

test("our server to tftp-hpa in light weather", limit, (context) =>
  exchange(context, LIGHT, ["ntftp", "tftp-hpa"], { blockSize: 512, windowSize: 1 }),
);

for (const server of ["in.tftpd", "atftpd", "dnsmasq"] as const) {
  const kinds = server === "dnsmasq" ? (["get"] as const) : (["get", "put"] as const);
  test(`our client from ${server} in light weather`, limit, (context) =>
    exchange(context, LIGHT, [server, "ntftp"], { blockSize: 1428, windowSize: 1 }, kinds),
  );
}
