import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createServer } from "../../src/index.js";
import { COMMAND, start } from "../helpers/command.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { portOf } from "../helpers/processes.js";
import { startServer } from "../helpers/server.js";

const TIME_LIMIT = { timeout: 120_000 };

async function served(context: { after(cleanUp: () => Promise<void>): void }) {
  const root = await temporaryFolder(context);
  const local = await temporaryFolder(context);
  await mkdir(join(root, "dir"));
  await writeFile(join(root, "dir", "f"), sampleBytes(50_000));
  const { port } = await startServer(context, { root });
  return { root, local, port, uri: `tftp://127.0.0.1:${port}` };
}

test(
  "get and put move files, print one line each where no terminal is, and exit with 0",
  TIME_LIMIT,
  async (context) => {
    const { root, local, uri } = await served(context);
    const got = await start(["get", `${uri}/dir/f`], local).done;
    assert.deepEqual([got.code, got.stderr], [0, ""]);
    assert.match(got.stdout, /^dir\/f 48\.8 KiB in \d+\.\d s\n$/);
    assert.ok(
      (await readFile(join(local, "f"))).equals(sampleBytes(50_000)),
      "the default name is the last part",
    );
    const put = await start(["put", "-q", "f", `${uri}/up`], local).done;
    assert.deepEqual(put, { code: 0, stdout: "", stderr: "" });
    assert.ok((await readFile(join(root, "up"))).equals(sampleBytes(50_000)));
    const json = await start(["get", "--json", `${uri}/up`, "again"], local).done;
    const { seconds, ...event } = JSON.parse(json.stdout);
    assert.deepEqual(event, { event: "done", method: "GET", file: "up", bytes: 50_000 });
    assert.equal(typeof seconds, "number");
    const out = await start(["get", `${uri}/up`, "-"], local).done;
    assert.equal(out.stdout.length > 0 && out.code === 0, true);
  },
);

