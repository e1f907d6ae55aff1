import type { Digest } from '../../oci/digest.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import { EntryHash } from './entry-hash.ts';

/** A directory whose entries come. */
interface Level {
  /** Of the names of what is in it. */
  readonly prefix: string;
  readonly name: string;
  readonly header: TarHeader;
  /** Of what is in it, directories left out. */
  readonly own: EntryHash;
  readonly directories: DirectoryPart[];
}

/** A directory in another one. */
export type DirectoryPart = readonly [name: string, header: TarHeader, digest: Digest];

/**
 * The digest of an object and all below it, of what `EntryHash` counts: a directory's follows from those of its directories, so that who knows
 * some of them need not look into those.
 */
export class TreeHash {
  readonly #levels: Level[] = [levelOf('', '', { type: 'directory', name: '.' })];
  #top: readonly [TarHeader, Digest | undefined] | undefined;

  /** In the order of `FileTree.list`; "." is the object itself. */
  add(name: string, header: TarHeader, content: Digest | undefined): void {
    if (name === '.') {
      this.#top = [header, content];
      return;
    }
    let level = this.#levels.at(-1);
    while (level !== undefined && !name.startsWith(level.prefix)) level = this.#close(level);
    const own = name.slice(level?.prefix.length);
    if (header.type === 'directory') this.#levels.push(levelOf(`${name}/`, own, header));
    else level?.own.add(own, header, content);
  }

  finish(): Digest {
    const [root] = this.#levels;
    for (let level = this.#levels.at(-1); level !== undefined && level !== root; ) level = this.#close(level);
    const [header, content] = this.#top ?? [undefined, undefined];
    if (root === undefined || (header !== undefined && header.type !== 'directory'))
      return digestOfTop(header, content);
    return digestOfTop(header, digestOfDirectory(root.own.finish(), root.directories));
  }

  #close({ name, header, own, directories }: Level): Level | undefined {
    this.#levels.pop();
    const above = this.#levels.at(-1);
    above?.directories.push([name, header, digestOfDirectory(own.finish(), directories)]);
    return above;
  }
}

/** `own`: of what is in it that is no directory. */
export function digestOfDirectory(own: Digest, directories: Iterable<DirectoryPart>): Digest {
  const hash = new EntryHash();
  hash.add('.', { type: 'directory', name: '.' }, own);
  for (const [name, header, digest] of directories) hash.add(name, header, digest);
  return hash.finish();
}

/** Of an object that is copied by itself, whose own attributes count. */
export function digestOfTop(header: TarHeader | undefined, content: Digest | undefined): Digest {
  const hash = new EntryHash();
  hash.add('.', header ?? { type: 'directory', name: '.' }, content);
  return hash.finish();
}

function levelOf(prefix: string, name: string, header: TarHeader): Level {
  return { prefix, name, header, own: new EntryHash(), directories: [] };
}
