import { errorPacket, request, rrq, wrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { noteAnswers } from "./by-hand.js";

/** Datagrams that a server does not take for requests, and requests that it refuses. */
export const refusalScenarios: readonly Scenario[] = [
  {
    name: "denyGET and denyPUT: no event, an ERROR",
    differs: {
      because: ["wire-numbers"],
      original: [
        "GET: ERROR 0 Cannot GET files",
        'PUT: ACK 0, event PUT "up"',
        'GET: DATA 1 (3), event GET "f"',
        "PUT: ERROR 0 Cannot PUT files",
        "the end",
      ],
      ours: [
        "GET: ERROR 2 Cannot GET files",
        'PUT: ACK 0, event PUT "up"',
        'GET: DATA 1 (3), event GET "f"',
        "PUT: ERROR 2 Cannot PUT files",
        "the end",
      ],
    },
    async play(tftp, world) {
      const both = [
        ["GET", rrq("f")],
        ["PUT", wrq("up")],
      ] as const;
      await noteAnswers(world, tftp, both, { denyGET: true });
      await noteAnswers(world, tftp, both, { denyPUT: 1 });
    },
  },
  {
    name: "denyGET and denyPUT that are falsy",
    async play(tftp, world) {
      await noteAnswers(world, tftp, [["GET", rrq("f")]], { denyGET: "", denyPUT: "x" });
      await noteAnswers(world, tftp, [["PUT", wrq("up")]], { denyGET: "x", denyPUT: 0 });
    },
  },
  {
    name: "datagrams that are no requests",
    differs: {
      because: ["wire-numbers"],
      original: [
        "no byte: ERROR 0 Malformed TFTP message",
        "one byte: ERROR 0 Malformed TFTP message",
        "a name without end: ERROR 0 Malformed TFTP message",
        "no mode: ERROR 0 Malformed TFTP message",
        "an option without value: ERROR 0 Malformed TFTP message",
        "DATA: ERROR 4 Illegal TFTP operation",
        "ACK: ERROR 4 Illegal TFTP operation",
        "operation 9: ERROR 4 Illegal TFTP operation",
        "operation 0: ERROR 4 Illegal TFTP operation",
        "513 bytes: ERROR 0 Malformed TFTP message",
        "the end",
      ],
      ours: [
        "no byte: ERROR 4 Malformed TFTP message",
        "one byte: ERROR 4 Malformed TFTP message",
        "a name without end: ERROR 4 Malformed TFTP message",
        "no mode: ERROR 4 Malformed TFTP message",
        "an option without value: ERROR 4 Malformed TFTP message",
        "DATA: ERROR 4 Illegal TFTP operation",
        "ACK: ERROR 4 Illegal TFTP operation",
        "operation 9: ERROR 4 Illegal TFTP operation",
        "operation 0: ERROR 4 Illegal TFTP operation",
        "513 bytes: ERROR 4 Malformed TFTP message",
        "the end",
      ],
    },
    async play(tftp, world) {
      await noteAnswers(world, tftp, [
        ["no byte", Buffer.alloc(0)],
        ["one byte", Buffer.alloc(1)],
        ["a name without end", Buffer.from("\0\x01name-without-end")],
        ["no mode", Buffer.from("\0\x01name-without-mode\0")],
        ["an option without value", request(1, "f", "octet", ["blksize"])],
        ["DATA", Buffer.from("\0\x03\0\x01abcdefgh")],
        ["ACK", Buffer.from("\0\x04\0\x01abcdefgh")],
        ["operation 9", Buffer.from("\0\x09\0\x01abcdefgh")],
        ["operation 0", Buffer.from("\0\x00\0\x01abcdefgh")],
        ["513 bytes", rrq("f", "x", "x".repeat(500))],
      ]);
    },
  },
  {
    name: "a request of exactly 512 bytes is fine",
    async play(tftp, world) {
      const bytes = rrq("f", "x", "x".repeat(499));
      await noteAnswers(world, tftp, [[`${bytes.length} bytes`, bytes]]);
    },
  },
  {
    name: "an ERROR at the request port",
    differs: {
      because: ["B31"],
      original: [
        "a long one: ERROR 4 Illegal TFTP operation",
        "4 bytes: ERROR 0 Malformed TFTP message",
        "the end",
      ],
      ours: ["a long one: silence", "4 bytes: silence", "the end"],
    },
    async play(tftp, world) {
      await noteAnswers(world, tftp, [
        ["a long one", errorPacket(0, "are you a server too?")],
        ["4 bytes", Buffer.from([0, 5, 0, 0])],
      ]);
    },
  },
  {
    name: "octet in any case",
    async play(tftp, world) {
      await noteAnswers(world, tftp, [
        ["OCTET", request(1, "f", "OCTET")],
        ["Octet", request(1, "f", "Octet")],
      ]);
    },
  },
  {
    name: "modes that are none",
    differs: {
      because: ["wire-numbers"],
      original: [
        "binary: ERROR 0 Invalid transfer mode",
        "no letters: ERROR 0 Invalid transfer mode",
        "the end",
      ],
      ours: ["binary: ERROR 4 Invalid transfer mode", "no letters: ERROR 4 Invalid transfer mode", "the end"],
    },
    async play(tftp, world) {
      await noteAnswers(world, tftp, [
        ["binary", request(1, "f", "binary")],
        ["no letters", request(1, "filename", "")],
      ]);
    },
  },
  {
    name: "netascii and mail",
    differs: {
      because: ["D11"],
      original: [
        'netascii: DATA 1 (4), event GET "text"',
        'NetASCII: DATA 1 (4), event GET "other"',
        'mail: DATA 1 (4), event GET "text"',
        "the end",
      ],
      ours: [
        'netascii: DATA 1 (6), event GET "text"',
        'NetASCII: DATA 1 (6), event GET "other"',
        "mail: ERROR 4 Invalid transfer mode",
        "the end",
      ],
    },
    async play(tftp, world) {
      for (const name of ["text", "other"]) world.file(name, "a\nb\r");
      await noteAnswers(world, tftp, [
        ["netascii", request(1, "text", "netascii")],
        ["NetASCII", request(1, "other", "NetASCII")],
        ["mail", request(1, "text", "mail")],
      ]);
    },
  },
  {
    name: "a netascii GET of one file, twice",
    differs: {
      because: ["D11"],
      original: ['once: DATA 1 (4), event GET "text"', 'twice: DATA 1 (4), event GET "text"', "the end"],
      ours: ['once: DATA 1 (6), event GET "text"', 'twice: DATA 1 (6), event GET "text"', "the end"],
    },
    async play(tftp, world) {
      world.file("text", "a\nb\r");
      await noteAnswers(world, tftp, [
        ["once", request(1, "text", "netascii")],
        ["twice", request(1, "text", "netascii")],
      ]);
    },
  },
];
