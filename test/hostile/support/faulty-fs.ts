/**
 * A disk with faults. Loaded into a process of the command by `NODE_OPTIONS=--require`, and with that into each of its
 * worker threads, before anything else has taken hold of node:fs. What goes wrong for the files of a folder stands in
 * a file of the folder's name below `NTFTP_FAULTY_DISK` ({@link FaultyDisk} writes it), and is looked up at each call.
 */

import fs from "node:fs";
import promises from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { getSystemErrorMap } from "node:util";
import type { Fault, FaultyCall } from "./faulty-disk.js";

const DISK = process.env["NTFTP_FAULTY_DISK"];

/** How often a call that is held looks whether it may go on. */
const LOOK_MS = 10;

// The calls are wrapped as they come: their arguments are only known where one is shortened.
type Call = (...words: unknown[]) => unknown;
type Callback = (error: Error | null, ...results: unknown[]) => void;

const { appendFileSync, closeSync, readFileSync, readlinkSync } = fs;

function pathOf(subject: unknown): string {
  if (typeof subject !== "number") return resolve(String(subject));
  try {
    return readlinkSync(`/proc/self/fd/${subject}`).replace(/ \(deleted\)$/, "");
  } catch {
    return "/";
  }
}

function faultOf(call: FaultyCall, path: string): Fault | null {
  try {
    const name = basename(dirname(path));
    return JSON.parse(readFileSync(join(DISK ?? "", name), "utf8"))[call] ?? null;
  } catch {
    return null;
  }
}

/** As Node words it, with the paths of this machine that must not leave it. */
function errorOf(code: string, call: FaultyCall, words: readonly unknown[]): Error {
  const text = [...getSystemErrorMap().values()].find(([name]) => name === code)?.[1] ?? "unknown";
  const paths = words.slice(0, 2).filter((word) => typeof word === "string" || Buffer.isBuffer(word));
  const where = typeof words[0] === "number" ? "" : ` ${paths.map((path) => `'${path}'`).join(" -> ")}`;
  return Object.assign(new Error(`${code}: ${text}, ${call}${where}`), { code, syscall: call });
}

/** The fault of a call, when nobody holds it any more. */
async function settledFault(call: FaultyCall, path: string): Promise<Fault | null> {
  for (;;) {
    const fault = faultOf(call, path);
    if (!fault?.hold) return fault;
    await new Promise((resume) => setTimeout(resume, LOOK_MS));
  }
}

/** Cuts what is asked for at the byte where the fault begins. Null: the call is beyond it. */
function shortened(words: unknown[], { afterBytes = 0 }: Fault): unknown[] | null {
  const [fd, bytes, offset, length, position] = words as [number, unknown, number, number, number];
  const count = Math.min(length, afterBytes - position);
  return count > 0 ? [fd, bytes, offset, count, position] : null;
}

/** @returns the arguments of the real call, which may be shorter ones */
async function judge(call: FaultyCall, words: unknown[]): Promise<unknown[]> {
  // The free space is that of a folder, not of the one it is in.
  const path = call === "statfs" ? join(pathOf(words[0]), "any") : pathOf(words[0]);
  const first = faultOf(call, path);
  if (first === null) return words;
  appendFileSync(join(DISK ?? "", "hits"), `${basename(dirname(path))} ${call}\n`);
  const rest = first.afterBytes === undefined ? null : shortened(words, first);
  if (rest !== null) return rest;
  const fault = await settledFault(call, path);
  if (fault?.code === undefined) return words;
  // Linux gives the descriptor back whatever `close` says.
  if (call === "close") closeSync(words[0] as number);
  throw errorOf(fault.code, call, words);
}

function wrapCallbacks(call: FaultyCall): void {
  const functions = fs as unknown as Record<string, Call>;
  const real = functions[call] as Call;
  functions[call] = (...words) => {
    const callback = words.pop() as Callback;
    judge(call, words).then(
      (allowed) => real(...allowed, callback),
      // Outside of the promise: what the callback throws is nobody's rejection.
      (error: Error) => setImmediate(callback, error),
    );
  };
}

function wrapPromises(call: FaultyCall): void {
  const functions = promises as unknown as Record<string, Call>;
  const real = functions[call] as Call;
  functions[call] = async (...words: unknown[]) => real(...(await judge(call, words)));
}

if (DISK !== undefined) {
  for (const call of ["open", "read", "write", "close", "fstat", "fchmod"] as const) wrapCallbacks(call);
  for (const call of ["rename", "link", "unlink", "statfs"] as const) wrapPromises(call);
}
