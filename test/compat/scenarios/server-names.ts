import { mkdirSync, symlinkSync } from "node:fs";
import { rrq, wrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { noteAnswers } from "./by-hand.js";

/** Which names a server serves. */
export const serverNameScenarios: readonly Scenario[] = [
  {
    name: "names that leave the root",
    differs: {
      because: ["wire-numbers"],
      original: [
        "GET ../f: ERROR 0 Invalid filename",
        "PUT ../f: ERROR 0 Invalid filename",
        "a/../../f: ERROR 0 Invalid filename",
        "..: ERROR 0 Invalid filename",
        "../../../../etc/passwd: ERROR 0 Invalid filename",
        "the end",
      ],
      ours: [
        "GET ../f: ERROR 2 Invalid filename",
        "PUT ../f: ERROR 2 Invalid filename",
        "a/../../f: ERROR 2 Invalid filename",
        "..: ERROR 2 Invalid filename",
        "../../../../etc/passwd: ERROR 2 Invalid filename",
        "the end",
      ],
    },
    async play(tftp, world) {
      await noteAnswers(world, tftp, [
        ["GET ../f", rrq("../f")],
        ["PUT ../f", wrq("../f")],
        ["a/../../f", rrq("a/../../f")],
        ["..", rrq("..")],
        ["../../../../etc/passwd", rrq("../../../../etc/passwd")],
      ]);
    },
  },
  {
    name: "names that look as if they left the root",
    async play(tftp, world) {
      await noteAnswers(world, tftp, [
        ["/../f", rrq("/../f")],
        ["a/../f", rrq("a/../f")],
        ["//f", rrq("//f")],
        ["./f", rrq("./f")],
      ]);
    },
  },
  {
    name: "names with backslashes",
    differs: {
      because: ["backslash"],
      original: [
        '.\\f: ERROR 1 File not found, event GET ".\\\\f"',
        'a\\..\\..\\f: ERROR 1 File not found, event GET "a\\\\..\\\\..\\\\f"',
        "the end",
      ],
      ours: ['.\\f: DATA 1 (3), event GET ".\\\\f"', "a\\..\\..\\f: ERROR 2 Invalid filename", "the end"],
    },
    async play(tftp, world) {
      await noteAnswers(world, tftp, [
        [".\\f", rrq(".\\f")],
        ["a\\..\\..\\f", rrq("a\\..\\..\\f")],
      ]);
    },
  },
  {
    name: "names that begin with two dots, and names that every object has",
    differs: {
      because: ["B12"],
      original: [
        "GET ..data: ERROR 0 Invalid filename",
        "GET constructor: ERROR 0 The requested file is being written by another request",
        "PUT toString: ERROR 0 Concurrent PUT request over the same file",
        "GET __proto__: ERROR 0 The requested file is being written by another request",
        "the end",
      ],
      ours: [
        'GET ..data: DATA 1 (3), event GET "..data"',
        'GET constructor: DATA 1 (3), event GET "constructor"',
        'PUT toString: ACK 0, event PUT "toString"',
        'GET __proto__: DATA 1 (3), event GET "__proto__"',
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const name of ["..data", "constructor", "__proto__"]) world.file(name, "abc");
      await noteAnswers(world, tftp, [
        ["GET ..data", rrq("..data")],
        ["GET constructor", rrq("constructor")],
        ["PUT toString", wrq("toString")],
        ["GET __proto__", rrq("__proto__")],
      ]);
    },
  },
  {
    name: "names in UTF-8",
    differs: {
      because: ["utf8-names"],
      original: ["GET ünï: ERROR 0 Invalid filename", "the end"],
      ours: ['GET ünï: DATA 1 (3), event GET "ünï"', "the end"],
    },
    async play(tftp, world) {
      world.file("ünï", "abc");
      await noteAnswers(world, tftp, [["GET ünï", rrq(Buffer.from("ünï").toString("latin1"))]]);
    },
  },
  {
    name: "names with control characters",
    differs: {
      because: ["control-characters"],
      original: ['GET: DATA 1 (3), event GET "a\\nb"', "the end"],
      ours: ["GET: ERROR 2 Invalid filename", "the end"],
    },
    async play(tftp, world) {
      world.file("a\nb", "abc");
      await noteAnswers(world, tftp, [["GET", rrq("a\nb")]]);
    },
  },
  {
    name: "symbolic links inside and out of the root",
    differs: {
      because: ["links"],
      original: ['inside: DATA 1 (3), event GET "inside"', 'out: DATA 1 (6), event GET "out"', "the end"],
      ours: [
        'inside: DATA 1 (3), event GET "inside"',
        'out: ERROR 2 Access violation, event GET "out"',
        "the end",
      ],
    },
    async play(tftp, world) {
      mkdirSync(world.path("root"));
      world.file("outside", "secret");
      symlinkSync("../outside", world.path("root/out"));
      world.file("root/target", "abc");
      symlinkSync("target", world.path("root/inside"));
      const requests = ["inside", "out"].map((name) => [name, rrq(name)] as const);
      await noteAnswers(world, tftp, requests, { root: world.path("root") });
    },
  },
];
