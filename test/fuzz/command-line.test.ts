import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type Invocation, parseCommandLine } from "../../src/cli/args.js";
import { UsageError } from "../../src/cli/exit-codes.js";
import { optionRows } from "../../src/cli/option-table.js";
import { complete, splitWords } from "../../src/cli/shell.js";
import { parseEndpoint, parseUri } from "../../src/cli/uri.js";
import { MapSyntaxError, parseMap } from "../../src/names/map-syntax.js";
import { NameMap } from "../../src/names/name-map.js";
import { start } from "../helpers/command.js";
import { temporaryFolder } from "../helpers/files.js";
import { fuzz } from "./fuzz.js";

const FILE = "fuzz/command-line";
const TIME_LIMIT = { timeout: 600_000 };

/** Text of every sort: parsers meet what shells, files and people make of it. */
const anyText = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ maxLength: 30, unit: "binary" }),
  fc.constantFrom("", "-", "--", "=", "%", "\0", "\n", "\ud800", "__proto__", "constructor", "toString"),
);

const numberText = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom(
    "0",
    "-1",
    "+5",
    " 5",
    "1e3",
    "0x10",
    "NaN",
    "Infinity",
    "9".repeat(400),
    "5000-5009",
    "9-1",
  ),
);

const hostText = fc.oneof(
  fc.constantFrom(
    "localhost",
    "::",
    "[::1]:69",
    "[fe80::1%25lo]",
    "127.0.0.1:0",
    "h:99999",
    "[",
    "]:",
    "a:b:c",
  ),
  fc.tuple(fc.domain(), numberText).map(([host, port]) => `${host}:${port}`),
);

const uriText = fc
  .record({
    scheme: fc.constantFrom("tftp://", "TFTP://", "tftp:/", "http://", ""),
    host: fc.oneof(hostText, anyText),
    path: fc.oneof(
      anyText,
      fc.webPath(),
      fc.constantFrom("/", "/%", "/%zz", "/%00", "/a;mode=octet", "/;mode="),
    ),
  })
  .map(({ scheme, host, path }) => scheme + host + path);

const optionWord = fc
  .tuple(
    fc.constantFrom(...optionRows, ...optionRows.slice(0, 5)),
    fc.constantFrom("long", "cut", "short", "no", "equals"),
    fc.oneof(numberText, anyText, hostText),
  )
  .map(([{ name, short }, form, value]) => {
    if (form === "short") return `-${short ?? "x"}${value}`;
    if (form === "no") return `--no-${name}`;
    if (form === "equals") return `--${name}=${value}`;
    return form === "cut" ? `--${name.slice(0, 3)}` : `--${name}`;
  });

const commandLine = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: optionWord },
    fc.constantFrom("get", "put", "completion", "bash", "-l", "--help", "--version", "--", "-"),
    numberText,
    hostText,
    uriText,
    anyText,
  ),
  { maxLength: 8 },
);

/** What a command line may end in: an invocation, or an error of one line that says what is wrong. */
function read(words: readonly string[]): Invocation | null {
  try {
    const invocation = parseCommandLine(words);
    assert.ok(
      ["help", "version", "completion", "get", "put", "shell", "serve", "map-test"].includes(invocation.kind),
    );
    return invocation;
  } catch (error) {
    checkMessage(error);
    return null;
  }
}

function checkMessage(error: unknown): void {
  const isUsage = error instanceof UsageError;
  // Of the configuration file: a plain Error, which ends the command with status 1.
  assert.ok(isUsage || (error as Error).constructor === Error, (error as Error).stack);
  assert.ok((error as Error).message.length > 0);
}

test("any words are a command line or a usage error", TIME_LIMIT, () =>
  fuzz(
    FILE,
    4000,
    fc.property(commandLine, (words) => void read(words)),
  ),
);

test("any text is a URI, an address, or an error", TIME_LIMIT, () =>
  fuzz(
    FILE,
    10_000,
    fc.property(fc.oneof(uriText, hostText, anyText), (text) => {
      for (const parse of [parseUri, parseEndpoint]) {
        try {
          const { host, port } = parse(text);
          assert.ok(host !== "" && (port === undefined || (port >= 0 && port <= 65_535)), text);
        } catch (error) {
          checkMessage(error);
        }
      }
    }),
  ),
);

