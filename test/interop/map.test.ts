import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { NameMap } from "../../src/names/name-map.js";
import { ask } from "../helpers/asking.js";
import { temporaryFolder } from "../helpers/files.js";
import { startRealServer } from "./programs.js";

/** Maps, and names that are asked for of both servers. */
const CASES: readonly { readonly map: string; readonly names: readonly string[] }[] = [
  {
    map: "ri ^[a-z]:\nrg \\\\\\\\ /\nrg \\# @\nr ^[^/] boot/\\0\na \\.pvt$",
    names: ["C:\\\\boot\\\\x", "c:y", "a#b#c", "z", "z.pvt", "a\\b"],
  },
  {
    map: "re ^a b\nr b c\n~e ^c\nr c d",
    names: ["a", "ab", "b", "bb", "x", "c"],
  },
  {
    map: "r (x+)(y*) \\2-\\1\nrG ^get got\nrP ^got put\nr6 . six\nr4 ^four 4\\i",
    names: ["xy", "xxyy", "x", "axyb", "get", "four"],
  },
  {
    map: "r ^hex$ \\x\nr ^up(.*) \\Uup\\1\\E-e\\1\nr ^Low(.*)$ \\Llow\\1X",
    names: ["hex", "upper", "LowER", "other"],
  },
  {
    map: "r a|ab X\nr (c|cd)(e|def)? Y\nr [[:digit:]]{2,3} N\nr ^.\\.z$ dot",
    names: ["ab", "abab", "cdef", "ce", "1234", "1", "q.z", "qqz"],
  },
  {
    // in.tftpd 5.2 starts over with the second rule, against its manual: the first one is there for that.
    map: "r ^never$ x\nrs ^s(.*)s$ \\1\nr ^$ empty\nr \\  space\nr q\\ w e\\ r",
    names: ["ssxss", "sxs", "a b", "q w"],
  },
  { map: "rg a b\nri B+ C\n", names: ["aaa", "banana", "x"] },
];

for (const [index, { map, names }] of CASES.entries()) {
  test(`map ${index + 1}: in.tftpd and ours make the same of each name`, {
    timeout: 120_000,
  }, async (context) => {
    const folder = await temporaryFolder(context);
    const root = join(folder, "root");
    await mkdir(root);
    await chmod(folder, 0o755);
    await writeFile(join(folder, "map"), `${map}\n`);
    const ours = new NameMap(map);
    const results = names.map((name) => ours.apply(name, { method: "GET", address: "127.0.0.1" }));
    for (const result of results) {
      if (!result.ok) continue;
      await mkdir(dirname(join(root, result.name)), { recursive: true });
      await writeFile(join(root, result.name), result.name);
    }
    const server = await startRealServer("tftpd-hpa", root, ["--map-file", join(folder, "map")]);
    context.after(() => server.stop());
    for (const [at, name] of names.entries()) {
      const result = results[at];
      const { packet } = await ask({ port: server.port }, name);
      if (result?.ok) {
        const content =
          packet.kind === "data" ? Buffer.from(packet.payload).toString() : JSON.stringify(packet);
        assert.equal(content, result.name, `${name} by ${JSON.stringify(map)}`);
      } else {
        assert.ok(packet.kind === "error" && packet.errorCode === 2, `${name}: ${JSON.stringify(packet)}`);
      }
    }
  });
}
