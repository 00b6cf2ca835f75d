import type { Command } from "commander";

/** Adds what the parser can't know: usages, the parts of the program, examples. */
export function addHelpTexts(program: Command): void {
  program.usage(USAGES.join("\n       ntftp "));
  program.addHelpText("after", MAIN_TEXT);
  for (const command of program.commands) {
    if (command.name() === "completion") continue;
    const isGet = command.name() === "get";
    command.usage(isGet ? "[options] <uri> [<local>]" : "[options] [<local>] <uri>");
    command.addHelpText("after", URI_TEXT + (isGet ? GET_TEXT : PUT_TEXT));
  }
}

/** The ways to call it, without the word ntftp. */
export const USAGES: readonly string[] = [
  "[options] <host>[:<port>]",
  "[options] [<host>[:<port>]] -l|--listen[=ROOT]",
  "get [options] <uri> [<local>]",
  "put [options] [<local>] <uri>",
  "completion bash|zsh|fish",
];

/** Behind the options of `ntftp --help`. */
export const MAIN_TEXT = `
With a host, a shell starts in which get and put fetch and store files; 'help'
in it lists its commands, ^D or ^C twice ends it.

With -l, a server starts. Without a host it listens on every address of this
machine, port 69; the word behind -l is the root, so put a host before it.
SIGINT or SIGTERM lets running transfers end, a second one aborts them.

Examples:
  $ ntftp -l /srv/tftp                        serve a directory on port 69
  $ ntftp localhost:6969 -l .                 serve this one, no root needed
  $ ntftp get tftp://boot.example/pxelinux.0  fetch a file
  $ ntftp put vmlinuz tftp://boot.example/    store a file
  $ ntftp boot.example -w 16                  shell, windows of 16 blocks

Exit status: 0 done, 1 a transfer or the server failed, 2 wrong usage,
130 interrupted.
`;

/** Behind the options of `get` and `put`. */
export const URI_TEXT = `
A uri (RFC 3617) is tftp://<host>[:<port>]/<path>[;mode=octet|netascii].
IPv6 addresses stand in brackets, %-escapes are decoded.
`;

export const GET_TEXT = `
The file appears under its local name (default: the last part of the path)
when it is complete, and not at all when the transfer fails. '-' writes to
standard output.

Example:
  $ ntftp get -w 16 tftp://[fe80::1%25eth0]:6969/images/kernel
`;

export const PUT_TEXT = `
With one argument, the path of the uri names the local file as well.

Example:
  $ ntftp put build/firmware.bin tftp://192.0.2.7/firmware.bin
`;
