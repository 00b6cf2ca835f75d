export interface Exception {
  readonly original: string;
  readonly ours: string;
}

/**
 * Every way in which we differ from npm `tftp` 0.1.2 on purpose. B are its bugs, N breaks that newer Node versions
 * caused, D contradictions between its README and its code that had to be decided; words are decisions of our own.
 * Scenarios name the rows that explain them; a row without a scenario, and a scenario whose traces do not differ,
 * fail the test. (Missing numbers are bugs of its command line, which is tested elsewhere.)
 */
export const exceptions = {
  B1: {
    original: "abort() before the socket exists throws a TypeError, in `get` out of an event",
    ours: "it aborts",
  },
  B2: {
    original: "abort() of a PUT before the first write does nothing",
    ours: "it aborts, no request leaves",
  },
  B3: { original: "close() before the socket exists is ignored", ours: "it closes, no request leaves" },
  B4: { original: "an unknown host name and a piped PUT kill the process", ours: "close, error ENOTFOUND" },
  B5: { original: "close() emits end: a piece passes for a file", ours: "close alone, nothing is left" },
  B6: { original: "a window is delivered in order of arrival", ours: "in order of the file" },
  B7: { original: "loss inside a window ends in a time-out or wrong content", ours: "the gap is filled" },
  B8: { original: "setUserExtensions of a PUT never reaches the client", ours: "it does" },
  B9: {
    original: "the timeout option carries milliseconds, and the server ignores it",
    ours: "whole seconds (RFC 2349), honoured by the server",
  },
  B10: { original: "EACCES is answered as 'I/O error'", ours: "ERROR 2 'Access violation'" },
  B11: {
    original: "a stranger's datagram makes the client abort its server",
    ours: "ERROR 5 to the stranger",
  },
  B12: {
    original: "'..data' is refused, 'constructor' is always being written",
    ours: "names like others",
  },
  B13: { original: "a failed get or PUT destroys the file that was there", ours: "it stays as it was" },
  B14: { original: "a repeated OACK is answered with an ERROR", ours: "a GET says ACK 0 again" },
  B15: { original: "an unasked option in an OACK is a TypeError", ours: "ERROR 8, EDENY" },
  B16: { original: "createPutStream without options is a TypeError", ours: "'Missing file size'" },
  B17: { original: "put without options kills the process", ours: "null and undefined mean none" },
  B18: { original: "listen() twice throws out of a callback", ours: "an error event" },
  B19: { original: "listen() after close() throws out of a callback", ours: "it listens again" },
  B20: { original: "port 70000 listens on 4464", ours: "an error event" },
  B21: { original: "requestListener after close() forgets the request", ours: "the client gets an ERROR" },
  B22: { original: "answers leave from any address", ours: "from the one that was asked, which stats shows" },
  B23: { original: "a PUT with the wrong number of bytes finishes", ours: "error ESIZE, the server is told" },
  B24: { original: "a lost last ACK is never repeated", ours: "it is, while the port dallies" },
  B26: { original: "a file whose 65,536th block is its last does not arrive", ours: "it does" },
  B28: { original: "a datagram of 0 or 1 byte to a transfer kills the server", ours: "it is ignored" },
  B29: { original: "transfers take packets from strangers", ours: "they change nothing" },
  B30: { original: "a repeated ACK doubles everything", ours: "it sends nothing" },
  B31: { original: "an ERROR at the request port is answered with an ERROR", ours: "with nothing" },
  B32: {
    original: "with one of two readers gone a PUT may begin; '/f' and 'f' are two files",
    ours: "readers are counted, spellings are one file",
  },
  B33: {
    original: "req.abort() of a PUT leaves the piece, and ACK 0 follows the ERROR",
    ours: "nothing is left, and nothing follows",
  },
  B34: { original: "option names are case-sensitive", ours: "any case (RFC 2347)" },
  B39: {
    original: "a repeated RRQ starts a second transfer, a repeated WRQ is refused",
    ours: "the first answer again",
  },
  N1: { original: "close comes twice", ours: "once, first" },
  N2: {
    original: "put of 64 KiB, or 128 KiB, never calls back (with Node 20, of 16 KiB and more)",
    ours: "it does",
  },
  N3: { original: "one address of localhost is asked", ours: "127.0.0.1 and ::1, until one answers" },
  N4: { original: "pipeline, for await and destroy fail", ours: "they work" },
  N5: { original: "it calls the deprecated Buffer()", ours: "nothing deprecated" },
  D1: { original: "a size in text is denied by its own client", ours: "it is a size" },
  D6: {
    original: "ERROR packets, silence and look-ups have no code",
    ours: "they have, where it is unambiguous",
  },
  D11: { original: "netascii and mail are taken as octet", ours: "netascii is translated, mail is ERROR 4" },
  additions: { original: "nothing more", ours: "TftpError, promises: names that the original does not have" },
  backslash: {
    original: "a backslash is a letter",
    ours: "the server takes it for a slash (Windows clients)",
  },
  "control-characters": { original: "names may have them", ours: "they may not" },
  decimal: {
    original: "numbers of options are read by Number() or ~~",
    ours: "decimal digits, nothing else",
  },
  "duplicate-data": {
    original: "a block that comes again is ignored: who missed the ACK has to wait",
    ours: "the ACK comes again",
  },
  forged: {
    original: "a request keeps its file from others, whoever sent it",
    ours: "from the first DATA or ACK of its client on, as its address may be forged",
  },
  junk: {
    original: "one packet that does not belong there ends a transfer",
    ours: "it is ignored, and named only when nothing better follows until the time-out",
  },
  links: {
    original: "symbolic links lead out of the root",
    ours: "ERROR 2, unless `symlinks` says otherwise",
  },
  "no-crash": {
    original: "without a listener for its errors a missing file ends the process",
    ours: "the default listener never does that",
  },
  "oack-order": { original: "options come back in an order of its own", ours: "in the order of the request" },
  "odd-options": { original: "an option out of range is refused with ERROR 8", ours: "it is left out" },
  "port-0": { original: "port 0 is 69", ours: "the kernel's choice, see address()" },
  "put-response": {
    original: "writing into res of a PUT is a TypeError",
    ours: "it is a stream, and goes nowhere",
  },
  "refused-first": {
    original: "the first answer comes before the file has been looked at, the ERROR behind it",
    ours: "the ERROR is the first answer",
  },
  "rollover-1": { original: "rollover comes back as 0", ours: "as it was asked" },
  sizes: { original: "any size is taken", ours: "whole numbers from 0 on" },
  unproven: {
    original: "a client that never answered is asked 1 + retries times, a timeout apart",
    ours: "at most three times, as its address may be forged",
  },
  superseded: {
    original: "a client may have many transfers at one port",
    ours: "its newest request replaces one that it has not answered to",
  },
  unread: {
    original: "close tells that the network is done, whether or not anybody reads",
    ours: "close comes when all has been read, so that it can come before `end` and yet suit pipeline",
  },
  "utf8-names": { original: "names are ASCII", ours: "UTF-8" },
  "whole-uploads": { original: "an upload is visible before it is complete", ours: "it appears whole" },
  "window-cap": {
    original: "windows of up to 65535 blocks are asked for",
    ours: "up to 32767: two windows have to fit into one cycle of block numbers",
  },
  "wire-numbers": {
    original: "refusals have number 0",
    ours: "the numbers that clients act on: 4 malformed, 2 forbidden, 1 missing",
  },
} as const satisfies Readonly<Record<string, Exception>>;

export type ExceptionId = keyof typeof exceptions;
