import { parameterPattern, type Route } from '../wire/route.ts';

export interface Match<Name> {
  readonly name: Name;
  /** What stands for the `{name}` or `{id}` of the path, decoded; empty for a path without. */
  readonly parameter: string;
  /** What stands for its `{digest}`, likewise. */
  readonly digest: string;
}

interface Pattern<Name> {
  readonly name: Name;
  /** What follows the last parameter. */
  readonly suffix: string;
  readonly pattern: RegExp;
}

/**
 * Finds routes by method and decoded path. A path's `{name}` takes slashes too, since images are named "host:5000/a/b:tag", so of several
 * that fit, the one with the longest suffix wins, and one without parameters before all.
 */
export class Router<Name extends string> {
  readonly #exact = new Map<string, Name>();
  /** By method and first part of the path; longest suffix first. */
  readonly #patterns = new Map<string, Pattern<Name>[]>();

  constructor(table: Readonly<Record<Name, Route>>) {
    for (const name of Object.keys(table) as Name[]) this.#add(name, table[name]);
    for (const patterns of this.#patterns.values()) {
      patterns.sort((left, right) => right.suffix.length - left.suffix.length);
    }
  }

  find(method: string, path: string): Match<Name> | undefined {
    const exact = this.#exact.get(`${method} ${path}`);
    if (exact !== undefined) return { name: exact, parameter: '', digest: '' };
    for (const { name, suffix, pattern } of this.#patterns.get(`${method} ${firstPart(path)}`) ?? []) {
      const groups = path.endsWith(suffix) ? pattern.exec(path)?.groups : undefined;
      if (groups !== undefined)
        return { name, parameter: groups['name'] ?? '', digest: groups['digest'] ?? '' };
    }
    return undefined;
  }

  #add(name: Name, { method, path }: Route): void {
    const pattern = parameterPattern(path);
    if (pattern === undefined) {
      this.#exact.set(`${method} ${path}`, name);
      return;
    }
    const key = `${method} ${firstPart(path)}`;
    const patterns = this.#patterns.get(key) ?? [];
    patterns.push({ name, suffix: path.slice(path.lastIndexOf('}') + 1), pattern });
    this.#patterns.set(key, patterns);
  }
}

/** "containers" of "/containers/a/json". */
export function firstPart(path: string): string {
  const end = path.indexOf('/', 1);
  return end === -1 ? path.slice(1) : path.slice(1, end);
}
