/**
 * Every way in which we differ from npm `tftp` 0.1.2 on purpose: what the original does, what we do instead. B are
 * its bugs, N breaks that newer Node versions caused, D decisions. Scenarios name the row that explains them; a row
 * without a scenario, and a scenario whose traces do not really differ, fail the test.
 */
export const exceptions: Readonly<Record<string, { readonly original: string; readonly ours: string }>> = {
  B1: { original: "abort() before the socket exists throws a TypeError", ours: "it aborts: close, abort" },
  B2: { original: "abort() of a PUT before the first write does nothing", ours: "close, abort, no request" },
  B3: { original: "close() before the socket exists is ignored", ours: "close, no request" },
  B4: { original: "an unknown host name and a piped PUT kill the process", ours: "close, error ENOTFOUND" },
  B5: { original: "close() of a GET emits end: a piece passes for a file", ours: "close alone" },
  B6: { original: "a reordered window is delivered in order of arrival", ours: "in order of the file" },
  B7: { original: "loss inside a window ends in a time-out or wrong content", ours: "the gap is filled" },
  B8: { original: "setUserExtensions of a PUT never reaches the client", ours: "it does" },
  B9: {
    original: "the timeout option carries milliseconds",
    ours: "seconds (RFC 2349), and the server honours it",
  },
  B10: { original: "EACCES is answered as 'I/O error'", ours: "ERROR 2 'Access violation'" },
  B11: {
    original: "a stranger's datagram makes the client abort its server",
    ours: "ERROR 5 to the stranger",
  },
  B12: { original: "'..data' is refused, 'constructor' is always being written", ours: "names like others" },
  B13: { original: "a failed get or PUT destroys the file that was there", ours: "it stays as it was" },
  B14: { original: "a repeated OACK is answered with an ERROR", ours: "with ACK 0 again" },
  B15: { original: "an unasked option in an OACK is a TypeError", ours: "EDENY" },
  B16: { original: "createPutStream without options is a TypeError", ours: "'Missing file size'" },
  B17: { original: "put with null options kills the process", ours: "null means none" },
  B18: { original: "listen() twice throws out of a callback", ours: "an error event" },
  B19: { original: "listen() after close() throws out of a callback", ours: "it listens again" },
  B20: { original: "port 70000 listens on 4464", ours: "an error event" },
  B21: {
    original: "requestListener after close() leaves the client waiting",
    ours: "the request is aborted",
  },
  B22: {
    original: "answers leave from another address than was asked",
    ours: "from the address that was asked",
  },
  B23: {
    original: "a PUT with fewer bytes than announced finishes",
    ours: "error ESIZE, the server is told",
  },
  B24: { original: "a lost last ACK is never repeated", ours: "it is, while the port dallies" },
  B26: { original: "a file whose 65,536th block is its last does not arrive", ours: "it does" },
  B28: { original: "a datagram of 0 bytes to a transfer kills the server", ours: "it is ignored" },
  B29: { original: "a stranger's ERROR ends a transfer", ours: "it changes nothing" },
  B30: { original: "a repeated ACK doubles everything", ours: "it sends nothing" },
  B31: { original: "an ERROR at the request port is answered with an ERROR", ours: "with nothing" },
  B32: {
    original: "with one of two readers gone a PUT may begin; '/f' and 'f' are two files",
    ours: "ECURGET for both",
  },
  B33: { original: "req.abort() of a running PUT leaves the piece", ours: "nothing is left" },
  B34: { original: "option names are case-sensitive", ours: "any case (RFC 2347)" },
  B39: { original: "a repeated RRQ starts a second transfer", ours: "the first answer again" },
  N1: { original: "close comes twice", ours: "once" },
  N2: { original: "put of 16 KiB to 64 KiB never calls back", ours: "it does" },
  N3: {
    original: "the default client asks ::1, the default server sits on 127.0.0.1",
    ours: "both are tried",
  },
  N4: { original: "stream.pipeline and for await fail though the file arrived", ours: "they work" },
  D1: { original: "a size in text is denied by its own client", ours: "it is a size" },
  D6: { original: "ERROR packets and time-outs have no code", ours: "they have, wherever it is unambiguous" },
  D11: { original: "netascii is sent as octets, mail too", ours: "netascii is translated, mail is ERROR 4" },
  D13: {
    original: "refusals have number 0; odd options are ERROR 8",
    ours: "4, 2 and 1 where clients act on them; ignored",
  },
  D14: { original: "names beyond ASCII are refused", ours: "UTF-8" },
  D16: { original: "port 0 is 69", ours: "the kernel's choice, see address()" },
  D18: { original: "symbolic links lead out of the root", ours: "ERROR 2" },
  D19: { original: "an upload is visible before it is complete", ours: "it appears whole" },
};
