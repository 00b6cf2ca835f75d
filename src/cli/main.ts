#!/usr/bin/env node
import { type Invocation, parseCommandLine } from "./args.js";
import { completionScript } from "./completion.js";
import { ExitCode, UsageError } from "./exit-codes.js";
import { runMapTest } from "./map-test.js";
import { runServer } from "./serve.js";
import { runShell } from "./shell.js";
import { runTransferCommand } from "./transfer.js";
import { versionText } from "./version.js";

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: Error) => {
    if (error instanceof UsageError) {
      process.stderr.write(
        `${error.command}: ${error.message}\nTry '${error.command} --help' for more information\n`,
      );
      process.exitCode = ExitCode.usage;
      return;
    }
    process.stderr.write(`Error: ${error.message}\n`);
    process.exitCode = ExitCode.failed;
  },
);

async function main(words: readonly string[]): Promise<number> {
  // A reader that went away (`ntftp get ... | head`) is no reason for a stack trace.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.failed);
    throw error;
  });
  return run(parseCommandLine(words), words);
}

async function run(invocation: Invocation, words: readonly string[]): Promise<number> {
  switch (invocation.kind) {
    case "help":
      process.stdout.write(invocation.text);
      return ExitCode.done;
    case "version":
      process.stdout.write(versionText(invocation.output));
      return ExitCode.done;
    case "completion":
      process.stdout.write(completionScript(invocation.shell));
      return ExitCode.done;
    case "serve":
      return runServer(invocation, () => parseCommandLine(words));
    case "map-test":
      return runMapTest(invocation);
    case "shell":
      return runShell(invocation);
    default:
      return runTransferCommand(invocation);
  }
}
