import { execFileSync } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";

/** Who a server is after it has bound its ports. */
export interface Identity {
  /** For texts. */
  readonly user: string;
  readonly userId: number;
  readonly groupId: number;
}

/**
 * Looks the names up, whatever the system keeps them in (files, LDAP, systemd): so `id` and `getent` are asked.
 *
 * @param user - name or number; undefined: none given up
 * @param group - name or number; undefined: the user's own
 * @returns null when neither is given
 * @throws Error with one line that says what is unknown, or missing
 */
export function findIdentity(user: string | undefined, group: string | undefined): Identity | null {
  if (user === undefined && group === undefined) return null;
  if (user === undefined) throw new Error("--group needs --user: root in another group would still be root");
  if (process.setuid === undefined) throw new Error("--user needs a system with user ids");
  const userId = isNumber(user) ? Number(user) : lookUp("id", ["-u", checkName(user)], `user '${user}'`);
  const groupId =
    group === undefined
      ? lookUp("id", ["-g", checkName(user)], `the group of user '${user}' (give --group)`)
      : isNumber(group)
        ? Number(group)
        : lookUp("getent", ["group", checkName(group)], `group '${group}'`);
  if (userId === 0) throw new Error("--user root gives up nothing");
  return { user, userId, groupId };
}

/**
 * Becomes that user, for good and in all threads: supplementary groups, then group, then user (the order in which
 * the right to do the next is not lost), and looks whether it is true.
 *
 * @throws Error with one line; the process must end then
 */
export function becomeUser({ user, userId, groupId }: Identity): void {
  if (process.getuid?.() !== userId || process.getgid?.() !== groupId) {
    if (process.geteuid?.() !== 0) throw new Error(`only root can become '${user}'`);
    process.setgroups?.([groupId]);
    process.setgid?.(groupId);
    process.setuid?.(userId);
  }
  const isDone =
    process.getuid?.() === userId &&
    process.geteuid?.() === userId &&
    process.getgid?.() === groupId &&
    process.getegid?.() === groupId &&
    process.getgroups?.().every((group) => group === groupId) === true &&
    threadsAre(userId, groupId) &&
    !canBecomeRoot();
  if (!isDone) throw new Error(`the system did not let go of all rights of '${process.getuid?.()}'`);
}

/** @throws Error when the files below `root` can't be reached as the user that this process is by now */
export function checkRoot(root: string, user: string): void {
  try {
    accessSync(root, constants.R_OK | constants.X_OK);
  } catch (error) {
    throw new Error(
      `User '${user}' can't read the root '${root}' (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

/** Writes the process id; the file goes with the process, if its directory lets it. @throws the system's error */
export function writePidFile(path: string): void {
  writeFileSync(path, `${process.pid}\n`, { mode: 0o644 });
  process.once("exit", () => {
    try {
      unlinkSync(path);
    } catch {
      // Rights that were given up, or a directory that went away: the next start replaces the file.
    }
  });
}

function isNumber(text: string): boolean {
  return /^[0-9]{1,9}$/.test(text);
}

/** Nothing that the programs could take for an option. */
function checkName(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$/.test(name)) return name;
  throw new Error(`'${name}' is no name of a user or group`);
}

function lookUp(program: "id" | "getent", words: string[], what: string): number {
  let text: string;
  try {
    text = execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    throw new Error(`there is no ${what} here`);
  }
  // `getent group` has name:password:number:members.
  const found = program === "getent" ? text.split(":")[2] : text.trim();
  if (found !== undefined && isNumber(found)) return Number(found);
  throw new Error(`there is no ${what} here`);
}

/** Linux: threads have identities of their own; the C library changes all of them, and this sees to it. */
function threadsAre(userId: number, groupId: number): boolean {
  if (process.platform !== "linux") return true;
  const same = (id: number): string => Array(4).fill(id).join("\t");
  return readdirSync("/proc/self/task").every((thread) => {
    let status: string;
    try {
      status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
    } catch (error) {
      // A thread that has ended meanwhile.
      if (
        (error as NodeJS.ErrnoException).code === "ENOENT" ||
        (error as NodeJS.ErrnoException).code === "ESRCH"
      )
        return true;
      throw error;
    }
    return status.includes(`\nUid:\t${same(userId)}\n`) && status.includes(`\nGid:\t${same(groupId)}\n`);
  });
}

function canBecomeRoot(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false;
  }
}
