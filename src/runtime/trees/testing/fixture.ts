import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fixture } from '../../../../native/test/fixture.ts';
import { background } from '../../../base/context.ts';
import type { TarHeader } from '../../../oci/tar/writer.ts';
import type { Tree, TreePart, TreeReadOptions, Trees } from '../contract.ts';
import { createTrees } from '../trees.ts';

export const context = background();

export const everything: TreeReadOptions = {
  data: true,
  xattrs: ['user.', 'security.capability'],
  crossMounts: true,
};

/** A launcher and the trees that it opens; disposing checks that no sanitizer complained and that nothing is left mounted. */
export class TreesFixture implements AsyncDisposable {
  readonly #fixture: Fixture;
  readonly trees: Trees;
  /** An empty directory. */
  readonly root: string;

  private constructor(fixture: Fixture) {
    this.#fixture = fixture;
    this.trees = createTrees(fixture.launcher);
    this.root = fixture.path('tree');
    mkdirSync(this.root);
  }

  static async open(binary: string): Promise<TreesFixture> {
    return new TreesFixture(await Fixture.open(binary));
  }

  /** A path of the host: beside the tree, not in it. */
  path(...names: string[]): string {
    return this.#fixture.path(...names);
  }

  inside(...names: string[]): string {
    return join(this.root, ...names);
  }

  get busybox(): string {
    return this.#fixture.root;
  }

  get socket(): string {
    return this.#fixture.launcher.socket;
  }

  tree(path: string = this.root): Promise<Tree> {
    return this.trees.open(context, { kind: 'directory', path });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#fixture[Symbol.asyncDispose]();
  }
}

export interface Member {
  readonly header: TarHeader;
  readonly data: Buffer;
}

/** Headers with their whole data. */
export async function collect(parts: AsyncIterable<TreePart>): Promise<Member[]> {
  const members: { header: TarHeader; chunks: Uint8Array[] }[] = [];
  for await (const part of parts) {
    if (part instanceof Uint8Array) members.at(-1)?.chunks.push(part);
    else members.push({ header: part, chunks: [] });
  }
  return members.map(({ header, chunks }) => ({ header, data: Buffer.concat(chunks) }));
}

/** All of a tree by name. */
export async function contents(
  tree: Tree,
  path = '/',
  options: TreeReadOptions = everything,
): Promise<Map<string, Member>> {
  const members = await collect(tree.read(context, path, options));
  return new Map(members.map((member) => [member.header.name, member]));
}

export async function* partsOf(...parts: readonly TreePart[]): AsyncGenerator<TreePart, void, void> {
  yield* parts;
}

/** A file's header and its data. */
export function file(name: string, text = '', header: Partial<TarHeader> = {}): TreePart[] {
  const data = Buffer.from(text);
  const parts: TreePart[] = [{ mode: 0o644, ...header, type: 'file', name, size: data.length }];
  return data.length === 0 ? parts : [...parts, data];
}

/** The error that a promise is meant to be rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error,
  );
}
