import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { type Invocation, parseCommandLine } from "../../src/cli/args.js";
import { UsageError } from "../../src/cli/exit-codes.js";
import { formatProgress, ProgressLine } from "../../src/cli/progress.js";
import { complete, splitWords } from "../../src/cli/shell.js";
import { parseEndpoint, parseUri } from "../../src/cli/uri.js";
import { escapeControls } from "../../src/observe/escape.js";

function parse(line: string): Invocation {
  return parseCommandLine(line.split(" ").filter(Boolean));
}

test("every way to write an option means the same", () => {
  for (const line of [
    "-b 9 host",
    "-b9 host",
    "--blksize=9 host",
    "--blksize 9 host",
    "host --blk 9",
    "--bl=9 host",
  ]) {
    const invocation = parse(line);
    assert.ok(invocation.kind === "shell", line);
    assert.equal(invocation.settings.blockSize, 9, line);
    assert.equal(invocation.endpoint.host, "host", line);
  }
});

test("a server: the word behind -l is its root, a host may stand anywhere else", () => {
  const lines: [string, string, string[], number | undefined][] = [
    ["-l", ".", ["::"], undefined],
    ["-l /srv", "/srv", ["::"], undefined],
    ["-l/srv", "/srv", ["::"], undefined],
    ["-lroot", "root", ["::"], undefined],
    ["--listen=/srv", "/srv", ["::"], undefined],
    ["localhost -l .", ".", ["localhost"], undefined],
    ["-l . localhost:1234", ".", ["localhost"], 1234],
    ["[::1]:6969 -l", ".", ["::1"], 6969],
    ["::1 -l", ".", ["::1"], undefined],
    ["-l --port 7", ".", ["::"], 7],
    ["-l --listen-address ::1 --listen-address 10.0.0.1", ".", ["::1", "10.0.0.1"], undefined],
    ["-l . --listen-address ::1 --port 0 127.0.0.1", ".", ["127.0.0.1", "::1"], 0],
  ];
  for (const [line, root, addresses, port] of lines) {
    const invocation = parse(line);
    assert.ok(invocation.kind === "serve", line);
    assert.deepEqual(
      [invocation.root, invocation.server.addresses, invocation.server.port],
      [root, addresses, port],
      line,
    );
  }
  const full = parse(
    "-l --read-only --port-range 5000-5009 --symlinks deny --grace 1 --max-transfers 7 --json --mtu 576 --refuse tsize",
  );
  assert.ok(full.kind === "serve");
  assert.deepEqual(full.server, {
    addresses: ["::"],
    port: undefined,
    mtu: 576,
    refuse: ["tsize"],
    denyPUT: true,
    portRange: { first: 5000, last: 5009 },
    symlinks: "deny",
    maxTransfers: 7,
  });
  assert.deepEqual([full.graceSeconds, full.output], [1, "json"]);
});

test("get and put: URI, local name, mode from the option or the URI", () => {
  const get = parse("get tftp://h/a/b;mode=netascii x -w 16");
  assert.ok(get.kind === "get");
  assert.deepEqual(
    [get.uri.host, get.uri.path, get.local, get.mode, get.settings.windowSize],
    ["h", "a/b", "x", "netascii", 16],
  );
  const before = parse("-w 2 get tftp://h/x");
  assert.ok(before.kind === "get");
  assert.equal(before.settings.windowSize, 2);
  const put = parse("put local tftp://h/");
  assert.ok(put.kind === "put");
  assert.deepEqual([put.uri.path, put.local, put.mode], ["", "local", "octet"]);
  const one = parse("put -m netascii tftp://h/both");
  assert.ok(one.kind === "put");
  assert.deepEqual([one.uri.path, one.local, one.mode], ["both", undefined, "netascii"]);
});

test("no host is a call for help, -h works everywhere, 80 columns wide", () => {
  for (const line of ["", "-h", "--help", "get -h", "put --help"]) {
    const invocation = parse(line);
    assert.ok(invocation.kind === "help", line);
    assert.match(invocation.text, /Usage: ntftp/);
    for (const text of invocation.text.split("\n")) assert.ok(text.length <= 80, `${line}: ${text}`);
  }
  assert.equal(parse("-v").kind, "version");
});

test("a mistake is one line that says what, where and what to do", () => {
  const mistakes: [string, RegExp, string][] = [
    ["--blksize 7 h", /8 to 65464/, "ntftp"],
    ["-w x h", /1 to 65535/, "ntftp"],
    ["--wrong h", /unknown option '--wrong'/, "ntftp"],
    ["--deny h", /ambiguous: --deny-get, --deny-put/, "ntftp"],
    ["a b", /too many arguments/, "ntftp"],
    ["get", /missing required argument 'uri'/, "ntftp get"],
    ["get http://h/x", /The protocol must be 'tftp'/, "ntftp get"],
    ["get tftp:/x", /Bad uri/, "ntftp get"],
    ["get tftp://h/", /names no file/, "ntftp get"],
    ["put tftp://h/", /names a file/, "ntftp put"],
    ["get tftp://h/x;mode=mail", /octet' or 'netascii/, "ntftp get"],
    ["get tftp://h:99999/x", /Bad port/, "ntftp get"],
    ["-l --port-range 9-3", /two ports in order/, "ntftp"],
    ["-l --symlinks maybe", /inside, follow or deny/, "ntftp"],
    ["-l --listen-address name", /IP address or localhost/, "ntftp"],
    ["-l . boot.example", /'boot.example' is a name/, "ntftp"],
    ["-l --port 6969 localhost:69", /port is given twice/, "ntftp"],
    ["-l --mtu 67", /68 to 65535/, "ntftp"],
    ["-l --refuse=a\u00e9", /name of a TFTP option/, "ntftp"],
    ["-m mail h", /octet' or 'netascii/, "ntftp"],
    [":", /Bad address/, "ntftp"],
  ];
  for (const [line, text, command] of mistakes) {
    assert.throws(
      () => parse(line),
      (error: UsageError) => {
        assert.ok(error instanceof UsageError, `${line}: ${error}`);
        assert.match(error.message, text, line);
        assert.equal(error.message.includes("\n"), false, line);
        assert.equal(error.command, command, line);
        return true;
      },
    );
  }
});

