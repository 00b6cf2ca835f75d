import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { Link, type Weather } from "./link.js";
import { type ClientName, clientWords, type Parameters, type ServerName, startServer } from "./peers.js";

const CONTENT = sampleBytes(300_000);
/** Peers wait one to five seconds for each packet that is lost, so theirs is small. */
const SMALL = sampleBytes(60_000);
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
  content = CONTENT,
): Promise<void> {
  const folder = await temporaryFolder(context);
  const [root, local] = [join(folder, "root"), join(folder, "local")];
  await mkdir(root);
  await mkdir(local);
  await writeFile(join(root, "get"), content);
  await writeFile(join(local, "put"), content);
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
        assert.ok(arrived.equals(content), `${kind}: ${arrived.length} bytes arrived`);
      }
    } finally {
      await server.stop();
    }
  } finally {
    await link.close();
  }
}

const limit = { timeout: 4 * RUN_MS };

/** They mostly wait, each on a link of its own: in turn, the suite would take ten times as long. */
const atOnce = { concurrency: 8 };

describe("ours to ours, lock-step and windows", atOnce, () => {
  for (const [name, weather] of Object.entries(WEATHERS)) {
    for (const windowSize of [1, 16]) {
      test(`${name}, windows of ${windowSize}`, limit, (context) =>
        exchange(context, weather, ["ntftp", "ntftp"], { blockSize: 1428, windowSize }),
      );
    }
  }
});

/** A tenth of a kind of weather, as fixed time-outs of seconds get through in bounded time. */
const PEER_WEATHERS: Readonly<Record<string, Weather>> = {
  "1 % loss": { loss: 0.01, delay_us: 500 },
  "delay with jitter, which reorders": { delay_us: 5_000, jitter_us: 5_000 },
  "packets that overtake": { delay_us: 2_000, reorder: 0.1 },
  "packets that come twice": { delay_us: 500, duplicate: 0.05 },
  "broken packets": { delay_us: 500, corrupt: 0.01 },
  "a link that is away for 5 s": { delay_us: 500, away_after: 60, away_ms: 5_000 },
};

const CLIENTS: Readonly<Record<Exclude<ClientName, "ntftp">, number>> = {
  curl: 1428,
  atftp: 1428,
  busybox: 1428,
  "tftp-hpa": 512,
};

const SERVERS: Readonly<Record<Exclude<ServerName, "ntftp">, readonly ("get" | "put")[]>> = {
  "in.tftpd": ["get", "put"],
  atftpd: ["get", "put"],
  dnsmasq: ["get"],
};

/** curl leaves out a block, or ends a PUT with status 55, when the first answer comes twice, whichever server it talks to. */
function kindsOf(client: ClientName, { duplicate = 0 }: Weather): readonly ("get" | "put")[] {
  return client === "curl" && duplicate > 0 ? ["get"] : ["get", "put"];
}

for (const [client, blockSize] of Object.entries(CLIENTS) as [ClientName, number][]) {
  describe(`our server to ${client}`, atOnce, () => {
    for (const [name, weather] of Object.entries(PEER_WEATHERS)) {
      const kinds = kindsOf(client, weather);
      test(name, limit, (context) =>
        exchange(context, weather, ["ntftp", client], { blockSize, windowSize: 1 }, kinds, SMALL),
      );
    }
  });
}

for (const [server, kinds] of Object.entries(SERVERS) as [ServerName, readonly ("get" | "put")[]][]) {
  describe(`our client from ${server}`, atOnce, () => {
    for (const [name, weather] of Object.entries(PEER_WEATHERS)) {
      test(name, limit, (context) =>
        exchange(context, weather, [server, "ntftp"], { blockSize: 1428, windowSize: 1 }, kinds, SMALL),
      );
    }
  });
}
