import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { openPeer, type Peer } from "./peer.js";
import type { Subject } from "./subject.js";

/**
 * A hostile case as a table row. Lines of its script:
 *
 * - `> PACKET` the client sends, to the transfer's port as soon as it knows one
 * - `< LINE` the next datagram that it gets, `< /PATTERN/` in general, `< nothing` for silence
 * - `69> PACKET` the client sends to the request port
 * - `stranger> PACKET`, `stranger< LINE` another port of the same machine, talking to the transfer's port
 */
export interface Case {
  /** The promise, as a sentence. */
  readonly name: string;
  /** Where it comes from: an RFC section, a CVE, a client. */
  readonly of: string;
  readonly script: readonly string[];
}

const TIME_LIMIT_MS = 60_000;

/** Runs each case as a test of its own, many at a time. */
export function runCases(title: string, cases: readonly Case[], subject: () => Promise<Subject>): void {
  assert.ok(cases.length > 0);
  suite(title, { concurrency: 12 }, () => {
    for (const { name, of, script } of cases) {
      test(`${name} [${of}]`, { timeout: TIME_LIMIT_MS }, async (context) => {
        const server = await subject();
        await play(script, await openPeer(context, server), await openPeer(context, server));
        server.assertAlive();
      });
    }
  });
}

async function play(script: readonly string[], client: Peer, stranger: Peer): Promise<void> {
  const played: string[] = [];
  for (const line of script) {
    const [, who = "", arrow, what = ""] = /^(\w*)([<>]) (.*)$/.exec(line) ?? assert.fail(`no step: ${line}`);
    const peer = who === "stranger" ? stranger : client;
    if (arrow === ">") {
      if (who === "69") client.request(what);
      else peer.send(what, who === "stranger" ? client.tid : undefined);
    } else {
      const pattern = /^\/(.*)\/$/.exec(what)?.[1];
      try {
        await peer.expectNext(pattern === undefined ? what : new RegExp(pattern));
      } catch (error) {
        (error as Error).message = `${[...played, line].join("\n")}\n${(error as Error).message}`;
        throw error;
      }
    }
    played.push(line);
  }
}
