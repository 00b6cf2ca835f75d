/**
 * Real clients, as far as a server can tell them apart: what they ask for, and their habits. Source of the rows:
 * the table of clients in protocol terms that README and SECURITY.md speak of; each habit has broken a server.
 */
export interface ClientModel {
  readonly name: string;
  readonly method: "GET" | "PUT";
  /** Default: octet. */
  readonly mode?: "netascii";
  /** How it spells a name. */
  readonly spelling?: (name: string) => string;
  /** Asks for so many files that are not there before it asks for its own (Raspberry Pi). */
  readonly missesFirst?: number;
  /** Its ERRORs are four bytes (curl). */
  readonly hasShortErrors?: boolean;
  /** In the order of the request; `#` stands for the size of an upload. */
  readonly options: readonly (readonly [name: string, value: string])[];
  /** Pause before something is repeated, and how often. */
  readonly pauseMs: number;
  readonly tries: number;
  /** Repeats its request this often while it waits for a first answer (GRUB). */
  readonly requestPauseMs?: number;
  /** Ends the first transfer after the OACK with this ERROR, then asks again (size probes). */
  readonly probeErrorCode?: number;
  /** Loses power behind this block, once, and asks again when it is up (1.5 s). */
  readonly restartsBehindBlock?: number;
  /** The second request comes from the same port. */
  readonly reusesPort?: boolean;
  /** Answers every packet behind a gap with an ACK of the last block in order (iPXE). */
  readonly acknowledgesAgain?: boolean;
  /** Appends a byte to its ACKs (Windows). */
  readonly ackTrailer?: boolean;
  /** DATA that comes twice without a cause hangs it (Raspberry Pi). */
  readonly hangsOnRepeatedData?: boolean;
  /** Needs an OACK with all of these, values included where they are given. */
  readonly needsInOack?: readonly (readonly [name: string, value: string | null])[];
  /** These in the OACK are fatal. */
  readonly fatalInOack?: readonly (readonly [name: string, value: string | null])[];
  /** At each OACK it begins anew with block 1, but goes on in its file (curl). */
  readonly readsOnAtOack?: boolean;
  /** Its upload comes without a size. */
  readonly announcesNothing?: boolean;
  /** An ACK of the block before makes it send the block again (curl). */
  readonly resendsAtOldAck?: boolean;
  /** Stays to repeat its last ACK. */
  readonly dallies?: boolean;
  /** What it does wrong, for the broken ones. */
  readonly vice?: "silent" | "slow" | "liar" | "acknowledges everything" | "breaks off";
}

const plain = { pauseMs: 1000, tries: 8, options: [] } as const;

const curlUpload = {
  ...plain,
  method: "PUT",
  requestPauseMs: 7000,
  // Longer than we stay (72 s without --max-time): all that helps is what it gets unasked.
  pauseMs: 12_000,
  readsOnAtOack: true,
  resendsAtOldAck: true,
} as const;

