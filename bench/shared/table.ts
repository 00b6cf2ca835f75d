/** A table in Markdown; the first row is its head. */
export function formatTable([head = [], ...body]: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
