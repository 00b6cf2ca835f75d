import { lookup } from "node:dns/promises";
import { runMain } from "../shared/words.js";
import { type LoadInvocation, parseLoadCommand } from "./args.js";
import { compareStored, contentsFor } from "./contents.js";
import type { LoadPlan } from "./plan.js";
import { formatProgressLine, formatResult, warningFor } from "./report.js";
import { runLoad } from "./run-load.js";

/** Exit status: 0 all transfers were fine, 1 some failed, 2 the command line is wrong. */
async function main(words: readonly string[]): Promise<number> {
  const invocation = parseLoadCommand(words);
  if (invocation.kind === "help") {
    process.stdout.write(invocation.text);
    return 0;
  }
  const { address } = await lookup(invocation.host);
  return run(invocation, { ...invocation.plan, address });
}

async function run({ json, quiet, verifyFolder }: LoadInvocation, plan: LoadPlan): Promise<number> {
  const isLive = !quiet && process.stderr.isTTY;
  const contents = await contentsFor(plan, verifyFolder);
  const result = await runLoad(plan, contents, (progress) => {
    if (isLive) process.stderr.write(`\r\x1b[K${formatProgressLine(progress)}`);
  });
  if (isLive) process.stderr.write("\r\x1b[K");
  const wrong = plan.method === "PUT" && plan.verify ? await compareStored(plan, contents) : [];
  if (json) {
    process.stdout.write(`${JSON.stringify({ plan, ...result, wrong, warning: warningFor(result) })}\n`);
  } else {
    process.stdout.write(formatResult(plan, result));
    for (const name of wrong) process.stdout.write(`stored wrongly: ${name}\n`);
  }
  return result.failed > 0 || wrong.length > 0 ? 1 : 0;
}

runMain("load", main);