export const clientModels: readonly [ClientModel, ...ClientModel[]] = [
  {
    ...plain,
    name: "iPXE",
    method: "GET",
    options: [
      ["blksize", "1432"],
      ["tsize", "0"],
    ],
    acknowledgesAgain: true,
    needsInOack: [["tsize", null]],
  },
  {
    ...plain,
    name: "UEFI firmware",
    method: "GET",
    options: [
      ["tsize", "0"],
      ["blksize", "1468"],
      ["windowsize", "4"],
    ],
    probeErrorCode: 8,
    needsInOack: [["tsize", null]],
  },
  {
    ...plain,
    name: "U-Boot",
    method: "GET",
    options: [
      ["timeout", "5"],
      ["tsize", "0"],
      ["blksize", "1468"],
      ["windowsize", "8"],
    ],
    pauseMs: 5000,
    reusesPort: true,
    acknowledgesAgain: true,
    needsInOack: [["timeout", "5"]],
  },
  {
    ...plain,
    name: "U-Boot, reset in the middle",
    method: "GET",
    options: [["timeout", "5"]],
    pauseMs: 5000,
    restartsBehindBlock: 3,
    reusesPort: true,
  },
  {
    ...plain,
    name: "GRUB",
    method: "GET",
    options: [
      ["blksize", "1024"],
      ["tsize", "0"],
    ],
    requestPauseMs: 400,
    needsInOack: [
      ["blksize", null],
      ["tsize", null],
    ],
  },
  {
    ...plain,
    name: "PXELINUX",
    method: "GET",
    options: [
      ["tsize", "0"],
      ["blksize", "1408"],
    ],
    probeErrorCode: 0,
    reusesPort: true,
    needsInOack: [["tsize", null]],
  },
  {
    ...plain,
    name: "curl",
    method: "GET",
    options: [
      ["tsize", "0"],
      ["blksize", "512"],
      ["timeout", "6"],
    ],
    pauseMs: 2000,
    fatalInOack: [["tsize", "0"]],
    hasShortErrors: true,
    dallies: true,
  },
  {
    ...plain,
    name: "Windows boot manager",
    method: "GET",
    options: [
      ["tsize", "0"],
      ["blksize", "1456"],
      ["windowsize", "4"],
      ["msftwindow", "31416"],
    ],
    spelling: (name) => `\\${name}`,
    ackTrailer: true,
    fatalInOack: [["msftwindow", null]],
    needsInOack: [["tsize", null]],
  },
  {
    ...plain,
    name: "Raspberry Pi",
    method: "GET",
    options: [
      ["tsize", "0"],
      ["blksize", "1024"],
    ],
    missesFirst: 2,
    hangsOnRepeatedData: true,
    needsInOack: [["tsize", null]],
  },
  { ...plain, name: "old PXE ROM", method: "GET", spelling: (name) => `${name}\udcff\udcff` },
  { ...plain, name: "busybox without options", method: "GET" },
  { ...plain, name: "tftp-hpa, netascii", method: "GET", mode: "netascii", dallies: true },
  { ...plain, name: "tftp-hpa, netascii", method: "PUT", mode: "netascii" },
  { ...plain, name: "atftp without options", method: "GET", pauseMs: 5000 },
  {
    ...plain,
    name: "atftp",
    method: "PUT",
    options: [
      ["timeout", "5"],
      ["blksize", "1024"],
      ["windowsize", "8"],
    ],
    pauseMs: 5000,
  },
  {
    ...plain,
    name: "npm tftp",
    method: "GET",
    options: [
      ["blksize", "1468"],
      ["timeout", "3000"],
      ["windowsize", "4"],
      ["rollover", "0"],
      ["tsize", "0"],
    ],
    pauseMs: 3000,
    fatalInOack: [["timeout", null]],
  },
  { ...plain, name: "busybox", method: "GET", options: [["blksize", "1428"]] },
  { ...plain, name: "tftp-hpa", method: "GET", dallies: true },
  {
    ...plain,
    name: "atftp",
    method: "GET",
    options: [
      ["blksize", "1024"],
      ["windowsize", "8"],
    ],
    pauseMs: 5000,
  },
  {
    ...plain,
    name: "U-Boot",
    method: "PUT",
    options: [["timeout", "5"]],
    pauseMs: 5000,
    reusesPort: true,
    needsInOack: [["timeout", "5"]],
  },
  { ...plain, name: "tftp-hpa", method: "PUT" },
  {
    ...curlUpload,
    name: "curl",
    options: [
      ["tsize", "#"],
      ["blksize", "1428"],
      ["timeout", "6"],
    ],
  },
  {
    ...curlUpload,
    name: "curl with a pipe",
    options: [
      ["tsize", "0"],
      ["blksize", "1428"],
      ["timeout", "6"],
    ],
    announcesNothing: true,
  },
  {
    ...plain,
    name: "busybox",
    method: "PUT",
    options: [["blksize", "1428"]],
  },
  {
    ...plain,
    name: "npm tftp",
    method: "PUT",
    options: [
      ["blksize", "1468"],
      ["timeout", "3000"],
      ["windowsize", "4"],
      ["rollover", "0"],
      ["tsize", "#"],
    ],
    pauseMs: 3000,
  },
];

const vicious = [
  ["silent", "GET"],
  ["silent", "PUT"],
  ["slow", "GET"],
  ["slow", "PUT"],
  ["liar", "GET"],
  ["liar", "PUT"],
  ["acknowledges everything", "GET"],
  ["breaks off", "GET"],
  ["breaks off", "PUT"],
] as const;

const understating: ClientModel = {
  ...plain,
  name: "says less than it sends",
  method: "PUT",
  vice: "liar",
  options: [["tsize", "1"]],
};

/** The same in broken, with options and without. */
export const brokenModels: readonly ClientModel[] = [understating].concat(
  vicious.flatMap(([vice, method]) => [
    { ...plain, name: `${vice}, plain`, method, vice },
    {
      ...plain,
      name: `${vice}, with options`,
      method,
      vice,
      options: [
        ["blksize", "600"],
        ["windowsize", "5"],
        ["tsize", method === "PUT" ? "#" : "0"],
      ] as const,
    },
  ]),
);
