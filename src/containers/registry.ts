import { invalid, notFound } from '../base/errors.ts';
import { generateName, nameInUse } from './names.ts';
import type { Entry } from './record.ts';

/** The working set: containers by ID and by name. A name may be held for a container that is still being made. */
export class Registry {
  readonly #entries = new Map<string, Entry>();
  /** Name to ID. */
  readonly #names = new Map<string, string>();

  /** Newest first, as Docker lists them. */
  list(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) =>
      a.container.createdNano < b.container.createdNano ? 1 : -1,
    );
  }

  /** In no order. */
  all(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Full ID, then name with or without "/", then unique ID prefix. Fails in Docker's words. */
  get(reference: string): Entry {
    const entry = this.find(reference);
    if (entry === undefined) throw notFound(`No such container: ${reference}`);
    return entry;
  }

  /** Fails with `invalid-argument` when the reference is ambiguous. */
  find(reference: string): Entry | undefined {
    const exact = this.#entries.get(reference) ?? this.#byName(reference);
    if (exact !== undefined) return exact;
    if (!/^[0-9a-f]{1,63}$/.test(reference)) return undefined;
    let found: Entry | undefined;
    for (const [id, entry] of this.#entries) {
      if (!id.startsWith(reference)) continue;
      if (found !== undefined) throw invalid(`multiple IDs found with provided prefix: ${reference}`);
      found = entry;
    }
    return found;
  }

  /** Holds a name (a made-up one when empty) for a container to come. Fails with `conflict`. */
  reserve(name: string, id: string): string {
    if (name === '') {
      const made = generateName((candidate) => this.#names.has(candidate));
      this.#names.set(made, id);
      return made;
    }
    const holder = this.#names.get(name);
    if (holder !== undefined) throw nameInUse(name, holder);
    this.#names.set(name, id);
    return name;
  }

  release(name: string): void {
    this.#names.delete(name);
  }

  /** Its name must have been reserved. */
  add(entry: Entry): void {
    this.#entries.set(entry.id, entry);
  }

  delete(entry: Entry): void {
    this.#entries.delete(entry.id);
    if (this.#names.get(entry.container.name) === entry.id) this.#names.delete(entry.container.name);
  }

  #byName(reference: string): Entry | undefined {
    const id = this.#names.get(reference.startsWith('/') ? reference.slice(1) : reference);
    return id === undefined ? undefined : this.#entries.get(id);
  }
}
