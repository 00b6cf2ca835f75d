/** The samples of a page of metrics, by name with labels as they stand there. */
export interface Samples {
  /** @throws Error when there is no such sample */
  value(name: string): number;
  readonly names: readonly string[];
}

export function parseMetrics(text: string): Samples {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const end = line.lastIndexOf(" ");
    values.set(line.slice(0, end), Number(line.slice(end + 1)));
  }
  return {
    names: [...values.keys()],
    value: (name) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`no sample ${name}`);
      return value;
    },
  };
}
