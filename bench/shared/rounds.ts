import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Line } from "./lines.js";
import { measure, prepareFiles, type Sample } from "./measure.js";
import type { Subject } from "./server-process.js";

/** What is compared, and how thoroughly. */
export interface Comparison {
  readonly subjects: readonly Subject[];
  readonly lines: readonly Line[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSecondsMax: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** Everything that was measured, and what could not be. */
export interface Measured {
  readonly samples: readonly Sample[];
  /** Why a server is missing, by its id; once for each line. */
  readonly missing: readonly { readonly subject: string; readonly line: string; readonly why: string }[];
}

/** Every other round goes backwards: none always follows the same one. */
export function orderOf<T>(round: number, all: readonly T[]): readonly T[] {
  return round % 2 === 0 ? all : [...all].reverse();
}

/**
 * Measures all subjects in turn, round after round, so that what the machine does meanwhile meets all alike.
 *
 * @param onSample - called after each measurement
 * @throws the reason of the signal, when everything that was started has ended
 */
export async function runRounds(
  comparison: Comparison,
  onSample: (done: number, all: number, sample: Sample) => void,
): Promise<Measured> {
  const { subjects, lines, rounds, seconds, warmUpSecondsMax, signal } = comparison;
  const root = await mkdtemp(join(tmpdir(), "ntftp-bench-"));
  const samples: Sample[] = [];
  const missing: { subject: string; line: string; why: string }[] = [];
  const all = lines.reduce((sum, line) => sum + rounds * measurable(subjects, line).length, 0);
  let done = 0;
  try {
    await prepareFiles(root, lines);
    for (const line of lines) {
      for (let round = 0; round < rounds; round++) {
        for (const subject of orderOf(round, measurable(subjects, line))) {
          done++;
          if (missing.some((gap) => gap.subject === subject.id && gap.line === line.name)) continue;
          try {
            const sample = await measure(subject, line, round, {
              seconds,
              warmUpSecondsMax,
              root,
              signal,
            });
            samples.push(sample);
            onSample(done, all, sample);
          } catch (error) {
            signal?.throwIfAborted();
            missing.push({ subject: subject.id, line: line.name, why: (error as Error).message });
          }
        }
      }
    }
    return { samples, missing };
  } finally {
    await rm(root, { recursive: true });
  }
}

/** Where datagrams get lost, somebody has to repeat them. */
function measurable(subjects: readonly Subject[], { lossPercent }: Line): readonly Subject[] {
  return lossPercent === 0 ? subjects : subjects.filter(({ kind }) => kind !== "floor");
}
