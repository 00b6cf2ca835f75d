import fc from "fast-check";
import { decode, encodeOack, encodeRequest } from "../../src/engine/index.js";
import type { Recorded, Session } from "./sessions.js";

/** One change of a session; the numbers choose place and kind, whatever the length. */
interface Mutation {
  readonly kind:
    | "flip"
    | "overwrite"
    | "cut"
    | "extend"
    | "double"
    | "drop"
    | "swap"
    | "splice"
    | "redirect"
    | "option";
  readonly at: number;
  readonly where: number;
  readonly value: number;
}

/** Values that options were asked for, by those who wanted to break something. */
const OPTION_VALUES = [
  "0",
  "1",
  "7",
  "65464",
  "65465",
  "65535",
  "4294967296",
  "9".repeat(30),
  "-1",
  "0x258",
  " 600",
  "",
];
const OPTION_NAMES = [
  "blksize",
  "windowsize",
  "tsize",
  "timeout",
  "utimeout",
  "rollover",
  "multicast",
  "BLKSIZE",
  "x",
];

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom<Mutation["kind"][]>(
    "flip",
    "overwrite",
    "cut",
    "extend",
    "double",
    "drop",
    "swap",
    "splice",
    "redirect",
    "option",
  ),
  at: fc.nat(40),
  where: fc.nat(600),
  value: fc.nat(255),
});

/** Recorded sessions with some changes, of which the first may already be in the request; shrinks to few of them. */
export function mutatedSessions(sessions: readonly Session[]): fc.Arbitrary<Session> {
  const session = fc.constantFrom(...sessions);
  return fc
    .tuple(session, session, fc.array(mutation, { maxLength: 6 }))
    .map(([{ name, datagrams }, other, mutations]) => ({
      name: `${name}: ${mutations.map(({ kind, at }) => `${kind} ${at}`).join(", ")}`,
      datagrams: mutations.reduce((all, each) => mutate(all, each, other.datagrams), datagrams),
    }));
}

function mutate(
  all: readonly Recorded[],
  mutation: Mutation,
  other: readonly Recorded[],
): readonly Recorded[] {
  if (all.length === 0) return all;
  const { kind, where } = mutation;
  const at = mutation.at % all.length;
  const datagram = all[at] as Recorded;
  const replaceBy = (...next: readonly Recorded[]) => [...all.slice(0, at), ...next, ...all.slice(at + 1)];
  switch (kind) {
    case "double":
      return replaceBy(datagram, datagram);
    case "drop":
      return replaceBy();
    case "swap":
      return [...all.slice(0, at), ...all.slice(at, at + 2).reverse(), ...all.slice(at + 2)];
    case "splice":
      // The rest of another session.
      return [...all.slice(0, at), ...other.slice(where % (other.length + 1))];
    case "redirect":
      // What the other side said.
      return replaceBy({ ...datagram, from: datagram.from === "client" ? "server" : "client" });
    default:
      return replaceBy({ ...datagram, bytes: mutateBytes(datagram.bytes, mutation) });
  }
}

function mutateBytes(bytes: Uint8Array, { kind, where, value }: Mutation): Uint8Array {
  if (kind === "option") return editOption(bytes, where, value);
  if (kind === "cut") return bytes.slice(0, where % (bytes.length + 1));
  if (kind === "extend") return Uint8Array.from([...bytes, ...new Uint8Array(where).fill(value)]);
  const changed = Uint8Array.from(bytes);
  if (changed.length === 0) return changed;
  const at = where % changed.length;
  changed[at] = kind === "flip" ? (changed[at] as number) ^ (1 << (value % 8)) : value;
  return changed;
}

/** Another value for an option, or one more of them. */
function editOption(bytes: Uint8Array, where: number, value: number): Uint8Array {
  const packet = decode(bytes);
  if (packet.kind !== "request" && packet.kind !== "oack") return bytes;
  const options = [...packet.options];
  const at = where % (options.length + 1);
  const name = options[at]?.name ?? (OPTION_NAMES[where % OPTION_NAMES.length] as string);
  options[at] = { name, value: OPTION_VALUES[value % OPTION_VALUES.length] as string };
  return packet.kind === "oack" ? encodeOack(options) : encodeRequest({ ...packet, options });
}
