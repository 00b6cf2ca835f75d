/** Something about each of the names below roots that were set most recently: clients choose names, so there is a limit. */
export class RecentNames<T> {
  readonly #namesMax: number;
  /** The name that was set least recently comes first. */
  readonly #values = new Map<string, T>();

  constructor(namesMax: number) {
    this.#namesMax = namesMax;
  }

  get(root: string, path: string): T | undefined {
    return this.#values.get(nameKey(root, path));
  }

  set(root: string, path: string, value: T): void {
    const key = nameKey(root, path);
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#namesMax) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }

  clear(): void {
    this.#values.clear();
  }
}

/** One key for a name below a root. */
export function nameKey(root: string, path: string): string {
  return `${root}\0${path}`;
}
