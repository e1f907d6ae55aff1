import type { Context } from '../../base/context.ts';
import { conflict, invalid } from '../../base/errors.ts';
import { toText } from '../../oci/tar/entry.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { FileTree } from '../file-tree.ts';
import { followLinks } from '../files/follow-links.ts';
import { headersOf } from '../files/headers-of.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What directories are like that are made on the way. */
export interface MadeDirectories extends Owner {
  readonly mode: number;
  readonly seconds: number;
}

export type Kind = 'directory' | 'other';

/** Paths asked for one by one before all that is below is asked for at once. */
const ASKED_SINGLY = 100;

/**
 * The filesystem that a layer is made for, as it will be with what the layer has so far. A layer on top of nothing known (`below` undefined)
 * has all its directories itself. Paths are real ones: no link on the way.
 */
export class Destination {
  readonly #context: Context;
  readonly #below: FileTree | undefined;
  readonly #written = new Map<string, Kind>();
  readonly #made: MadeDirectories;
  /** Directories that are not there below. */
  readonly #new = new Set<string>();
  #top = '/';
  #asked = 0;
  /** All that is below `#top`. */
  #listed: ReadonlyMap<string, Kind> | undefined;

  constructor(context: Context, below: FileTree | undefined, made: MadeDirectories) {
    this.#context = context;
    this.#below = below;
    this.#made = made;
  }

  /** Where a path leads. */
  async resolve(path: string): Promise<string> {
    return this.#below === undefined ? path : followLinks(this.#context, this.#below, path);
  }

  /** What is about to be asked for is below this directory. */
  within(directory: string): void {
    this.#top = directory;
    this.#asked = 0;
    this.#listed = undefined;
  }

  /** What is there; links are not followed. */
  kindOf(path: string): Kind | undefined | Promise<Kind | undefined> {
    if (path === '/') return 'directory';
    const written = this.#written.get(path);
    if (written !== undefined || this.#below === undefined || this.#new.has(parentOf(path))) return written;
    return this.#listed === undefined ? this.#ask(this.#below, path) : this.#listed.get(path);
  }

  /** `was`: what was there before. */
  wrote(path: string, kind: Kind, was: Kind | undefined): void {
    this.#written.set(path, kind);
    if (kind === 'directory' && was !== 'directory') this.#new.add(path);
  }

  /**
   * The headers that a layer needs for a directory with its parents: new ones, and those that are there with their own attributes, which a
   * layer would hide else. Fails with `conflict` where something else is in the way.
   */
  async directories(path: string, owner: Owner = this.#made): Promise<TarHeader[]> {
    const headers: TarHeader[] = [];
    if (!this.#written.has('/')) headers.push(...(await this.#root()));
    const names = path.split('/').filter((name) => name !== '');
    for (let count = 1; count <= names.length; count++) {
      const directory = `/${names.slice(0, count).join('/')}`;
      const written = this.#written.get(directory);
      if (written === undefined) headers.push(await this.#directory(directory, owner));
      else if (written !== 'directory') throw notDirectory(directory);
    }
    return headers;
  }

  /** The attributes of a directory that is there. */
  async existing(path: string): Promise<TarHeader | undefined> {
    if (this.#below === undefined) return undefined;
    const entry = await this.#below.stat(this.#context, path);
    if (entry === undefined) return undefined;
    if (entry.header.type !== 'directory') throw notDirectory(path);
    for await (const header of headersOf(this.#context, this.#below, path)) return { ...header, name: path };
    return undefined;
  }

  async #directory(path: string, { uid, gid }: Owner): Promise<TarHeader> {
    const { mode, seconds } = this.#made;
    const own: TarHeader = { type: 'directory', name: path, mode, uid, gid, seconds };
    const existing = this.#new.has(parentOf(path)) ? undefined : await this.existing(path);
    this.wrote(path, 'directory', existing && 'directory');
    return existing ?? own;
  }

  /** A layer that does not mention its root makes it root's, 0755. */
  async #root(): Promise<TarHeader[]> {
    this.#written.set('/', 'directory');
    const root = await this.existing('/');
    if (root === undefined) return [];
    const isUsual = root.mode === 0o755 && root.uid === 0 && root.gid === 0 && (root.xattrs?.size ?? 0) === 0;
    return isUsual ? [] : [root];
  }

  async #ask(below: FileTree, path: string): Promise<Kind | undefined> {
    if (this.#asked++ === ASKED_SINGLY) {
      this.#listed = await this.#list(below);
      return this.#listed.get(path);
    }
    return kind((await below.stat(this.#context, path))?.header.type);
  }

  async #list(below: FileTree): Promise<ReadonlyMap<string, Kind>> {
    const kinds = new Map<string, Kind>();
    const prefix = this.#top === '/' ? '/' : `${this.#top}/`;
    for await (const { type, name } of headersOf(this.#context, below, this.#top)) {
      const found = kind(type);
      if (found !== undefined) kinds.set(prefix + name, found);
    }
    return kinds;
  }
}

function kind(type: TarHeader['type'] | undefined): Kind | undefined {
  if (type === undefined) return undefined;
  return type === 'directory' ? 'directory' : 'other';
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function notDirectory(path: string): Error {
  return conflict(`mkdir ${toText(path)}: not a directory`);
}

/** What the layer format keeps for itself cannot be a file's name. */
export function checkName(path: string): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name.startsWith('.wh.')) {
    throw invalid(`${JSON.stringify(toText(path))}: names that begin with ".wh." cannot be part of an image`);
  }
}
