import { readFile } from "node:fs/promises";

/** Says what it was started with and what the bytes are that came with it, then turns the machine off. */
const INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
echo "LINUX IS UP, payload $($b sha256sum /payload)" >/dev/ttyS0
$b poweroff -f
`;

/** An initial RAM disk: an uncompressed cpio archive ("newc") with busybox, an init and a payload. */
export async function makeRamDisk(busybox: string, payload: Buffer): Promise<Buffer> {
  const directory = 0o040755;
  const program = 0o100755;
  const nothing = Buffer.alloc(0);
  return Buffer.concat([
    entry("bin", directory, nothing),
    entry("proc", directory, nothing),
    entry("dev", directory, nothing),
    entry("dev/console", 0o020600, nothing, [5, 1]),
    entry("bin/busybox", program, await readFile(busybox)),
    entry("init", program, Buffer.from(INIT)),
    entry("payload", 0o100644, payload),
    entry("TRAILER!!!", 0, nothing),
  ]);
}

let inode = 0;

function entry(name: string, mode: number, data: Buffer, [major, minor] = [0, 0]): Buffer {
  const fields = [++inode, mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, name.length + 1, 0];
  const hex = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  return Buffer.concat([padded(Buffer.from(`070701${hex}${name}\0`)), padded(data)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
