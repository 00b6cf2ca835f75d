import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Subject } from "../shared/server-process.js";
import { CHECKOUT } from "./subjects.js";

const INSTALL_MS = 900_000;

/** Where the peers' programs lie: unpacked Debian packages, shared with the interoperability tests. */
export function programsFolder(): string {
  return process.env["NTFTP_INTEROP"] ?? join(CHECKOUT, ".cache/interop");
}

/**
 * Fetches the peers' programs where they are missing. What can't be fetched is left out of the comparison, and said.
 *
 * @returns the subjects whose programs are there
 */
export function providePrograms(
  subjects: readonly Subject[],
  folder: string,
  say: (line: string) => void,
): Subject[] {
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
