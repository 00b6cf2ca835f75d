import { join } from "node:path";
import { CHECKOUT } from "../shared/checkout.js";
import type { ServerPlace, Subject } from "../shared/server-process.js";
import { BadUsage } from "../shared/words.js";
import { floor } from "./floor.js";

/** ntftp of a checkout, with the largest settings, so that clients decide. */
export function ntftpOf(
  checkout: string,
  id: string,
  title: string,
  workers: number,
  isNative: boolean,
  flags: readonly string[] = [],
): Subject {
  return {
    id,
    title,
    kind: "ours",
    needsNative: isNative,
    env: { NTFTP_NATIVE: isNative ? "1" : "0" },
    command: ({ host, port, root }) => [
      process.execPath,
      join(checkout, "dist/src/cli/main.js"),
      ...`${host}:${port} --quiet --blksize 65464 --windowsize 64 --workers ${workers}`.split(" "),
      ...flags,
      "-l",
      root,
    ],
  };
}

const WORKERS = [0, 1, 2];

function ours(kind: string, isNative: boolean): Subject[] {
  return WORKERS.map((workers) => {
    const noun = workers === 1 ? "worker" : "workers";
    const title = `ntftp, ${kind}, ${workers} ${noun}`;
    return ntftpOf(CHECKOUT, `${isNative ? "native" : "ts"}-${workers}`, title, workers, isNative);
  });
}

/** @param programs - folder with Debian's packages, unpacked */
function peers(programs: string): Subject[] {
  const program = (name: string): string => join(programs, "root/usr/sbin", name);
  const peer = (id: string, command: (place: ServerPlace) => string, binary: string): Subject => ({
    id,
    title: id,
    kind: "peer",
    command: (place) => [program(binary), ...command(place).split(" ")],
  });
  return [
    // Forks a child for each transfer.
    peer(
      "in.tftpd",
      ({ host, port, root }) => `-L -s -u root -B 65464 -a ${host}:${port} ${root}`,
      "in.tftpd",
    ),
    // Starts a thread for each transfer.
    peer(
      "atftpd",
      ({ host, port, root }) =>
        `--daemon --no-fork --user root --group root --maxthread 4096 --bind-address ${host} --port ${port} --logfile /dev/null --verbose=0 ${root}`,
      "atftpd",
    ),
    // One process and one loop. It can't choose its port, hence an address of its own.
    {
      ...peer(
        "dnsmasq",
        ({ host, root }) =>
          `--no-daemon --port=0 --conf-file=/dev/null --user=root --enable-tftp --tftp-root=${root} --tftp-max=4096 --listen-address=${host} --bind-interfaces`,
        "dnsmasq",
      ),
      fixed: { host: "127.0.0.69", port: 69 },
    },
  ];
}

const npmTftp: Subject = {
  id: "npm",
  title: "npm tftp 0.1.2",
  kind: "peer",
  command: ({ host, port, root }) => [
    process.execPath,
    join(__dirname, "npm-tftp.js"),
    host,
    String(port),
    root,
  ],
};

/** Every server that can be compared. */
export function allSubjects(programs: string): Subject[] {
  const onePort = ntftpOf(CHECKOUT, "single-0", "ntftp, native, one port", 0, true, ["--single-port"]);
  return [...ours("native", true), onePort, ...ours("TypeScript", false), npmTftp, ...peers(programs), floor];
}

/** Of ours, one worker each: what most people run on a machine that does other things too. */
export const DEFAULT_SUBJECTS: readonly string[] = [
  "native-1",
  "ts-1",
  "npm",
  "in.tftpd",
  "atftpd",
  "dnsmasq",
];

/**
 * The subjects with these ids.
 * @throws BadUsage that lists what there is
 */
export function subjectsNamed(ids: readonly string[], programs: string): Subject[] {
  const all = allSubjects(programs);
  if (ids.includes("all")) return all;
  return ids.map((id) => {
    const found = all.find((candidate) => candidate.id === id);
    if (found !== undefined) return found;
    throw new BadUsage(`there is no server '${id}': ${all.map((known) => known.id).join(", ")} or all`);
  });
}
