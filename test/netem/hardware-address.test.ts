import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { temporaryFolder } from "../helpers/files.js";

/*
 * `--unique-root mac` needs a second machine: network namespaces and veth links stand for a server and two clients. A
 * system where they can't be made is an error that says so.
 */

const run = promisify(execFile);

const TIME_LIMIT = { timeout: 120_000 };

const COMMAND = join(__dirname, "../../src/cli/main.js");

/** What has a directory of its own, and what has none. */
const CLIENTS = [
  { network: 1, mac: "52:54:00:ab:cd:ef", folder: "52-54-00-ab-cd-ef" },
  { network: 2, mac: "52:54:00:12:34:56", folder: "52-54-00-12-34-56" },
  { network: 3, mac: "52:54:00:00:00:01", folder: null },
] as const;

async function ip(...words: string[]): Promise<void> {
  try {
    await run("ip", words);
  } catch (error) {
    throw new Error(
      `ip ${words.join(" ")} failed (root, iproute2, network namespaces and veth are needed): ${(error as Error).message}`,
    );
  }
}

let counter = 0;

/** A server's namespace with a link to each client's; all go away with the test. */
async function network(context: TestContext): Promise<{ server: string; clients: readonly string[] }> {
  const name = (suffix: string): string => `nt-mac-${process.pid}-${counter}-${suffix}`;
  counter++;
  const add = async (namespace: string): Promise<string> => {
    await ip("netns", "add", namespace);
    context.after(() => ip("netns", "del", namespace));
    await ip("-n", namespace, "link", "set", "lo", "up");
    return namespace;
  };
  const server = await add(name("s"));
  const clients: string[] = [];
  for (const { network, mac } of CLIENTS) {
    const client = await add(name(`c${network}`));
    const [here, there] = [`to${network}`, "eth0"];
    await ip("link", "add", here, "netns", server, "type", "veth", "peer", "name", there, "netns", client);
    await ip("-n", client, "link", "set", there, "address", mac);
    for (const [namespace, device, host, host6] of [
      [server, here, "1", "1"],
      [client, there, "2", hostOf(mac)],
    ] as const) {
      await ip("-n", namespace, "addr", "add", `10.78.${network}.${host}/24`, "dev", device);
      await ip("-n", namespace, "addr", "add", `fd78:${network}::${host6}/64`, "dev", device, "nodad");
      await ip("-n", namespace, "link", "set", device, "up");
    }
    clients.push(client);
  }
  return { server, clients };
}

/** The lower half of a stateless address (RFC 4291, appendix A). */
function hostOf(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  return [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f]
    .map((word) => word.toString(16))
    .join(":");
}

/** Asks as soon as it gets a line with an address, and prints the first block of what comes. */
const ASKER = `
  const { createSocket } = require("node:dgram");
  console.log("ready");
  process.stdin.on("data", (line) => {
    const address = String(line).trim();
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("message", (bytes, from) => {
      if (bytes[1] === 3) socket.send(Buffer.from([0, 4, 0, 1]), from.port, from.address, () => socket.close());
      else socket.close();
      console.log(bytes.toString("latin1", 4));
    });
    socket.send("\\0\\x01f\\0octet\\0", 69, address);
  });`;

/** A client that has started already: its question follows at once. */
async function asker(context: TestContext, namespace: string): Promise<(address: string) => Promise<string>> {
  const child = spawn("ip", ["netns", "exec", namespace, process.execPath, "-e", ASKER], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  context.after(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return async (address) => {
    child.stdin.write(`${address}\n`);
    const [text] = (await once(child.stdout, "data")) as [Buffer];
    return text.toString().trim();
  };
}

for (const native of ["1", "0"]) {
  test(
    `--unique-root mac: a client of a network gets its directory (NTFTP_NATIVE=${native})`,
    TIME_LIMIT,
    async (context) => {
      const root = await temporaryFolder(context);
      await writeFile(join(root, "f"), "everybody's");
      for (const { folder } of CLIENTS) {
        if (folder === null) continue;
        await mkdir(join(root, folder));
        await writeFile(join(root, folder, "f"), folder);
      }
      const { server, clients } = await network(context);
      const words = ["netns", "exec", server, process.execPath, COMMAND, "-l", root, "--unique-root", "mac"];
      const child = spawn("ip", words, {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NTFTP_NATIVE: native },
      });
      const exited = once(child, "exit");
      context.after(async () => {
        child.kill("SIGKILL");
        await exited;
      });
      await once(child.stdout, "data");
      child.stdout.resume();
      const ask = await Promise.all(clients.map((client) => asker(context, client)));
      // One right after the other: each is new to the kernel's table, which the server has read a moment ago.
      for (const [index, { network, folder }] of CLIENTS.entries()) {
        assert.equal(await ask[index]?.(`10.78.${network}.1`), folder ?? "everybody's", `client ${network}`);
      }
      for (const [index, { network, folder }] of CLIENTS.entries()) {
        assert.equal(await ask[index]?.(`fd78:${network}::1`), folder ?? "everybody's", `IPv6 ${network}`);
      }
    },
  );
}
