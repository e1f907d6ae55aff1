import { conflict, notFound } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { Volume } from './contract.ts';
import { LOCAL, type LocalDriver } from './local/local-driver.ts';
import type { VolumeRows } from './rows.ts';

export interface TableParts {
  readonly rows: VolumeRows;
  readonly local: LocalDriver;
  readonly events: EventSink | undefined;
  /** IDs of the containers that have a volume. */
  readonly usersOf: (name: string) => readonly string[];
}

/** All volumes that are known, in memory and in the database; changes are told as events. */
export class VolumeTable {
  readonly #parts: TableParts;
  readonly #byName = new Map<string, Volume>();
  /** How many are about to have a volume. */
  readonly #reserved = new Map<string, number>();

  constructor(parts: TableParts) {
    this.#parts = parts;
    finishRenames(parts);
    for (const volume of parts.rows.load()) this.#byName.set(volume.name, this.#placed(volume));
  }

  find(name: string): Volume | undefined {
    return this.#byName.get(name);
  }

  get(name: string): Volume {
    const volume = this.#byName.get(name);
    if (volume === undefined) throw notFound(`get ${name}: no such volume`);
    return volume;
  }

  list(): Volume[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  add(volume: Volume): void {
    this.#parts.rows.insert(volume, volume.driver === LOCAL ? '' : volume.mountpoint);
    this.#byName.set(volume.name, volume);
  }

  delete(volume: Volume): void {
    this.#byName.delete(volume.name);
    this.#parts.rows.delete(volume.name);
  }

  /** Of a local volume, its data too. */
  rename(volume: Volume, newName: string): Volume {
    const { rows, local } = this.#parts;
    const renamed = this.#placed({ ...volume, name: newName, anonymous: false });
    rows.beginRename(volume.name, newName);
    local.rename(volume.name, newName);
    rows.rename(volume.name, newName);
    this.#byName.delete(volume.name);
    this.#byName.set(newName, renamed);
    return renamed;
  }

  reserve(name: string): Disposable {
    this.get(name);
    this.#reserved.set(name, (this.#reserved.get(name) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#reserved.get(name) ?? 1) - 1;
        if (left > 0) this.#reserved.set(name, left);
        else this.#reserved.delete(name);
      },
    };
  }

  /** Fails with `conflict` in Docker's words while a container has it, or is about to. */
  checkUnused(verb: string, name: string): void {
    const users = this.#parts.usersOf(name);
    if (users.length > 0) throw conflict(`${verb} ${name}: volume is in use - [${users.join(', ')}]`);
    if (this.#reserved.has(name)) throw conflict(`${verb} ${name}: volume is in use`);
  }

  isUsed(name: string): boolean {
    return this.#parts.usersOf(name).length > 0 || this.#reserved.has(name);
  }

  publish(action: string, { name, driver }: Volume): void {
    this.#parts.events?.publish({ type: 'volume', action, id: name, attributes: { driver } });
  }

  publishPrune(bytes: number): void {
    const attributes = { reclaimed: String(bytes) };
    this.#parts.events?.publish({ type: 'volume', action: 'prune', id: '', attributes });
  }

  #placed(volume: Volume): Volume {
    if (volume.driver !== LOCAL) return volume;
    return { ...volume, mountpoint: this.#parts.local.directory(volume.name) };
  }
}

/** What a killed daemon was renaming has the name that its data have. */
function finishRenames({ rows, local }: TableParts): void {
  for (const { name, newName } of rows.begunRenames()) {
    if (!local.has(name) && local.has(newName)) rows.rename(name, newName);
    else rows.endRename(name);
  }
}
