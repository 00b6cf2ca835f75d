import { join } from "node:path";
import { CHECKOUT } from "../shared/checkout.js";

/** What a client fetches, and how. */
export interface Errand {
  readonly port: number;
  readonly remote: string;
  readonly local: string;
  readonly blockSize: number;
  readonly windowSize: number;
}

/** A client that can be run. */
export interface ClientProgram {
  readonly title: string;
  readonly file: string;
  /** Its words for an errand; null where it can't negotiate that. */
  words(errand: Errand): readonly string[] | null;
  readonly env?: Readonly<Record<string, string>>;
}

const HOST = "127.0.0.1";

/** What a client asks for that names no options (RFC 1350). */
const DEFAULT_BLOCK_SIZE = 512;

function ntftp(title: string, isNative: boolean): ClientProgram {
  const command = join(CHECKOUT, "dist/src/cli/main.js");
  return {
    title,
    file: process.execPath,
    env: { NTFTP_NATIVE: isNative ? "1" : "0" },
    words: ({ port, remote, local, blockSize, windowSize }) => [
      command,
      ...`get --quiet --blksize ${blockSize} --windowsize ${windowSize} tftp://${HOST}:${port}/${remote}`.split(
        " ",
      ),
      local,
    ],
  };
}

/** @param folder - Debian's packages, unpacked */
export function allClients(folder: string): ClientProgram[] {
  const program = (path: string): string => join(folder, "root", path);
  return [
    ntftp("ntftp, native", true),
    ntftp("ntftp, TypeScript", false),
    {
      title: "curl",
      file: program("usr/bin/curl"),
      words: ({ port, remote, local, blockSize, windowSize }) =>
        windowSize > 1
          ? null
          : [
              ...`--silent --show-error --fail --tftp-blksize ${blockSize} --output ${local}`.split(" "),
              `tftp://${HOST}:${port}/${remote}`,
            ],
    },
    {
      title: "tftp-hpa",
      file: program("usr/bin/tftp"),
      words: ({ port, remote, local, blockSize, windowSize }) =>
        windowSize > 1 || blockSize !== DEFAULT_BLOCK_SIZE
          ? null
          : `-m binary ${HOST} ${port} -c get ${remote} ${local}`.split(" "),
    },
    {
      title: "atftp",
      file: program("usr/bin/atftp"),
      words: ({ port, remote, local, blockSize, windowSize }) => [
        ...["--option", `blksize ${blockSize}`, "--option", `windowsize ${windowSize}`],
        ...`--get -r ${remote} -l ${local} ${HOST} ${port}`.split(" "),
      ],
    },
    {
      title: "busybox",
      file: program("bin/busybox"),
      words: ({ port, remote, local, blockSize, windowSize }) =>
        windowSize > 1 ? null : `tftp -b ${blockSize} -g -r ${remote} -l ${local} ${HOST} ${port}`.split(" "),
    },
  ];
}
