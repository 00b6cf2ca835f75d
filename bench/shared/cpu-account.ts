import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** Counts the CPU of a server with everything that it starts. */
export interface CpuAccount {
  /** How it counts; belongs beside the figures. */
  readonly kind: string;
  /** The command that starts the server inside the account. */
  wrap(command: readonly string[]): readonly string[];
  /** Called with the process id of what `wrap` started. */
  adopt(pid: number): void;
  /** User and system time so far, of children that have ended too. */
  cpuSeconds(): number;
  /** Everybody who lives in it. */
  pids(): number[];
  /** When nobody lives in it any more. */
  close(): void;
}

let accounts = 0;

/** The best account this machine offers: a control group of its own, or the process table. */
export function openCpuAccount(): CpuAccount {
  const name = `ntftp-bench-${process.pid}-${accounts++}`;
  for (const { folder, file, kind, read } of CONTROLLERS) {
    if (!existsSync(join(folder, "cgroup.procs"))) continue;
    const path = join(folder, name);
    try {
      mkdirSync(path);
    } catch {
      // Not ours to write: an ordinary user, or a container.
      continue;
    }
    if (existsSync(join(path, file))) return new GroupAccount(path, file, kind, read);
    rmdirSync(path);
  }
  return new ProcessTableAccount();
}

interface Controller {
  readonly folder: string;
  readonly file: string;
  readonly kind: string;
  readonly read: (text: string) => number;
}

const readNanoseconds = (text: string): number => Number(text) / 1e9;

const CONTROLLERS: readonly Controller[] = [
  ...["cpuacct", "cpu,cpuacct"].map((controller) => ({
    folder: `/sys/fs/cgroup/${controller}`,
    file: "cpuacct.usage",
    kind: "control group (cpuacct)",
    read: readNanoseconds,
  })),
  ...["", "/unified"].map((part) => ({
    folder: `/sys/fs/cgroup${part}`,
    file: "cpu.stat",
    kind: "control group (cpu.stat)",
    read: (text: string) => Number(/usage_usec (\d+)/.exec(text)?.[1]) / 1e6,
  })),
];

class GroupAccount implements CpuAccount {
  readonly kind: string;
  readonly #path: string;
  readonly #file: string;
  readonly #read: (text: string) => number;

  constructor(path: string, file: string, kind: string, read: (text: string) => number) {
    this.kind = kind;
    this.#path = path;
    this.#file = file;
    this.#read = read;
  }

  wrap(command: readonly string[]): readonly string[] {
    // The shell enters the group and becomes the server.
    return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', join(this.#path, "cgroup.procs"), ...command];
  }

  adopt(): void {}

  cpuSeconds(): number {
    return this.#read(readFileSync(join(this.#path, this.#file), "utf8"));
  }

  pids(): number[] {
    const text = readFileSync(join(this.#path, "cgroup.procs"), "utf8").trim();
    return text === "" ? [] : text.split("\n").map(Number);
  }

  close(): void {
    rmdirSync(this.#path);
  }
}

/** Ticks of the kernel's clock in a second: the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Knows only children that were waited for or still live: too little where a server lets its children go unseen. */
class ProcessTableAccount implements CpuAccount {
  readonly kind = "process table (10 ms steps)";
  #pid = 0;

  wrap(command: readonly string[]): readonly string[] {
    return command;
  }

  adopt(pid: number): void {
    this.#pid = pid;
  }

  cpuSeconds(): number {
    return this.pids().reduce((sum, pid) => sum + cpuSecondsIn(`${pid}`), 0);
  }

  pids(): number[] {
    const found: number[] = [];
    const visit = (pid: number): void => {
      if (!existsSync(`/proc/${pid}`)) return;
      found.push(pid);
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const children = readProc(`${pid}/task/${thread}/children`).trim();
        if (children !== "") children.split(" ").map(Number).forEach(visit);
      }
    };
    if (this.#pid > 0) visit(this.#pid);
    return found;
  }

  close(): void {}
}

/**
 * User and system time of a process with all its threads and the children that it waited for, or of one thread.
 * @param folder - of the process table, as "12" or "12/task/13"
 */
export function cpuSecondsIn(folder: string): number {
  // Fields 14 to 17: utime, stime and both of the children waited for. The name may hold spaces.
  const fields = readProc(`${folder}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / TICKS_PER_SECOND;
}

/** A file of the process table; empty where its process has just ended. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return "";
  }
}

/** Bytes that these processes hold; what they share with others counts by its part. */
export function memoryOf(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readProc(`${pid}/smaps_rollup`))?.[1] ?? 0);
  }
  return kilobytes * 1024;
}
