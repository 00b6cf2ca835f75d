// Writes the manual page ntftp(1) out of what `ntftp --help` is made of: the table of options and the texts around it.
//
//   node tools/man-page.mjs      after tsc; part of `npm run build`. Writes dist/man/ntftp.1
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { GET_TEXT, MAIN_TEXT, PUT_TEXT, URI_TEXT, USAGES } = require("../dist/src/cli/help.js");
const { optionGroups } = require("../dist/src/cli/option-row.js");
const { optionRows } = require("../dist/src/cli/option-table.js");
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** Text as troff prints it unchanged: what it takes for commands and typography is escaped. */
const plain = (text) =>
  text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("^", "\\(ha");
/** A line must not begin with what makes it a request. */
const line = (text) => plain(text).replace(/^\./, "\\&.");

/** `<word>`, `[word]` and `-o` as a manual page shows them: placeholders in italics. */
const usage = (text) =>
  plain(text)
    .replaceAll(/<([^>]+)>/g, "\\fI$1\\fR")
    .replaceAll("ROOT", "\\fIROOT\\fR");

/** Paragraphs; lines that begin with a dollar sign are examples, with what they do behind two spaces. */
function paragraphs(text) {
  return text
    .trim()
    .split(/\n{2,}/)
    .flatMap((part, index) => {
      const lines = part.split("\n");
      if (!lines.some((one) => one.startsWith("  $ "))) {
        return [...(index === 0 ? [] : [".PP"]), ...lines.map(line)];
      }
      return lines.slice(1).flatMap((one) => {
        const [command, meaning] = one.slice(4).split(/ {2,}/);
        return meaning === undefined
          ? [".PP", `.B ${line(command)}`]
          : [".TP", `.B ${line(command)}`, line(meaning)];
      });
    });
}

/** The parts of the text behind the options, by their kinds. */
function partsOf(text) {
  const parts = text.trim().split(/\n{2,}/);
  const isExample = (part) => /^Examples?:\n/.test(part);
  const isStatus = (part) => part.startsWith("Exit status: ");
  return {
    prose: parts.filter((part) => !isExample(part) && !isStatus(part)).join("\n\n"),
    examples: parts.filter(isExample).join("\n\n"),
    status: parts.filter(isStatus).join("").replace("Exit status: ", ""),
  };
}

function option({ name, short, placeholder, isValueOptional, isRepeatable, kind, help, default: preset }) {
  const value =
    placeholder === undefined
      ? ""
      : isValueOptional
        ? `[\\fI${plain(placeholder)}\\fR]`
        : `\\fI${plain(placeholder)}\\fR`;
  const long = `\\fB\\-\\-${plain(name)}\\fR${value === "" ? "" : isValueOptional ? value.replace("[", "[=") : `=${value}`}`;
  const head = short === undefined ? long : `\\fB\\-${short}\\fR${value === "" ? "" : ` ${value}`}, ${long}`;
  // A text that begins with a value keeps its case.
  const isValue = Array.isArray(kind.completion) && kind.completion.includes(help.split(/[ ,]/)[0]);
  const sentence = isValue ? help : `${help[0].toUpperCase()}${help.slice(1)}`;
  const more = isRepeatable ? " May be given more than once." : "";
  return [".TP", head, line(`${sentence}.${more}${preset === undefined ? "" : ` Default: ${preset}`}`)];
}

const main = partsOf(MAIN_TEXT);
const get = partsOf(GET_TEXT);
const put = partsOf(PUT_TEXT);
const page = [
  `.\\" Made by tools/man-page.mjs from src/cli; don't edit it.`,
  `.TH NTFTP 1 "" "ntftp ${version}" "User Commands"`,
  ".SH NAME",
  "ntftp \\- TFTP client and server",
  ".SH SYNOPSIS",
  ...USAGES.flatMap((text, index) => [...(index === 0 ? [] : [".br"]), `.B ntftp\n${usage(text)}`]),
  ".SH DESCRIPTION",
  ...paragraphs(main.prose),
  ".SS get",
  ...paragraphs(`${get.prose}\n\n${URI_TEXT}`),
  ".SS put",
  ...paragraphs(put.prose),
  ...optionGroups.flatMap((group, index) => [
    index === 0 ? ".SH OPTIONS" : `.SS ${plain(group)}`,
    ...(index === 0 ? ["They are options of get and put too, but for \\fB\\-\\-version\\fR."] : []),
    ...optionRows.filter((row) => row.group === group).flatMap(option),
    ...(index === 0 ? [".TP", "\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "Print a summary."] : []),
  ]),
  ".SH EXIT STATUS",
  line(main.status.replaceAll("\n", " ")),
  ".SH EXAMPLES",
  ...[main, get, put].flatMap(({ examples }) => paragraphs(examples)),
  ".SH ENVIRONMENT",
  ".TP",
  ".B NTFTP_WORKERS",
  "Threads of the server, where \\fB\\-\\-workers\\fR is not given.",
  ".TP",
  ".B NTFTP_NATIVE",
  "0 turns the native addon off: datagrams are moved by Node alone.",
  ".SH FILES",
  ".TP",
  ".I ~/.local/state/ntftp/history",
  "Lines typed in the shell; below \\fBXDG_STATE_HOME\\fR if that is set.",
  ".SH SEE ALSO",
  "RFC 1350, RFC 2347, RFC 2348, RFC 2349, RFC 3617, RFC 7440",
];
mkdirSync(new URL("../dist/man/", import.meta.url), { recursive: true });
writeFileSync(new URL("../dist/man/ntftp.1", import.meta.url), `${page.join("\n")}\n`);
