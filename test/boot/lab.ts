import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Recipe } from "./recipes.js";

const ROOT = join(__dirname, "../../..");
const PACKAGES = join(process.env["NTFTP_BOOT"] ?? join(ROOT, ".cache/boot"), "root");

/** Escape sequences of a terminal, with the return to the line's start that precedes some. */
const CURSOR_MOVES = /\r?\x1b\[[\d;?]*[A-Za-z]/g;

/** Software emulation on a machine that does other things as well. */
const BOOT_MS = 540_000;
const COMMAND_MS = 60_000;

/** The path of a file from the packages; a missing one fails the test that needs it. */
export function packaged(path: string): string {
  const full = join(PACKAGES, path);
  if (!existsSync(full)) throw new Error(`${full} is missing: run .ci/boot-packages.sh`);
  return full;
}

interface Context {
  after(cleanUp: () => Promise<void> | void): void;
}

/** A network of its own with a DHCP server and ours, at the other end of a virtual machine's cable. */
export class Lab {
  /** Output of every program, for the message of a failure. */
  #log = "";
  readonly #context: Context;
  readonly #folder: string;
  readonly #namespace: string;

  private constructor(context: Context, folder: string, namespace: string) {
    this.#context = context;
    this.#folder = folder;
    this.#namespace = namespace;
  }

  /** @param folder - temporary; the root of the TFTP server becomes a folder in it */
  static async open(context: Context, folder: string): Promise<Lab> {
    if (process.getuid?.() !== 0)
      throw new Error("the boot tests make a network namespace: run them as root");
    // The namespace lives as long as this process, which ends with its standard input: with the test.
    const holder = spawn("unshare", ["--net", "sh", "-c", "echo ready; cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    context.after(() => void holder.stdin.end());
    await once(holder.stdout, "data");
    const lab = new Lab(context, folder, `/proc/${holder.pid}/ns/net`);
    for (const line of [
      "link set lo up",
      "tuntap add dev eth1 mode tap",
      "address add 192.0.2.1/24 dev eth1",
      "link set eth1 up",
    ])
      await lab.#run("ip", line.split(" "));
    await mkdir(lab.root);
    return lab;
  }

  /** What is served. */
  get root(): string {
    return join(this.#folder, "root");
  }

  /** Does what the recipes say: writes their files, runs their commands, starts DHCP and TFTP. */
  async prepare(common: Recipe, recipe: Recipe, ramDisk: Buffer, workers: number): Promise<void> {
    const given = join(this.#folder, "boot");
    await mkdir(given);
    await copyFile(packaged("boot/vmlinuz"), join(given, "vmlinuz"));
    await writeFile(join(given, "initrd.img"), ramDisk);
    let dhcp = "";
    for (const [name, text] of [...common.files, ...recipe.files]) {
      if (name === "dnsmasq.conf") {
        dhcp += text;
        continue;
      }
      await mkdir(dirname(join(this.root, name)), { recursive: true });
      await writeFile(join(this.root, name), text);
    }
    for (const line of [...common.commands, ...recipe.commands]) {
      const here = line
        .replaceAll(" /boot/", ` ${given}/`)
        .replaceAll(" /usr/lib/", ` ${PACKAGES}/usr/lib/`)
        .replaceAll("/srv/tftp", this.root);
      await this.#run("sh", ["-ec", here]);
    }
    await this.#startDhcp(dhcp);
    await this.#startServer(common.server ?? "", workers);
  }

  async #startDhcp(text: string): Promise<void> {
    const file = join(this.#folder, "dnsmasq.conf");
    await writeFile(file, text);
    const leases = `--dhcp-leasefile=${join(this.#folder, "leases")}`;
    const words = ["--no-daemon", `--conf-file=${file}`, "--user=root", leases];
    await this.#start(packaged("usr/sbin/dnsmasq"), words, /DHCP, IP range/);
  }

  async #startServer(line: string, workers: number): Promise<void> {
    const [name, ...words] = line.replace("/srv/tftp", this.root).split(" ");
    if (name !== "ntftp") throw new Error(`the document starts '${name}' as the server`);
    const command = join(ROOT, "dist/src/cli/main.js");
    await this.#start(
      process.execPath,
      [command, "--workers", String(workers), ...words],
      /Listening on 192\.0\.2\.1:69/,
    );
  }

  /** Runs a virtual machine until its serial port shows `expected`. */
  async boot(emulator: string, words: readonly string[], expected: RegExp): Promise<string> {
    const common = ["-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-m", "512"];
    const cable = ["-netdev", "tap,id=cable,ifname=eth1,script=no,downscript=no"];
    const serial = await this.#start(emulator, [...common, ...cable, ...words], expected);
    // The BIOS moves the cursor while it prints, in the middle of words as well.
    return serial.replaceAll(CURSOR_MOVES, "");
  }

  /** Starts a program in the namespace; resolves with its output as soon as that holds `expected`. */
  async #start(program: string, words: readonly string[], expected: RegExp): Promise<string> {
    const child = spawn("nsenter", this.#inside(program, words), { stdio: ["ignore", "pipe", "pipe"] });
    const exited = once(child, "exit");
    this.#context.after(async () => {
      child.kill("SIGKILL");
      await exited;
    });
    const name = program.split("/").at(-1);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([
        this.#outputWith(child, expected),
        exited.then(() => Promise.reject(new Error(`${name} ended without ${expected}:\n${this.#log}`))),
        new Promise<never>((_, reject) => {
          const late = () => reject(new Error(`${name} did not come to ${expected}:\n${this.#log}`));
          timer = setTimeout(late, BOOT_MS);
        }),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  #outputWith({ stdout, stderr }: ChildProcess, expected: RegExp): Promise<string> {
    let output = "";
    return new Promise((resolve) => {
      const take = (chunk: Buffer): void => {
        output += chunk;
        this.#log += chunk;
        if (expected.test(output)) resolve(output);
      };
      stdout?.on("data", take);
      stderr?.on("data", take);
    });
  }

  async #run(program: string, words: readonly string[]): Promise<void> {
    await promisify(execFile)("nsenter", this.#inside(program, words), {
      timeout: COMMAND_MS,
      killSignal: "SIGKILL",
      env: { ...process.env, PATH: `${PACKAGES}/usr/bin:${process.env["PATH"]}` },
    });
  }

  /** Whatever happens to the test, the program goes with it. */
  #inside(program: string, words: readonly string[]): string[] {
    return [`--net=${this.#namespace}`, "setpriv", "--pdeathsig", "KILL", program, ...words];
  }
}
