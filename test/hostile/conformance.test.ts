import { fixtureRoot } from "./support/fixture.js";
import { type Case, runCases } from "./support/script.js";
import { sharedSubject } from "./support/subject.js";

/* The sentences of the RFCs that bind a server, each kept and each broken. */

const subject = sharedSubject(async () => ({ root: await fixtureRoot(), options: ["--json"] }));

const PLAIN: readonly Case[] = [
  {
    name: "a GET without options begins with DATA 1 of 512 bytes and ends with a shorter block",
    of: "RFC 1350 §2, §6",
    script: ["> RRQ f octet", "< DATA 1 512", "> ACK 1", "< DATA 2 488", "> ACK 2", "< nothing"],
  },
  {
    name: "a file of whole blocks ends with an empty one",
    of: "RFC 1350 §6",
    script: [
      "> RRQ even octet",
      "< DATA 1 512",
      "> ACK 1",
      "< DATA 2 512",
      "> ACK 2",
      "< DATA 3 0",
      "> ACK 3",
      "< nothing",
    ],
  },
  {
    name: "an empty file is one empty block",
    of: "RFC 1350 §6",
    script: ["> RRQ empty octet", "< DATA 1 0", "> ACK 1", "< nothing"],
  },
  {
    name: "a PUT without options begins with ACK 0 and is acknowledged block by block",
    of: "RFC 1350 §4, §6",
    script: ["> WRQ up-plain octet", "< ACK 0", "> DATA 1 512", "< ACK 1", "> DATA 2 10", "< ACK 2"],
  },
  {
    name: "a PUT of whole blocks is over with its empty block, not before",
    of: "RFC 1350 §6",
    script: ["> WRQ up-even octet", "< ACK 0", "> DATA 1 512", "< ACK 1", "> DATA 2 0", "< ACK 2"],
  },
  {
    name: "an empty file can be put",
    of: "RFC 1350 §6",
    script: ["> WRQ up-empty octet", "< ACK 0", "> DATA 1 0", "< ACK 1"],
  },
  {
    name: "modes are spelt in any case",
    of: "RFC 1350 §5",
    script: ["> RRQ tiny OcTeT", "< DATA 1 5", "> ACK 1"],
  },
  {
    name: "netascii is translated: LF as CR LF, CR as CR NUL",
    of: "RFC 1350 §1, RFC 764",
    script: ["> RRQ text NETASCII", "< DATA 1 11", "> ACK 1"],
  },
  {
    name: "mail is refused with ERROR 4",
    of: "RFC 1350 §5: obsolete",
    script: ["> RRQ f mail", "< /^ERROR 4 ./", "< nothing"],
  },
  {
    name: "an unknown mode is refused with ERROR 4",
    of: "RFC 1350 §5",
    script: ["> RRQ f binary", "< /^ERROR 4 ./", "< nothing"],
  },
  {
    name: "an empty mode is refused",
    of: "RFC 1350 §5",
    script: ["> RRQ f ''", "< /^ERROR 4 ./", "< nothing"],
  },
  {
    name: "a missing file is ERROR 1, sent once",
    of: "RFC 1350 §5, §7",
    script: ["> RRQ none octet", "< ERROR 1 File not found", "< nothing"],
  },
  {
    name: "a PUT into a missing directory is ERROR 1",
    of: "RFC 1350 §5",
    script: ["> WRQ none/f octet", "< ERROR 1 File not found", "< nothing"],
  },
  {
    name: "an ERROR of the client ends the transfer and is not answered",
    of: "RFC 1350 §7",
    script: ["> RRQ f octet", "< DATA 1 512", "> ERROR 0 stop", "< nothing", "> ACK 1", "< nothing"],
  },
  {
    name: "an ERROR of four bytes counts, without text and NUL",
    of: "curl",
    script: ["> RRQ f octet", "< DATA 1 512", "> HEX 00050000", "< nothing", "> ACK 1", "< nothing"],
  },
  {
    name: "an ACK with a byte too many counts",
    of: "Windows boot clients",
    script: ["> RRQ f octet", "< DATA 1 512", "> HEX 0004000100", "< DATA 2 488", "> ACK 2"],
  },
  {
    name: "a repeated last DATA gets the last ACK again while the port dallies",
    of: "RFC 1350 §6",
    script: [
      "> WRQ up-dally octet",
      "< ACK 0",
      "> DATA 1 10",
      "< ACK 1",
      "> DATA 1 10",
      "< ACK 1",
      "> DATA 1 10",
      "< ACK 1",
    ],
  },
  {
    name: "a repeated DATA in the middle is no new block",
    of: "RFC 1350 §2",
    script: [
      "> WRQ up-again octet",
      "< ACK 0",
      "> DATA 1 512",
      "< ACK 1",
      "> DATA 1 512",
      "< ACK 1",
      "> DATA 2 1",
      "< ACK 2",
    ],
  },
  {
    name: "DATA of the future is not taken",
    of: "RFC 1350 §2",
    script: ["> WRQ up-future octet", "< ACK 0", "> DATA 3 512", "> DATA 1 3", "< ACK 1"],
  },
  {
    name: "a block longer than agreed is refused",
    of: "CVE-2019-5436: receive size is the negotiated one",
    script: [
      "> WRQ up-fat octet",
      "< ACK 0",
      "> DATA 1 513",
      "< /^ERROR [04] ./",
      "> DATA 1 512",
      "< nothing",
    ],
  },
  {
    name: "a block longer than the agreed blksize is refused",
    of: "CVE-2019-5482: small blksize",
    script: ["> WRQ up-fat8 octet blksize 8", "< OACK blksize=8", "> DATA 1 512", "< /^ERROR [04] ./"],
  },
  {
    name: "an ACK of the future moves nothing",
    of: "RFC 1350 §2",
    script: ["> RRQ f octet tsize 0", "< OACK tsize=1000", "> ACK 1", "> ACK 77", "> ACK 0", "< DATA 1 512"],
  },
  {
    name: "the same request again before its first answer is known is no second transfer",
    of: "RFC 1350 §4, GRUB repeats",
    script: [
      "> RRQ f octet tsize 0",
      "< OACK tsize=1000",
      "69> RRQ f octet tsize 0",
      "< OACK tsize=1000",
      "> ACK 0",
      "< DATA 1 512",
    ],
  },
  {
    name: "another request from the same port before data moved takes the place of the first",
    of: "boot ROMs reuse ports",
    script: [
      "> RRQ f octet tsize 0",
      "< OACK tsize=1000",
      "69> RRQ tiny octet tsize 0",
      "< OACK tsize=5",
      "> ACK 0",
      "< DATA 1 5",
      "> ACK 1",
    ],
  },
  {
    name: "another request from the same port when all is sent: the last ACK was lost",
    of: "boot ROMs reuse ports",
    script: [
      "> RRQ f octet tsize 0",
      "< OACK tsize=1000",
      "> ACK 0",
      "< DATA 1 512",
      "> ACK 1",
      "< DATA 2 488",
      "< DATA 2 488",
      "69> RRQ tiny octet tsize 0",
      "< OACK tsize=5",
      "> ACK 0",
      "< DATA 1 5",
      "> ACK 1",
    ],
  },
];

