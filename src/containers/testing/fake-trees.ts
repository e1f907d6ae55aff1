import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import { notFound } from '../../base/errors.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type {
  Tree,
  TreePart,
  TreeReadOptions,
  TreeSource,
  TreeStat,
  Trees,
  TreeWriteOptions,
} from '../../runtime/trees/contract.ts';
import { isWithin } from '../files/container-path.ts';
import { isHeader } from '../files/tree-parts.ts';

/** A member of a tree that a test makes up: its name is relative to the root. */
export type Member = Partial<TarHeader> & { readonly name: string; readonly text?: string };

/** Trees in memory, one for each kind of source; what is opened and closed is counted. */
export class FakeTrees implements Trees {
  readonly sources: TreeSource[] = [];
  readonly trees: Record<TreeSource['kind'], MemoryTree> = {
    directory: new MemoryTree(),
    mounted: new MemoryTree(),
    process: new MemoryTree(),
  };
  opened = 0;
  /** Runs while a tree is being opened. */
  onOpen: (source: TreeSource) => void | Promise<void> = () => {};

  async open(_context: Context, source: TreeSource): Promise<Tree> {
    this.sources.push(source);
    await this.onOpen(source);
    const tree = this.trees[source.kind];
    this.opened++;
    return {
      stat: (context, path, follow) => tree.stat(context, path, follow),
      read: (context, path, options) => tree.read(context, path, options),
      write: (context, path, parts, options) => tree.write(context, path, parts, options),
      [Symbol.asyncDispose]: async () => {
        this.opened--;
      },
    };
  }
}

export class MemoryTree implements Tree {
  /** By absolute path. */
  readonly members = new Map<string, TarHeader & { readonly data: Buffer }>();
  /** Directories that are on a read-only mount, with all below them. */
  readonly readOnly: string[] = [];
  readonly written: { readonly path: string; readonly options: TreeWriteOptions }[] = [];

  constructor(...members: readonly Member[]) {
    this.add({ name: '.', type: 'directory', mode: 0o755 });
    for (const member of members) this.add(member);
  }

  add({ text = '', ...header }: Member): void {
    const path = posix.resolve('/', header.name);
    const data = Buffer.from(text);
    this.members.set(path, { type: 'file', mode: 0o644, size: data.length, ...header, data });
  }

  async stat(_context: Context, path: string, follow: boolean): Promise<TreeStat | undefined> {
    const place = this.#resolve(path, follow);
    const member = this.members.get(place);
    const header = member?.type === 'hardlink' ? this.members.get(`/${member.linkName}`) : member;
    if (header === undefined || header.type === 'hardlink' || header.type === 'note') return undefined;
    return {
      path: place,
      type: header.type,
      mode: header.mode ?? 0,
      uid: header.uid ?? 0,
      gid: header.gid ?? 0,
      size: header.size ?? 0,
      seconds: header.seconds ?? 0,
      nanoseconds: header.nanoseconds ?? 0,
      linkTarget: header.linkName ?? '',
      readOnly: this.readOnly.some((directory) => isWithin(place, directory)),
    };
  }

  async *read(_context: Context, path: string, options: TreeReadOptions): AsyncGenerator<TreePart> {
    const place = this.#resolve(path, false);
    if (!this.members.has(place)) throw notFound(`${path} is not there`);
    for (const [name, { data, ...header }] of [...this.members].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const relative = posix.relative(place, name);
      if (relative === '..' || relative.startsWith('../')) continue;
      yield { ...header, name: relative || '.' };
      if (options.data && data.length > 0) yield data;
    }
  }

  async write(
    _context: Context,
    path: string,
    parts: AsyncIterable<TreePart>,
    options: TreeWriteOptions,
  ): Promise<void> {
    this.written.push({ path, options });
    let name = '';
    for await (const part of parts) {
      if (isHeader(part)) {
        name = posix.join(path, part.name);
        this.members.set(name, { ...part, data: Buffer.alloc(0) });
        continue;
      }
      const member = this.members.get(name);
      if (member !== undefined)
        this.members.set(name, { ...member, data: Buffer.concat([member.data, part]) });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #resolve(path: string, follow: boolean, links = 40): string {
    let place = '/';
    const names = posix.resolve('/', path).split('/').filter(Boolean);
    for (const [index, name] of names.entries()) {
      const next = posix.join(place, name);
      const member = this.members.get(next);
      const isLast = index === names.length - 1;
      if (member?.type === 'symlink' && (!isLast || follow) && links > 0) {
        const target = posix.resolve(place, member.linkName ?? '');
        return this.#resolve(posix.join(target, ...names.slice(index + 1)), follow, links - 1);
      }
      place = next;
    }
    return place;
  }
}
