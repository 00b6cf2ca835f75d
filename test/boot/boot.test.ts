import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, type TestContext, test } from "node:test";
import { crc32 } from "node:zlib";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { Lab, packaged } from "./lab.js";
import { makeRamDisk } from "./ram-disk.js";
import { readRecipes } from "./recipes.js";

const recipes = readRecipes();
const payload = sampleBytes(2 * 1_048_576);
const payloadHash = createHash("sha256").update(payload).digest("hex");
const ramDisk = makeRamDisk(packaged("bin/busybox"), payload);

const CARD = ["-device", "virtio-net-pci,netdev=cable,bootindex=1"];
const BIOS = ["-machine", "q35,graphics=off", ...CARD];
/** Without iPXE in the card, so that the firmware's own client is at work. */
const UEFI = [
  ...["-machine", "q35,graphics=off", "-device", "virtio-net-pci,netdev=cable,bootindex=1,romfile="],
  ...["-drive", `if=pflash,format=raw,readonly=on,file=${packaged("usr/share/OVMF/OVMF_CODE_4M.fd")}`],
  ...["-drive", `if=pflash,format=raw,snapshot=on,file=${packaged("usr/share/OVMF/OVMF_VARS_4M.fd")}`],
];
const ARM_BOARD = [
  ...["-machine", "virt", "-cpu", "cortex-a53", "-device", "virtio-net-pci,netdev=cable"],
  ...["-bios", packaged("usr/lib/u-boot/qemu_arm64/u-boot.bin")],
];

const LINUX = /LINUX IS UP, payload ([0-9a-f]{64})/;
const TIME_LIMIT = { timeout: 590_000 };

function recipe(title: string) {
  const found = recipes.get(title);
  assert.ok(found, `docs/netboot.md has a section '${title}'`);
  return found;
}

async function prepare(context: TestContext, title: string, workers: number): Promise<Lab> {
  const lab = await Lab.open(context, await temporaryFolder(context));
  await lab.prepare(recipe("What all of them need"), recipe(title), await ramDisk, workers);
  return lab;
}

/** The loader says its line, and Linux finds the 2 MiB that came with it unharmed. */
async function bootLinux(
  context: TestContext,
  title: string,
  workers: number,
  machine: string[],
  marker: RegExp,
) {
  const lab = await prepare(context, title, workers);
  const serial = await lab.boot("qemu-system-x86_64", machine, LINUX);
  assert.match(serial, marker);
  assert.equal(LINUX.exec(serial)?.[1], payloadHash);
}

describe("the recipes of docs/netboot.md boot a virtual machine", { concurrency: 2 }, () => {
  for (const workers of [0, 2]) {
    test(`iPXE, ${workers} workers`, TIME_LIMIT, (context) =>
      bootLinux(context, "iPXE", workers, BIOS, /Booting from 192\.0\.2\.1/),
    );
  }
  test("UEFI, then iPXE", TIME_LIMIT, (context) =>
    bootLinux(context, "UEFI, then iPXE", 2, UEFI, /NBP file downloaded[\s\S]*Booting from 192\.0\.2\.1/),
  );
  test("UEFI, then GRUB", TIME_LIMIT, (context) =>
    bootLinux(context, "UEFI, then GRUB", 2, UEFI, /Booting by GRUB for efi/),
  );
  test("BIOS, then GRUB", TIME_LIMIT, (context) =>
    bootLinux(context, "BIOS, then GRUB", 2, BIOS, /Booting by GRUB for pc/),
  );
  test("BIOS, then PXELINUX", TIME_LIMIT, (context) =>
    bootLinux(context, "BIOS, then PXELINUX", 2, BIOS, /Booting by PXELINUX/),
  );
  test("U-Boot", TIME_LIMIT, async (context) => {
    const lab = await prepare(context, "U-Boot", 2);
    const serial = await lab.boot("qemu-system-aarch64", ARM_BOARD, /==> [0-9a-f]{8}/);
    assert.match(serial, /Booting by U-Boot from 192\.0\.2\.1/);
    assert.equal(
      /==> ([0-9a-f]{8})/.exec(serial)?.[1],
      crc32(await ramDisk)
        .toString(16)
        .padStart(8, "0"),
    );
  });
});

test("every recipe of the document is among them", () => {
  assert.deepEqual(
    [...recipes.keys()],
    [
      "What all of them need",
      "iPXE",
      "UEFI, then iPXE",
      "UEFI, then GRUB",
      "BIOS, then GRUB",
      "BIOS, then PXELINUX",
      "U-Boot",
    ],
  );
});