test("URIs: ports, IPv6 with zones, %-escapes, spaces, modes", () => {
  assert.deepEqual(parseUri("tftp://h:70/a%20b c"), { host: "h", port: 70, path: "a b c", mode: undefined });
  const zone = parseUri("TFTP://[fe80::1%25eth0]:69/x;MODE=Octet");
  assert.deepEqual(zone, { host: "fe80::1%eth0", port: 69, path: "x", mode: "octet" });
  assert.deepEqual(parseUri("tftp://h//abs/%E2%82%AC;x"), {
    host: "h",
    port: undefined,
    path: "/abs/€;x",
    mode: undefined,
  });
  assert.deepEqual(parseUri("tftp://h"), { host: "h", port: undefined, path: "", mode: undefined });
  assert.throws(() => parseUri("tftp://h/%zz"), /%25/);
  assert.throws(() => parseUri("tftp://[1.2.3.4]/x"), /no IPv6/);
  assert.throws(() => parseUri("tftp://user@h/x"), /Bad uri/);
  assert.deepEqual(parseEndpoint("::1"), { host: "::1", port: undefined });
});

test("the progress line has its 80 columns, as npm tftp prints it", () => {
  const sample = {
    name: "remote-file",
    transferredBytes: 44_249_908,
    totalBytes: 336_299_300,
    bytesPerSecond: 24_600_000,
  };
  const line = formatProgress(sample);
  assert.equal(line, "remote-file             42.2 MiB   24.6M/s 00:12 [###·····················]  13%");
  assert.equal([...line].length, 80);
  const long = formatProgress({
    name: "a-very-long/name-of-a-file.bin",
    transferredBytes: 5,
    totalBytes: 5,
    bytesPerSecond: 1,
  });
  assert.equal(long, "a-very-long/name-o...      5 B        1B/s 00:00 [########################] 100%");
  const unknown = formatProgress({
    name: "f",
    transferredBytes: 70_000,
    totalBytes: null,
    bytesPerSecond: 900,
  });
  assert.match(unknown, /^f {23}68\.4 KiB {4}900B\/s --:-- \[·#·{22}\] {3}\?%$/);
  const slow = { name: "f", transferredBytes: 0, bytesPerSecond: 0 };
  assert.match(formatProgress({ ...slow, totalBytes: 9 }), /--:--/);
  assert.match(formatProgress({ ...slow, totalBytes: 9e9, bytesPerSecond: 1e6 }), / > 1h /);
  assert.match(formatProgress({ ...slow, totalBytes: 9e12, bytesPerSecond: 1e6 }), / > 1d /);
  assert.match(formatProgress({ ...slow, totalBytes: 0 }), /100%/);
});

test("names can't steer a terminal or forge a line of the log", () => {
  assert.equal(escapeControls("a\u001b[2Jb\nc\u009b\udcff"), "a\\x1b[2Jb\\x0ac\\x9b\\xff");
});

test("the shell splits words with quotes, and completes commands and local names", () => {
  assert.deepEqual(splitWords(`get "my file" 'other one' x`), ["get", "my file", "other one", "x"]);
  assert.deepEqual(splitWords("   "), []);
  assert.deepEqual(complete("g"), [["get "], "g"]);
  assert.deepEqual(complete("put /etc/passw"), [complete("put /etc/passw")[0], "/etc/passw"]);
  assert.ok(complete("put /etc/passw")[0].includes("/etc/passwd"));
  assert.deepEqual(complete("put /no/such/folder/x"), [[], "/no/such/folder/x"]);
});

test("the progress line shows with the first bytes: what fails before leaves no line", () => {
  const painted = (act: (line: ProgressLine) => void): string => {
    let text = "";
    const terminal = new Writable({
      write: (chunk, _encoding, callback) => {
        text += chunk;
        callback();
      },
    });
    act(new ProgressLine("f", Object.assign(terminal, { isTTY: true, columns: 80 }) as never));
    return text;
  };
  assert.equal(
    painted((line) => line.failed()),
    "",
  );
  assert.match(
    painted((line) => line.done()),
    /f {26}0 B .*\?%/,
  );
  assert.match(
    painted((line) => {
      line.update(10, 10);
      line.failed();
    }),
    /100%/,
  );
});
