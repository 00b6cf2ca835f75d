import { BadUsage } from "./words.js";

/** One kind of work. */
export interface Line {
  readonly name: string;
  readonly title: string;
  readonly blockSize: number;
  readonly windowSize: number;
  readonly fileBytes: number;
  readonly clients: number;
  /** Percent of the datagrams, each way. */
  readonly lossPercent: number;
  /** What decides: CPU for each byte, CPU for each transfer, or the speed. */
  readonly figure: Figure;
  /** How many times as long as others it runs: where time-outs of seconds have to show, or many clients to take turns. */
  readonly timeFactor: number;
  /** There is no such file: every answer is an ERROR, and that is what is counted. */
  readonly isMissing: boolean;
}

export type Figure = "cpuPerGiB" | "cpuPerTransfer" | "goodput";

const KIB = 1024;
const MIB = 1024 * KIB;

const USUAL = {
  fileBytes: MIB,
  clients: 16,
  lossPercent: 0,
  figure: "cpuPerGiB",
  timeFactor: 1,
  isMissing: false,
} as const;

/** @param shape - blksize and windowsize */
export function line(
  name: string,
  title: string,
  shape: readonly [number, number],
  more: Partial<Line> = {},
): Line {
  const [blockSize, windowSize] = shape;
  return { name, title, blockSize, windowSize, ...USUAL, ...more };
}

/** Lock-step comes first: iPXE, GRUB and PXELINUX know nothing else. UEFI uses windows of 4, Windows 4 to 8. */
export const LINES: readonly Line[] = [
  line("512x1", "512, 1", [512, 1]),
  line("1428x1", "1428, 1", [1428, 1]),
  line("1428x4", "1428, 4", [1428, 4]),
  line("1428x16", "1428, 16", [1428, 16]),
  line("1428x64", "1428, 64", [1428, 64]),
  line("8192x16", "8192, 16", [8192, 16]),
  line("small", "1 KiB files, 512 clients", [1428, 1], {
    fileBytes: KIB,
    clients: 512,
    figure: "cpuPerTransfer",
  }),
  line("large", "1428, 16, files of 64 MiB", [1428, 16], { fileBytes: 64 * MIB }),
  line("alone", "1428, 1, one client alone", [1428, 1], {
    fileBytes: 16 * MIB,
    clients: 1,
    figure: "goodput",
  }),
  line("clients-1", "1428, 1, 1 client", [1428, 1], { clients: 1 }),
  line("clients-128", "1428, 1, 128 clients", [1428, 1], { clients: 128 }),
  // So long that clients end as many files as they begin.
  line("clients-512", "1428, 1, 512 clients", [1428, 1], { clients: 512, timeFactor: 3 }),
  line("clients-1024", "1428, 1, 1024 clients", [1428, 1], { clients: 1024, timeFactor: 6 }),
  loss(1, 16),
  loss(1, 128),
  loss(16, 16),
  loss(16, 128),
];

/** One datagram in a hundred gets lost, each way. */
function loss(windowSize: number, clients: number): Line {
  const name = `loss-1428x${windowSize}${clients === 128 ? "" : `-${clients}`}`;
  return line(name, `1428, ${windowSize}, ${clients} clients, 1 % lost each way`, [1428, windowSize], {
    clients,
    lossPercent: 1,
    figure: "goodput",
    timeFactor: 3,
  });
}

/**
 * The lines with these names.
 * @throws BadUsage that lists what there is
 */
export function linesNamed(names: readonly string[]): Line[] {
  if (names.includes("all")) return [...LINES];
  return names.map((name) => {
    const found = LINES.find((candidate) => candidate.name === name);
    if (found !== undefined) return found;
    throw new BadUsage(`there is no line '${name}': ${LINES.map((known) => known.name).join(", ")} or all`);
  });
}

/** The name of the file that a line's clients fetch. */
export function fileOf({ fileBytes, isMissing }: Line): string {
  return isMissing ? "missing" : `file-${fileBytes}`;
}
