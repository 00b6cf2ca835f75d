import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fixtureRoot } from "./support/fixture.js";
import { openPeer } from "./support/peer.js";
import { sharedSubject } from "./support/subject.js";
import { describe, request } from "./support/wire.js";

/* Names that lead out of the root, to what is no file, or are no text [reliability 15, RFC 1123 §4.2.3.4]. */

let root = "";

const subject = sharedSubject(async () => {
  root = await fixtureRoot();
  await prepare();
  return { root, options: ["--json"] };
});

/** Links, special files, and names that are no UTF-8. */
async function prepare(): Promise<void> {
  const outside = dirname(root);
  await mkdir(join(outside, "root-sibling"));
  await writeFile(join(outside, "root-sibling", "secret"), "secret");
  await symlink("../secret", join(root, "link-out"));
  await symlink(join(outside, "secret"), join(root, "link-out-absolute"));
  await symlink("..", join(root, "way-up"));
  await symlink("/", join(root, "way-to-all"));
  await symlink("nowhere", join(root, "dangling"));
  await symlink("../new-outside", join(root, "dangling-out"));
  await symlink("loop", join(root, "loop"));
  await symlink("f", join(root, "link-inside"));
  await symlink("dir", join(root, "dir-inside"));
  execFileSync("mkfifo", [join(root, "fifo")]);
  // Root may make devices; others find the link out of the root refused.
  if (process.getuid?.() === 0) execFileSync("mknod", [join(root, "zero"), "c", "1", "5"]);
  else await symlink("/dev/zero", join(root, "zero"));
  const socket = createServer().listen(join(root, "socket"));
  socket.unref();
  await new Promise<void>((resolve) => socket.once("listening", resolve));
  await writeFile(Buffer.concat([Buffer.from(`${root}/latin-`), Buffer.of(0xe9)]), "latin");
  await writeFile(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.of(0xc0, 0xaf, 0xfe)]), "bytes");
  await writeFile(join(root, "ünï-日本.bin"), "unicode");
  await writeFile(join(root, "..data"), "dots");
  await writeFile(join(root, "with space"), "space");
  await writeFile(join(root, "pxe.rom"), "rom");
}

/** No answer to any of these may be the content of a file, for GET, or leave a trace outside, for PUT. */
const FORBIDDEN: readonly (string | Buffer)[] = [
  "../secret",
  "../../secret",
  "../../../../../../../../etc/passwd",
  "..\\secret",
  "..\\..\\secret",
  "dir/../../secret",
  "dir\\..\\..\\secret",
  "dir/..\\../secret",
  "./../secret",
  ".//..//secret",
  "dir/./../../secret",
  "....//secret",
  "..../secret",
  ".../secret",
  "....\\\\secret",
  "../root-sibling/secret",
  "/../root-sibling/secret",
  "..",
  "../",
  "..\\",
  ".",
  "./",
  "/",
  "//",
  "\\",
  "dir",
  "dir/",
  "dir/.",
  "dir/..",
  "link-out",
  "link-out-absolute",
  "way-up/secret",
  "way-up/root/../secret",
  "way-to-all/etc/passwd",
  "dir-inside/../../secret",
  "dangling-out",
  "loop",
  "fifo",
  "zero",
  "socket",
  "dev/null",
  "/dev/null",
  "/dev/zero",
  "/proc/self/environ",
  "/proc/self/root/etc/passwd",
  "/etc/passwd",
  "//etc/passwd",
  "\\etc\\passwd",
  "C:\\secret",
  "c:/windows/../../secret",
  "\\\\server\\share\\secret",
  "file:///etc/passwd",
  "%2e%2e/secret",
  "%2e%2e%2fsecret",
  "..%2fsecret",
  "..%c0%afsecret",
  Buffer.from([0x2e, 0x2e, 0xc0, 0xaf, 0x73, 0x65, 0x63, 0x72, 0x65, 0x74]),
  Buffer.from([0xc0, 0xae, 0xc0, 0xae, 0x2f, 0x73, 0x65, 0x63, 0x72, 0x65, 0x74]),
  "~/secret",
  "~root/.profile",
  "$HOME/secret",
  "`id`",
  "|id",
  "tiny/",
  "tiny/.",
  "tiny/..",
  "tiny/x",
  "\x01",
  "a\nb",
  "a\rb",
  "\x1b[2J",
  "\x7f",
  "secret\u202e",
  "none/such",
  "*",
  "?",
  "f ",
  " f",
];