test("failures are one line on stderr and exit status 1, wrong usage is 2", TIME_LIMIT, async (context) => {
  const { local, uri } = await served(context);
  const none = await start(["get", `${uri}/none`], local).done;
  assert.deepEqual(none, { code: 1, stdout: "", stderr: "Error: (Server) File not found\n" });
  const folder = await start(["get", `${uri}/dir/f`, "."], local).done;
  assert.deepEqual([folder.code, folder.stderr], [1, "Error: The local file is a directory\n"]);
  const stdin = await start(["put", "-", `${uri}/x`], local).done;
  assert.match(stdin.stderr, /^Error: PUT from standard input is not possible.*\n$/);
  const usage = await start(["get", "ftp://x/y"], local).done;
  assert.deepEqual([usage.code, usage.stdout], [2, ""]);
  assert.equal(
    usage.stderr,
    "ntftp get: The protocol must be 'tftp'\nTry 'ntftp get --help' for more information\n",
  );
  const json = await start(["get", "--json", `${uri}/none`], local).done;
  assert.equal(JSON.parse(json.stdout).code, "ENOENT");
  assert.deepEqual(readdirSync(local), []);
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(
    `${signal} during a get: the server is told, nothing stays, exit status ${code}`,
    TIME_LIMIT,
    async (context) => {
      const local = await temporaryFolder(context);
      const silent = createSocket("udp4");
      context.after(() => silent.close());
      silent.bind(0, "127.0.0.1");
      await once(silent, "listening");
      const run = start(["get", `tftp://127.0.0.1:${silent.address().port}/f`], local);
      await once(silent, "message");
      run.child.kill(signal);
      const [told] = (await once(silent, "message")) as [Buffer];
      assert.match(told.toString("latin1"), /Aborted/);
      assert.equal((await run.done).code, code);
      assert.deepEqual(readdirSync(local), []);
    },
  );
}

test("a server says where it listens, logs requests, and ends on SIGTERM", TIME_LIMIT, async (context) => {
  const { root, local } = await served(context);
  const run = start(["-l", root, "127.0.0.1:0"]);
  await run.until("(root:");
  const port = await portOf(run.child);
  await start(["get", `tftp://127.0.0.1:${port}/dir/f`], local).done;
  await start(["get", `tftp://127.0.0.1:${port}/none`], local).done;
  await run.until("ERROR [");
  run.child.kill("SIGTERM");
  const { code, stdout, stderr } = await run.done;
  assert.equal(code, 0);
  assert.ok(stdout.startsWith(`Listening on 127.0.0.1:${port} (root: '${root}')\n`), stdout);
  assert.match(stdout, /CONNECTION \[127\.0\.0\.1:\d+\] GET dir\/f\nCLOSE \[127\.0\.0\.1:\d+\] GET dir\/f\n/);
  assert.match(stderr, /^ERROR \[127\.0\.0\.1:\d+\] GET none - ENOENT/);
});

test("what a server can't start with is one line and exit status 1", TIME_LIMIT, async (context) => {
  const { root, port } = await served(context);
  const taken = await start(["-l", root, `127.0.0.1:${port}`]).done;
  assert.deepEqual([taken.code, taken.stdout], [1, ""]);
  assert.match(taken.stderr, /^Error: 127\.0\.0\.1:\d+ is in use by another program; .*\n$/);
  const missing = await start(["-l", join(root, "none"), "127.0.0.1:0"]).done;
  assert.match(missing.stderr, /^Error: The root '.*none' does not exist\n$/);
  const file = await start(["-l", join(root, "dir", "f"), "127.0.0.1:0"]).done;
  assert.equal(file.stderr, "Error: The root is not a directory\n");
  const foreign = await start(["-l", root, "203.0.113.1:6969"]).done;
  assert.equal(foreign.stderr, "Error: 203.0.113.1 is no address of this machine\n");
  assert.equal((await start(["-l", root, "example.com"]).done).code, 2);
});

test("the first signal lets a transfer end, a second one aborts it", TIME_LIMIT, async (context) => {
  const { root } = await served(context);
  const run = start(["-l", root, "127.0.0.1:0"]);
  await run.until("(root:");
  const port = await portOf(run.child);
  const client = createSocket("udp4");
  context.after(() => client.close());
  client.send(Buffer.from("\0\x01dir/f\0octet\0"), port, "127.0.0.1");
  await once(client, "message");
  run.child.kill("SIGTERM");
  await run.until("Waiting for 1 transfer to end");
  const told = new Promise<string>((resolve) => {
    client.on("message", (bytes: Buffer) => {
      if (bytes[1] === 5) resolve(bytes.toString("latin1"));
    });
  });
  run.child.kill("SIGTERM");
  assert.match(await told, /shutting down/);
  assert.equal((await run.done).code, 0);
});

test(
  "a script on the shell's input runs line by line, and its failures show in the exit status",
  TIME_LIMIT,
  async (context) => {
    const { root, local, port } = await served(context);
    const run = start([`127.0.0.1:${port}`], local);
    run.child.stdin?.end('get dir/f mine\nput mine "with space"\n\nfetch x\nget none\n');
    const { code, stdout, stderr } = await run.done;
    assert.equal(code, 1);
    assert.equal(stdout.split("\n").filter(Boolean).length, 2);
    assert.equal(stderr, "Error: Invalid command ('get' or 'put')\nError: (Server) File not found\n");
    assert.ok((await readFile(join(root, "with space"))).equals(sampleBytes(50_000)));
  },
);

test(
  "on a terminal the shell prompts, repaints its progress, and ^C twice ends it",
  TIME_LIMIT,
  async (context) => {
    const { local, port } = await served(context);
    const run = start(
      ["-qec", `${process.execPath} ${COMMAND} 127.0.0.1:${port}`, "/dev/null"],
      local,
      "script",
    );
    await run.until("> ");
    run.child.stdin?.write("get dir/f\r");
    await run.until("[########################] 100%");
    run.child.stdin?.write("\u0003");
    await run.until("(^C again to quit)");
    run.child.stdin?.write("\u0003");
    assert.equal((await run.done).code, 0);
    assert.match(await readFile(join(local, "ntftp", "history"), "utf8"), /^get dir\/f\n/);
  },
);

test("a reader of the output that goes away is no crash", TIME_LIMIT, async (context) => {
  const { local, uri } = await served(context);
  const run = start(
    ["-c", `${process.execPath} ${COMMAND} get ${uri}/dir/f - | head -c 10 | wc -c`],
    local,
    "sh",
  );
  const { stdout, stderr } = await run.done;
  assert.equal(stdout.trim(), "10");
  assert.equal(stderr, "");
});

test("--version says the version, and which way datagrams take, and why", TIME_LIMIT, async (context) => {
  const cwd = await temporaryFolder(context);
  const { native } = createServer();
  const path = `${native.isNative ? "native path" : "node:dgram"}: ${native.reason}`;
  for (const word of ["-v", "--version"]) {
    const said = await start([word], cwd).done;
    assert.deepEqual(said, { code: 0, stdout: `${VERSION}\n${path}\n`, stderr: "" });
  }
  const quiet = await start(["-v", "-q"], cwd).done;
  assert.equal(quiet.stdout, `${VERSION}\n`);
  const { version, ...rest } = JSON.parse((await start(["-v", "--json"], cwd).done).stdout);
  assert.deepEqual([`v${version}`, rest], [VERSION, { native }]);
});

test("--version under NTFTP_NATIVE=0 says that it is turned off", TIME_LIMIT, async (context) => {
  const cwd = await temporaryFolder(context);
  const words = ["NTFTP_NATIVE=0", process.execPath, COMMAND, "--version"];
  const said = await start(words, cwd, "env").done;
  assert.equal(said.stdout, `${VERSION}\nnode:dgram: turned off by NTFTP_NATIVE=0\n`);
});

const VERSION = `v${JSON.parse(readFileSync(join(__dirname, "../../../package.json"), "utf8")).version}`;
