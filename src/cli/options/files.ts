import type { OptionRow } from "../option-row.js";
import { flag, ipAddress, symlinkPolicy, text } from "../value-kinds.js";

/** Which files are served under which names. */
export const fileOptions = [
  { name: "deny-get", kind: flag, help: "refuse every GET", group: "Files", library: "denyGET" },
  { name: "read-only", kind: flag, help: "refuse every PUT", group: "Files", library: "denyPUT" },
  { name: "deny-put", kind: flag, help: "the same as --read-only", group: "Files", library: "denyPUT" },
  {
    name: "symlinks",
    kind: symlinkPolicy,
    placeholder: "policy",
    help: "links: inside (the root), follow, deny",
    default: "inside",
    group: "Files",
    library: "symlinks",
  },
  {
    name: "lowercase",
    kind: flag,
    help: "turn requested names to lower case",
    group: "Files",
    library: "lowercase",
  },
  {
    name: "ignore-case",
    kind: flag,
    help: "find files whose names differ in case alone",
    group: "Files",
    library: "ignoreCase",
  },
  {
    name: "map",
    kind: text("file"),
    placeholder: "file",
    help: "rules that rewrite names, in the form of in.tftpd",
    group: "Files",
    library: "map",
  },
  {
    name: "map-test",
    kind: text(),
    placeholder: "name",
    isRepeatable: true,
    help: "say what the rules make of a name, and end; may be repeated ('PUT name': for PUT)",
    group: "Files",
    configKey: null,
  },
  {
    name: "map-address",
    kind: ipAddress,
    placeholder: "address",
    help: "the client of --map-test",
    default: "127.0.0.1",
    group: "Files",
    configKey: null,
  },
] as const satisfies readonly OptionRow[];
