import { createSocket } from "node:dgram";
import { decode, encodeAck, encodeData, encodeError, encodeRequest } from "../../src/engine/index.js";

/** A client that is no program here: its request, as firmware writes it. */
export interface WrittenClient {
  readonly name: string;
  readonly method: "GET" | "PUT";
  readonly file: string;
  readonly options: readonly (readonly [name: string, value: string])[];
  /** Ends the transfer with this ERROR once the OACK is here (size probes). */
  readonly probeErrorCode?: number;
}

export const WRITTEN: readonly WrittenClient[] = [
  {
    name: "iPXE GET",
    method: "GET",
    file: "f",
    options: [
      ["blksize", "1432"],
      ["tsize", "0"],
    ],
  },
  {
    name: "UEFI firmware probe",
    method: "GET",
    file: "f",
    options: [
      ["tsize", "0"],
      ["blksize", "1468"],
      ["windowsize", "4"],
    ],
    probeErrorCode: 8,
  },
  {
    name: "UEFI firmware GET",
    method: "GET",
    file: "f",
    options: [
      ["blksize", "64"],
      ["windowsize", "4"],
    ],
  },
  {
    name: "U-Boot GET",
    method: "GET",
    file: "f",
    options: [
      ["timeout", "5"],
      ["tsize", "0"],
      ["blksize", "128"],
      ["windowsize", "3"],
    ],
  },
  { name: "U-Boot PUT", method: "PUT", file: "up-u-boot", options: [["timeout", "5"]] },
  {
    name: "GRUB GET",
    method: "GET",
    file: "f",
    options: [
      ["blksize", "1024"],
      ["tsize", "0"],
    ],
  },
  {
    name: "PXELINUX probe",
    method: "GET",
    file: "f",
    options: [
      ["tsize", "0"],
      ["blksize", "1408"],
    ],
    probeErrorCode: 0,
  },
  {
    name: "Windows boot manager GET",
    method: "GET",
    file: "\\f",
    options: [
      ["tsize", "0"],
      ["blksize", "256"],
      ["windowsize", "4"],
      ["msftwindow", "31416"],
    ],
  },
  { name: "old PXE ROM GET", method: "GET", file: "f\udcff", options: [] },
  {
    name: "npm tftp PUT",
    method: "PUT",
    file: "up-npm",
    options: [
      ["blksize", "256"],
      ["timeout", "3000"],
      ["windowsize", "4"],
      ["rollover", "0"],
      ["tsize", "700"],
    ],
  },
  { name: "no such file", method: "GET", file: "missing", options: [["tsize", "0"]] },
];

/** Plays such a client to its end: every block in order, over loopback, where nothing gets lost. */
export async function writtenClient(port: number, client: WrittenClient, upload: Uint8Array): Promise<void> {
  const socket = createSocket("udp4");
  const options = client.options.map(([name, value]) => ({ name, value }));
  let [blockSize, windowSize, block, sinceAck] = [512, 1, 0, 0];
  await new Promise<void>((resolve, reject) => {
    const say = (bytes: Uint8Array, isLast = false) =>
      socket.send(bytes, port, "127.0.0.1", () => isLast && resolve());
    const sendWindow = (): void => {
      const last = Math.floor(upload.length / blockSize) + 1;
      if (block === last) resolve();
      for (let next = block + 1; next <= Math.min(last, block + windowSize); next++)
        say(encodeData(next, upload.subarray((next - 1) * blockSize, next * blockSize)));
    };
    socket.on("error", reject);
    socket.on("message", (bytes) => {
      const packet = decode(bytes);
      if (packet.kind === "error") resolve();
      else if (packet.kind === "oack") {
        const value = (name: string, standard: number) =>
          Number(packet.options.find((option) => option.name === name)?.value ?? standard);
        blockSize = value("blksize", blockSize);
        windowSize = value("windowsize", windowSize);
        if (client.probeErrorCode !== undefined)
          say(encodeError(client.probeErrorCode, "User aborted"), true);
        else if (client.method === "GET") say(encodeAck(0));
        else sendWindow();
      } else if (packet.kind === "ack") {
        block = packet.wireBlock;
        sendWindow();
      } else if (packet.kind === "data" && packet.wireBlock === block + 1) {
        const isLast = packet.payload.length < blockSize;
        block++;
        if (isLast || ++sinceAck === windowSize) {
          sinceAck = 0;
          say(encodeAck(block), isLast);
        }
      }
    });
    say(encodeRequest({ method: client.method, fileName: client.file, mode: "octet", options }));
  });
  socket.close();
}
