import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "../shared/checkout.js";
import type { Subject } from "../shared/server-process.js";
import { buildFloor, floor } from "./floor.js";

const INSTALL_MS = 900_000;
const ASK_MS = 30_000;

/** Where the peers' programs lie: unpacked Debian packages, shared with the interoperability tests. */
export function programsFolder(): string {
  return process.env["NTFTP_INTEROP"] ?? join(CHECKOUT, ".cache/interop");
}

/** What the native path of a checkout is, or why there is none; asked in a process of its own. */
export function nativePathOf(checkout: string): { readonly isNative: boolean; readonly reason: string } {
  const runtime = JSON.stringify(join(checkout, "dist/src/runtime.js"));
  const code = `const { isNative, reason } = require(${runtime}).threadRuntime().native;
    console.log(JSON.stringify({ isNative, reason }));`;
  const env = { ...process.env, NTFTP_NATIVE: "1" };
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", code], {
    env,
    encoding: "utf8",
    timeout: ASK_MS,
  });
  if (!stdout.startsWith("{")) {
    return { isNative: false, reason: /^\w*Error: .*/m.exec(stderr)?.[0] ?? "the runtime can't be loaded" };
  }
  return JSON.parse(stdout);
}

/**
 * Builds the floor, and fetches the peers' programs where they are missing. What can't be had is left out of the
 * comparison, and said.
 *
 * @returns the subjects whose programs are there
 */
export function providePrograms(
  wanted: readonly Subject[],
  folder: string,
  say: (line: string) => void,
): Subject[] {
  const subjects = wanted.includes(floor) ? withFloor(wanted, say) : wanted;
  const place = { host: "127.0.0.1", port: 69, root: "/" };
  const isThere = (subject: Subject): boolean => existsSync(subject.command(place)[0] ?? "");
  if (subjects.every(isThere)) return [...subjects];
  say(`fetching Debian's packages into ${folder} (.ci/packages.sh)`);
  const { status } = spawnSync(join(CHECKOUT, ".ci/packages.sh"), [folder], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: INSTALL_MS,
  });
  const missing = subjects.filter((subject) => !isThere(subject));
  if (missing.length > 0) {
    const ids = missing.map((subject) => subject.id).join(", ");
    say(
      `left out: ${ids}. .ci/packages.sh ended with status ${status}: on Debian, as root or with sudo, it fetches`,
    );
    say(`tftpd-hpa, atftpd and dnsmasq-base; elsewhere put them below ${folder}/root/usr/sbin.`);
  }
  return subjects.filter(isThere);
}

function withFloor(subjects: readonly Subject[], say: (line: string) => void): readonly Subject[] {
  const failure = buildFloor();
  if (failure === null) return subjects;
  say(`left out: ${floor.id}, it can't be built: ${failure}`);
  return subjects.filter((subject) => subject !== floor);
}
