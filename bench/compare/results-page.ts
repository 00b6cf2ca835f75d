/** Replaces what stands between the markers of this name in a page. @throws Error when the page has none */
export function replaceBetweenMarkers(page: string, name: string, content: string): string {
  const begin = `<!-- ${name}: written by npm run bench:compare -->`;
  const end = `<!-- end of ${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no '${begin}' with '${end}' behind it`);
  return `${page.slice(0, from)}${begin}\n\n${content.trim()}\n\n${page.slice(to)}`;
}