const NEGOTIATED: readonly Case[] = [
  {
    name: "options are granted by an OACK, and ACK 0 opens the data",
    of: "RFC 2347",
    script: [
      "> RRQ f octet blksize 600",
      "< OACK blksize=600",
      "> ACK 0",
      "< DATA 1 600",
      "> ACK 1",
      "< DATA 2 400",
      "> ACK 2",
    ],
  },
  {
    name: "a PUT's options are granted by an OACK in place of ACK 0",
    of: "RFC 2347",
    script: [
      "> WRQ up-oack octet blksize 600",
      "< OACK blksize=600",
      "> DATA 1 600",
      "< ACK 1",
      "> DATA 2 0",
      "< ACK 2",
    ],
  },
  {
    name: "no DATA leaves before ACK 0",
    of: "RFC 2347",
    script: ["> RRQ f octet blksize 600", "< OACK blksize=600", "< nothing", "> ACK 0", "< DATA 1 600"],
  },
  {
    name: "ERROR 8 of the client ends the negotiation without an answer",
    of: "RFC 2347",
    script: ["> RRQ f octet blksize 600", "< OACK blksize=600", "> ERROR 8 no", "< nothing"],
  },
  {
    name: "a size probe that ends with ERROR 8 and asks again from the same port is served",
    of: "EDK2",
    script: [
      "> RRQ f octet tsize 0 blksize 1468 windowsize 4",
      "< OACK tsize=1000 blksize=1468 windowsize=4",
      "> ERROR 8 User aborted the transfer",
      "69> RRQ f octet blksize 1468 windowsize 4",
      "< OACK blksize=1468 windowsize=4",
      "> ACK 0",
      "< DATA 1 1000",
      "> ACK 1",
    ],
  },
  {
    name: "unknown options are left out",
    of: "RFC 2347",
    script: ["> RRQ f octet nonsense 1 blksize 600 more x", "< OACK blksize=600"],
  },
  {
    name: "nothing but unknown options is answered with DATA",
    of: "RFC 2347",
    script: ["> RRQ f octet nonsense 1", "< DATA 1 512", "> ACK 1"],
  },
  {
    name: "a PUT with nothing but unknown options is answered with ACK 0",
    of: "RFC 2347",
    script: ["> WRQ up-unknown octet nonsense 1", "< ACK 0", "> DATA 1 1", "< ACK 1"],
  },
  {
    name: "option names match in any case and are answered in lower case, in the order of the request",
    of: "RFC 2347, EDK2",
    script: ["> RRQ f octet WINDOWSIZE 2 TSize 0 BlkSize 600", "< OACK windowsize=2 tsize=1000 blksize=600"],
  },
  {
    name: "blksize is granted from 8 on",
    of: "RFC 2348",
    script: ["> RRQ tiny octet blksize 8", "< OACK blksize=8", "> ACK 0", "< DATA 1 5", "> ACK 1"],
  },
  { name: "blksize 7 is no blksize", of: "RFC 2348", script: ["> RRQ f octet blksize 7", "< DATA 1 512"] },
  { name: "blksize 0 is no blksize", of: "RFC 2348", script: ["> RRQ f octet blksize 0", "< DATA 1 512"] },
  {
    name: "more than the server's blksize is granted as the server's",
    of: "RFC 2348: granted <= asked",
    script: ["> RRQ f octet blksize 65464", "< OACK blksize=1468", "> ACK 0", "< DATA 1 1000"],
  },
  {
    name: "blksize above 65464 is granted smaller",
    of: "RFC 2348",
    script: ["> RRQ f octet blksize 65465", "< OACK blksize=1468"],
  },
  {
    name: "blksize beyond 32 bits is granted smaller",
    of: "integer overflow",
    script: ["> RRQ f octet blksize 4294967808", "< OACK blksize=1468"],
  },
  {
    name: "blksize beyond 64 bits is no blksize",
    of: "integer overflow",
    script: ["> RRQ f octet blksize 18446744073709552128", "< /^(DATA 1 512|OACK blksize=1468)$/"],
  },
  {
    name: "timeout is echoed exactly",
    of: "RFC 2349",
    script: ["> RRQ f octet timeout 1", "< OACK timeout=1"],
  },
  {
    name: "timeout is echoed up to 255",
    of: "RFC 2349",
    script: ["> RRQ f octet timeout 255", "< OACK timeout=255"],
  },
  { name: "timeout 0 is left out", of: "RFC 2349", script: ["> RRQ f octet timeout 0", "< DATA 1 512"] },
  {
    name: "timeout 256 is left out",
    of: "RFC 2349",
    script: ["> RRQ f octet timeout 256 blksize 600", "< OACK blksize=600"],
  },
  {
    name: "timeout in milliseconds is left out",
    of: "npm tftp 0.1.2",
    script: ["> RRQ f octet timeout 3000 tsize 0", "< OACK tsize=1000"],
  },
  {
    name: "utimeout is echoed where it is sane",
    of: "de facto",
    script: ["> RRQ f octet utimeout 500000", "< OACK utimeout=500000"],
  },
  {
    name: "utimeout below 10 ms is left out",
    of: "de facto",
    script: ["> RRQ f octet utimeout 1 tsize 0", "< OACK tsize=1000"],
  },
  {
    name: "tsize is the size of the file",
    of: "RFC 2349",
    script: ["> RRQ big octet tsize 0", "< OACK tsize=2000000"],
  },
  {
    name: "tsize of a GET may come with any number",
    of: "RFC 2349",
    script: ["> RRQ f octet tsize 12345", "< OACK tsize=1000"],
  },
  {
    name: "tsize of a netascii GET is left out: nobody knows the size",
    of: "RFC 2349",
    script: ["> RRQ text netascii tsize 0", "< DATA 1 11", "> ACK 1"],
  },
  {
    name: "tsize of an empty file is 0",
    of: "RFC 2349",
    script: ["> RRQ empty octet tsize 0", "< OACK tsize=0", "> ACK 0", "< DATA 1 0", "> ACK 1"],
  },
  {
    name: "tsize 0 is kept from curl, which it would kill",
    of: "curl",
    script: ["> RRQ empty octet tsize 0 blksize 512 timeout 6", "< OACK blksize=512 timeout=6"],
  },
  {
    name: "a missing file is ERROR 1 whatever options are asked for",
    of: "RFC 2347",
    script: ["> RRQ none octet tsize 0 blksize 1468", "< ERROR 1 File not found"],
  },
  {
    name: "a PUT's tsize is echoed",
    of: "RFC 2349",
    script: ["> WRQ up-tsize octet tsize 5", "< OACK tsize=5", "> DATA 1 5", "< ACK 1"],
  },
  {
    name: "fewer bytes than tsize are no upload",
    of: "reliability 14",
    script: ["> WRQ up-less octet tsize 600", "< OACK tsize=600", "> DATA 1 5", "< /^ERROR [03] ./"],
  },
  {
    name: "more bytes than tsize are ERROR 3",
    of: "reliability 13",
    script: ["> WRQ up-more octet tsize 5", "< OACK tsize=5", "> DATA 1 6", "< /^ERROR 3 ./"],
  },
  {
    name: "a PUT larger than any disk is ERROR 3 at once",
    of: "reliability 13",
    script: ["> WRQ up-huge octet tsize 9007199254740991", "< /^ERROR 3 ./", "< nothing"],
  },
  {
    name: "a PUT larger than 64 bits is ERROR 3 at once",
    of: "reliability 13",
    script: ["> WRQ up-huge2 octet tsize 9999999999999999999", "< /^ERROR 3 ./", "< nothing"],
  },
  {
    name: "rollover is echoed for 0 and 1",
    of: "de facto",
    script: ["> RRQ f octet rollover 1", "< OACK rollover=1"],
  },
  { name: "rollover 2 is left out", of: "de facto", script: ["> RRQ f octet rollover 2", "< DATA 1 512"] },
  {
    name: "multicast is not known here",
    of: "RFC 2090",
    script: ["> RRQ f octet multicast '' blksize 600", "< OACK blksize=600"],
  },
  {
    name: "msftwindow is never answered",
    of: "Windows boot manager",
    script: [
      "> RRQ f octet tsize 0 blksize 1456 windowsize 4 msftwindow 31416",
      "< OACK tsize=1000 blksize=1456 windowsize=4",
    ],
  },
];

