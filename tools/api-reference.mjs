// Writes docs/api.md, the reference of the library, from the doc comments as API Extractor has collected them.
//
//   node tools/api-reference.mjs MODEL OUTPUT      (see `npm run api`)
import { writeFileSync } from "node:fs";
import { ApiModel } from "@microsoft/api-extractor-model";

const [modelFile, outputFile] = process.argv.slice(2);
const entry = new ApiModel().loadPackage(modelFile).entryPoints[0];

const GROUPS = [
  ["Functions", (item) => item.kind === "Function"],
  ["Classes", (item) => item.kind === "Class"],
  ["Options and values", (item) => item.kind === "Interface" || item.kind === "TypeAlias"],
];

/** A doc comment's node as Markdown. Unknown kinds are an error: nothing is to get lost. */
function render(node) {
  if (node === undefined) return "";
  const children = () => node.getChildNodes().map(render).join("");
  switch (node.kind) {
    case "Section":
    case "Paragraph":
      return node.kind === "Section" ? children().replaceAll(/\n{3,}/g, "\n\n") : `${children()}\n\n`;
    case "PlainText":
      return node.text;
    case "EscapedText":
      return node.decodedText;
    case "SoftBreak":
      return "\n";
    case "CodeSpan":
      return `\`${node.code}\``;
    case "FencedCode":
      return `\`\`\`${node.language}\n${node.code}\`\`\`\n\n`;
    case "LinkTag": {
      const name = node.codeDestination.memberReferences
        .map((part) => part.memberIdentifier.identifier)
        .join(".");
      return `[${name}](#${anchor(name)})`;
    }
    default:
      throw new Error(`a comment holds a ${node.kind}, which this program does not know`);
  }
}

const anchor = (title) =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");
const oneLine = (text) =>
  text
    .trim()
    .replaceAll(/\s*\n\s*/g, " ")
    .replaceAll("|", "\\|");
const signatureOf = (item) =>
  item.excerpt.text
    .replace(/^export (declare )?/, "")
    .replace(/;$/, "")
    .trim();

function prose(item) {
  const { tsdocComment: comment } = item;
  if (comment === undefined) return "";
  const blocks = comment.customBlocks.map(
    (block) =>
      `${block.blockTag.tagName === "@throws" ? "Throws" : block.blockTag.tagName}: ${oneLine(render(block.content))}`,
  );
  const parameters = comment.params.blocks.map(
    (block) => `- \`${block.parameterName}\`: ${oneLine(render(block.content))}`,
  );
  const returns = comment.returnsBlock && `Returns ${oneLine(render(comment.returnsBlock.content))}`;
  return [
    render(comment.summarySection).trim(),
    render(comment.remarksBlock?.content).trim(),
    parameters.join("\n"),
    returns ?? "",
    ...blocks,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** The members of a class or an interface: properties as a table, methods and overloads as code. */
function members(item) {
  const properties = item.members.filter(({ kind }) => /Property/.test(kind));
  const methods = item.members.filter(({ kind }) => /Method/.test(kind));
  const parts = [];
  if (properties.length > 0) {
    const rows = properties.map((member) => {
      const type = member.propertyTypeExcerpt.text.replace(/ \| undefined$/, "");
      return `| \`${member.name}\` | \`${oneLine(type)}\` | ${oneLine(prose(member))} |`;
    });
    parts.push(`| | | |\n| --- | --- | --- |\n${rows.join("\n")}`);
  }
  for (const name of new Set(methods.map((method) => method.name))) {
    const overloads = methods.filter((method) => method.name === name);
    parts.push(`\`\`\`ts\n${overloads.map(signatureOf).join("\n")}\n\`\`\``);
    parts.push(...overloads.map(prose));
  }
  return parts.filter((part) => part !== "").join("\n\n");
}

/** Overloads and merged declarations have one heading. */
function section(name, items) {
  const [first] = items;
  const isType = first.kind === "Class" || first.kind === "Interface";
  const head = isType
    ? items.map((item) => signatureOf(item).replaceAll(/^(abstract )?(class|interface)/g, "$1$2"))[0]
    : items.map(signatureOf).join("\n");
  const parts = [
    `### ${name}`,
    `\`\`\`ts\n${head}\n\`\`\``,
    ...items.map(prose),
    ...(isType ? items.map(members) : []),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

const lines = [
  "# API",
  "",
  "Made from the doc comments by `npm run api`; don't edit it. Examples are in the [README](../README.md#the-library).",
  "",
];
const seen = new Set();
for (const [title, belongs] of GROUPS) {
  lines.push(`## ${title}`, "");
  const items = entry.members.filter(belongs).filter(({ name }) => !seen.has(name));
  for (const name of new Set(items.map((item) => item.name))) {
    seen.add(name);
    lines.push(
      section(
        name,
        entry.members.filter((item) => item.name === name),
      ),
      "",
    );
  }
}
const constants = entry.members.filter(({ kind }) => kind === "Variable");
lines.push(
  "## Error texts",
  "",
  "Given to `abort()`, each travels with its TFTP number.",
  "",
  "| | |",
  "| --- | --- |",
);
for (const constant of constants)
  lines.push(`| \`${constant.name}\` | ${constant.variableTypeExcerpt.text} |`);
const missed = entry.members.filter((item) => !seen.has(item.name) && !constants.includes(item));
if (missed.length > 0)
  throw new Error(`left out: ${missed.map(({ name, kind }) => `${kind} ${name}`).join(", ")}`);
writeFileSync(outputFile, `${lines.join("\n")}\n`);