for (const kind of ["RRQ", "WRQ"] as const) {
  test(`${FORBIDDEN.length} forms of names, ${kind}: nothing outside the root, nothing but regular files`, {
    timeout: 120_000,
  }, async (context) => {
    const server = await subject();
    const outside = dirname(root);
    const before = readdirSync(outside).sort();
    for (const name of FORBIDDEN) {
      const peer = await openPeer(context, server);
      peer.send(request(kind, name));
      const received = await peer.next();
      const what = `${kind} ${JSON.stringify(name.toString())}`;
      assert.ok(received !== null, `${what} is answered`);
      const heard = describe(received.bytes);
      if (kind === "WRQ" && heard === "ACK 0") {
        // Taken for a plain new name below the root, which the comparison below proves.
        peer.send("DATA 1 3");
        await peer.expect(/^(ACK 1|ERROR )/);
      } else if (kind === "RRQ" && (name === "tiny/" || name === "tiny/.")) {
        assert.match(heard, /^(ERROR [12] |DATA 1 5$)/, what);
        // A transfer that still reads the file would be a reason to refuse a write.
        if (heard.startsWith("DATA")) peer.send("ACK 1");
      } else {
        assert.match(heard, /^ERROR [12] ./, what);
      }
      assert.ok(!received.bytes.includes("ntftp-hostile-"), `${what}: no path of this machine goes out`);
    }
    assert.deepEqual(readdirSync(outside).sort(), before);
    assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret");
    assert.equal(readFileSync(join(outside, "root-sibling", "secret"), "utf8"), "secret");
    server.assertAlive();
  });
}

test("names are bytes: UTF-8, Latin-1, no encoding at all, blanks, dots, backslashes, links inside the root", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  const wanted: [string | Buffer, string][] = [
    ["ünï-日本.bin", "unicode"],
    [Buffer.concat([Buffer.from("latin-"), Buffer.of(0xe9)]), "latin"],
    [Buffer.concat([Buffer.from("bad-"), Buffer.of(0xc0, 0xaf, 0xfe)]), "bytes"],
    ["..data", "dots"],
    ["with space", "space"],
    ["/pxe.rom", "rom"],
    ["//pxe.rom", "rom"],
    ["./pxe.rom", "rom"],
    ["\\pxe.rom", "rom"],
    ["dir/../pxe.rom", "rom"],
    ["dir\\..\\pxe.rom", "rom"],
    ["/../../pxe.rom", "rom"],
    [Buffer.concat([Buffer.from("pxe.rom"), Buffer.of(0xff)]), "rom"],
    [Buffer.concat([Buffer.from("pxe.rom"), Buffer.of(0xff, 0xff)]), "rom"],
    [Buffer.concat([Buffer.from("/pxe.rom"), Buffer.of(0xff)]), "rom"],
  ];
  for (const [name, content] of wanted) {
    const peer = await openPeer(context, server);
    peer.send(request("RRQ", name));
    const received = await peer.next();
    assert.equal(received?.bytes.toString("utf8", 4), content, name.toString());
    peer.send("ACK 1");
  }
  for (const name of ["link-inside", "dir-inside/f", "dir/../dir-inside/f"]) {
    const peer = await openPeer(context, server);
    peer.send(request("RRQ", name));
    await peer.expect("DATA 1 512");
    peer.send("ERROR 0 enough");
  }
});

test("uploads keep the bytes of their names", { timeout: 60_000 }, async (context) => {
  const server = await subject();
  for (const name of [
    Buffer.from("up-日本"),
    Buffer.concat([Buffer.from("up-"), Buffer.of(0xe9, 0xff, 0xfe)]),
  ]) {
    const peer = await openPeer(context, server);
    peer.send(request("WRQ", name));
    await peer.expect("ACK 0");
    peer.send("DATA 1 3");
    await peer.expect("ACK 1");
    assert.equal(readFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), "utf8"), "bbb");
  }
});

test("special files are refused at once, however often: none of them takes a thread [nodejs/node #23220]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  for (let round = 0; round < 8; round++) {
    for (const name of ["fifo", "zero", "socket", "dir"]) {
      for (const kind of ["RRQ", "WRQ"] as const) {
        const peer = await openPeer(context, server);
        peer.send(request(kind, name));
        await peer.expect(/^ERROR [12] /);
      }
    }
  }
  const peer = await openPeer(context, server);
  peer.send("RRQ f octet");
  await peer.expect("DATA 1 512");
});

test("members of Object.prototype are names like others [node-tftp B12]", {
  timeout: 60_000,
}, async (context) => {
  const server = await subject();
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    const peer = await openPeer(context, server);
    peer.send(request("RRQ", name));
    await peer.expect("ERROR 1 File not found");
    const other = await openPeer(context, server);
    other.send(request("WRQ", name));
    await other.expect("ACK 0");
    other.send("DATA 1 2");
    await other.expect("ACK 1");
  }
});
