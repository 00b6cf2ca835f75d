/** Something about each of the keys that were set most recently: clients choose them, so there is a limit. */
export class RecentKeys<T> {
  readonly #keysMax: number;
  /** The key that was set least recently comes first. */
  readonly #values = new Map<string, T>();

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: T): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#keysMax) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
  }
}

/** One key for a name below a root. */
export function nameKey(root: string, path: string): string {
  return `${root}\0${path}`;
}