test("what a URI says survives being written", TIME_LIMIT, () =>
  fuzz(
    FILE,
    5000,
    fc.property(fc.string({ maxLength: 40, unit: "grapheme" }), fc.nat(65_535), (path, port) => {
      const uri = parseUri(`tftp://[::1]:${port}/${encodeURIComponent(path)}`);
      assert.deepEqual([uri.host, uri.port, uri.path], ["::1", port, path]);
    }),
  ),
);

test("a line of the shell is split and completed, whatever it is", TIME_LIMIT, () =>
  fuzz(
    FILE,
    2000,
    fc.property(
      fc.oneof(
        anyText,
        anyText.map((text) => `put ${text}`),
      ),
      (line) => {
        assert.ok(splitWords(line).every((word) => typeof word === "string"));
        assert.ok(Array.isArray(complete(line)[0]));
      },
    ),
  ),
);

test(
  "a configuration file of any text or JSON is read, or refused with its name",
  TIME_LIMIT,
  async (context) => {
    const file = join(await temporaryFolder(context), "c.json");
    const key = fc.oneof(fc.constantFrom(...optionRows.map(({ name }) => name), "root", "$schema"), anyText);
    const value = fc.oneof(numberText, hostText, fc.integer(), fc.boolean(), fc.jsonValue({ maxDepth: 2 }));
    const content = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.dictionary(key, value, { maxKeys: 6 }).map((config) => JSON.stringify(config)),
      },
      fc.json(),
      anyText,
    );
    await fuzz(
      FILE,
      1500,
      fc.property(content, (text) => {
        writeFileSync(file, text);
        try {
          parseCommandLine(["--config", file, "-l"]);
        } catch (error) {
          checkMessage(error);
          assert.ok((error as Error).message.startsWith(file), (error as Error).message);
        }
      }),
    );
  },
);

test(
  "a map file of any text is rules or an error with its line, and any name comes out of it in time",
  TIME_LIMIT,
  () => {
    const word = fc.oneof(
      fc.constantFrom(
        "r",
        "rg",
        "rgi",
        "re",
        "rs",
        "a",
        "a~",
        "G",
        "4r",
        "rg s",
        "#",
        "\\",
        "^x*$",
        "(a*)*b",
        "[[:alpha:]]+",
      ),
      fc.constantFrom("\\1", "\\0\\0", "\\U\\0", "\\i/\\x", "a{0,255}", "(", "[", "x|", "\\Ux\\E"),
      anyText,
    );
    const line = fc.array(word, { maxLength: 4 }).map((words) => words.join(" "));
    const source = fc.array(line, { maxLength: 5 }).map((lines) => lines.join("\n"));
    return fuzz(
      FILE,
      4000,
      fc.property(source, anyText, (text, name) => {
        let map: NameMap;
        try {
          parseMap(text);
          map = new NameMap(text);
        } catch (error) {
          assert.ok(error instanceof MapSyntaxError, (error as Error).stack);
          assert.match(error.message, /^line \d+: |^it is longer/);
          return;
        }
        const begunMs = performance.now();
        const result = map.apply(name, { method: "GET", address: "192.0.2.1" });
        assert.equal(typeof result.ok, "boolean");
        assert.ok(performance.now() - begunMs < 2000, "names are rewritten in time");
      }),
    );
  },
);

test("the command itself: a documented status, one line of error, no stack", TIME_LIMIT, async (context) => {
  const folder = await temporaryFolder(context);
  // What would ask the network or serve is not started: the parser says which that is.
  const ends = ["help", "version", "completion"];
  const printable = commandLine.filter(
    (words) => !words.some((word) => word.includes("\0")) && ends.includes(read(words)?.kind ?? "help"),
  );
  await fuzz(
    FILE,
    24,
    fc.asyncProperty(printable, async (words) => {
      const run = start(words, folder);
      const timer = setTimeout(() => run.child.kill("SIGKILL"), 20_000);
      const { code, stdout, stderr } = await run.done;
      clearTimeout(timer);
      const expected = read(words) === null ? [1, 2] : [0];
      assert.ok(expected.includes(code ?? -1), `status ${code}: ${stderr}`);
      assert.doesNotMatch(stderr + stdout, /\n\s+at .+:\d+/, "no stack");
      assert.equal(code === 2, stderr.includes("--help' for more information"));
    }),
  );
});
