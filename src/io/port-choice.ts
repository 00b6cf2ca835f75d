import { getSystemErrorName } from "node:util";

/** Where to begin in a range of ports, so that TIDs are not predictable. */
export function randomStart(count: number): number {
  return Math.floor(Math.random() * count);
}

/** An error of the system as Node spells it: `bind EADDRINUSE 127.0.0.1:69`. `code` comes from `errno` if need be. */
export function systemError(
  error: Partial<NodeJS.ErrnoException>,
  address: string,
  port: number,
): NodeJS.ErrnoException {
  const { errno = 0, syscall = "" } = error;
  const code = error.code ?? getSystemErrorName(errno);
  const where = address === "" ? "" : ` ${address}:${port}`;
  return Object.assign(new Error(`${syscall} ${code}${where}`), { errno, code, syscall, address, port });
}