const WINDOWS: readonly Case[] = [
  {
    name: "exactly windowsize blocks leave, then the server waits",
    of: "RFC 7440 §4",
    script: [
      "> RRQ long octet windowsize 3 timeout 5",
      "< OACK windowsize=3 timeout=5",
      "> ACK 0",
      "< DATA 1 512",
      "< DATA 2 512",
      "< DATA 3 512",
      "> ACK 3",
      "< DATA 4 512",
      "< DATA 5 512",
      "< DATA 6 512",
    ],
  },
  {
    name: "an ACK inside the window goes on behind it",
    of: "RFC 7440 §4",
    script: [
      "> RRQ long octet windowsize 3",
      "< OACK windowsize=3",
      "> ACK 0",
      "< DATA 1 512",
      "< DATA 2 512",
      "< DATA 3 512",
      "> ACK 1",
      "< DATA 2 512",
      "< DATA 3 512",
      "< DATA 4 512",
    ],
  },
  {
    name: "windowsize is never more than asked, and at most the server's",
    of: "RFC 7440 §3",
    script: ["> RRQ long octet windowsize 65535", "< OACK windowsize=4"],
  },
  {
    name: "windowsize 0 is left out",
    of: "RFC 7440 §3",
    script: ["> RRQ f octet windowsize 0", "< DATA 1 512"],
  },
  {
    name: "windowsize 65536 is left out",
    of: "RFC 7440 §3",
    script: ["> RRQ f octet windowsize 65536", "< DATA 1 512"],
  },
  {
    name: "a window of an upload gets one ACK, its last block",
    of: "RFC 7440 §4",
    script: [
      "> WRQ up-window octet windowsize 3",
      "< OACK windowsize=3",
      "> DATA 1 512",
      "> DATA 2 512",
      "> DATA 3 512",
      "< ACK 3",
      "> DATA 4 1",
      "< ACK 4",
    ],
  },
  {
    name: "a gap in an upload is answered with the last block in order",
    of: "RFC 7440 §4",
    script: [
      "> WRQ up-gap octet windowsize 4",
      "< OACK windowsize=4",
      "> DATA 1 512",
      "> DATA 3 512",
      "< ACK 1",
      "> DATA 2 512",
      "> DATA 3 512",
      "> DATA 4 512",
      "> DATA 5 512",
      "< /^ACK [45]$/",
    ],
  },
  {
    name: "blocks of an upload that overtake each other come in order",
    of: "RFC 7440 §4",
    script: [
      "> WRQ up-overtaken octet windowsize 4",
      "< OACK windowsize=4",
      "> DATA 2 512",
      "< ACK 0",
      "> DATA 1 512",
      "> DATA 3 512",
      "> DATA 4 512",
      "< ACK 4",
      "> DATA 5 0",
      "< ACK 5",
    ],
  },
];

runCases("plain transfers", PLAIN, subject);
runCases("options", NEGOTIATED, subject);
runCases("windows", WINDOWS, subject);
