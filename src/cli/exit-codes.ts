/** What the process tells its caller. */
export const ExitCode = {
  done: 0,
  /** A transfer or the server failed. */
  failed: 1,
  /** The command line can't be understood. */
  usage: 2,
  /** Ended by ^C; SIGTERM adds its own number to 128 in the same way. */
  interrupted: 130,
  terminated: 143,
} as const;

/** A mistake on the command line. `command` is "ntftp", "ntftp get" or "ntftp put". */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly command: string;

  constructor(message: string, command = "ntftp") {
    super(message);
    this.command = command;
  }
}
