import { rrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { noteAnswers } from "./by-hand.js";

/** What a server makes of the options of a request. */
export const serverOptionScenarios: readonly Scenario[] = [
  {
    name: "options out of range or not decimal",
    differs: {
      because: ["odd-options", "decimal"],
      original: [
        "blksize='7': ERROR 8 The request has been denied",
        "blksize='65465': ERROR 8 The request has been denied",
        "blksize='0x258': OACK blksize 600 windowsize 1, event GET \"f\"",
        "blksize='1e2': OACK blksize 100 windowsize 1, event GET \"f\"",
        "blksize=' 100': OACK blksize 100 windowsize 1, event GET \"f\"",
        "blksize='': ERROR 8 The request has been denied",
        "blksize='many': ERROR 8 The request has been denied",
        "windowsize='0': ERROR 8 The request has been denied",
        "windowsize='65536': ERROR 8 The request has been denied",
        "tsize='5': ERROR 8 The request has been denied",
        "tsize='-1': ERROR 8 The request has been denied",
        "rollover='2': ERROR 8 The request has been denied",
        "the end",
      ],
      ours: [
        "blksize='7': OACK windowsize 1, event GET \"f\"",
        "blksize='65465': OACK blksize 1468 windowsize 1, event GET \"f\"",
        "blksize='0x258': OACK windowsize 1, event GET \"f\"",
        "blksize='1e2': OACK windowsize 1, event GET \"f\"",
        "blksize=' 100': OACK windowsize 1, event GET \"f\"",
        "blksize='': OACK windowsize 1, event GET \"f\"",
        "blksize='many': OACK windowsize 1, event GET \"f\"",
        "windowsize='0': DATA 1 (3), event GET \"f\"",
        "windowsize='65536': DATA 1 (3), event GET \"f\"",
        "tsize='5': OACK tsize 3 windowsize 1, event GET \"f\"",
        "tsize='-1': OACK windowsize 1, event GET \"f\"",
        "rollover='2': OACK windowsize 1, event GET \"f\"",
        "the end",
      ],
    },
    async play(tftp, world) {
      const pairs = [
        ["blksize", "7"],
        ["blksize", "65465"],
        ["blksize", "0x258"],
        ["blksize", "1e2"],
        ["blksize", " 100"],
        ["blksize", ""],
        ["blksize", "many"],
        ["windowsize", "0"],
        ["windowsize", "65536"],
        ["tsize", "5"],
        ["tsize", "-1"],
        ["rollover", "2"],
      ] as const;
      const requests = pairs.map(
        ([name, value]) => [`${name}='${value}'`, rrq("f", name, value, "windowsize", "1")] as const,
      );
      await noteAnswers(world, tftp, requests);
    },
  },
  {
    name: "a rollover to 1",
    differs: {
      because: ["rollover-1"],
      original: ['rollover 1: OACK rollover 0, event GET "f"', "the end"],
      ours: ['rollover 1: OACK rollover 1, event GET "f"', "the end"],
    },
    async play(tftp, world) {
      await noteAnswers(world, tftp, [["rollover 1", rrq("f", "rollover", "1")]]);
    },
  },
  {
    name: "the timeout option at the server",
    differs: {
      because: ["B9"],
      original: [
        '3: OACK blksize 100, event GET "f"',
        '255: DATA 1 (3), event GET "f"',
        '3000: OACK blksize 100, event GET "f"',
        "the end",
      ],
      ours: [
        '3: OACK timeout 3 blksize 100, event GET "f"',
        '255: OACK timeout 255, event GET "f"',
        '3000: OACK blksize 100, event GET "f"',
        "the end",
      ],
    },
    async play(tftp, world) {
      await noteAnswers(world, tftp, [
        ["3", rrq("f", "timeout", "3", "blksize", "100")],
        ["255", rrq("f", "timeout", "255")],
        ["3000", rrq("f", "timeout", "3000", "blksize", "100")],
      ]);
    },
  },
  {
    name: "option names in capitals",
    differs: {
      because: ["B34"],
      original: ['BLKSIZE: DATA 1 (3), event GET "f"', "the end"],
      ours: ['BLKSIZE: OACK blksize 100 tsize 3, event GET "f"', "the end"],
    },
    async play(tftp, world) {
      await noteAnswers(world, tftp, [["BLKSIZE", rrq("f", "BLKSIZE", "100", "TSize", "0")]]);
    },
  },
];
