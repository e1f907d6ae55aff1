import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../base/context.ts';
import { invalid, isCode, notFound } from '../../base/errors.ts';
import { digestOf, hexOf } from '../../oci/digest.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { GitOperation } from '../definition/vertex.ts';
import { followLinks } from '../files/follow-links.ts';
import { packDirectory } from '../files/pack-directory.ts';
import type { PackedTree } from '../files/packed-tree.ts';
import { type GitOptions, git } from './git-command.ts';
import { checkGitOperation, withoutUser } from './git-url.ts';
import type { KeptSources, NewSource } from './kept-sources.ts';
import { KeptTrees } from './kept-trees.ts';

export interface CheckoutOptions {
  readonly directory: string;
  readonly maxBytes?: number;
  readonly agent: string | undefined;
  /** A token for the repository's host. */
  readonly token: string | undefined;
  readonly onOutput?: (bytes: Uint8Array) => void;
}

const MAX_BYTES = 2 ** 36;
const fullCommit = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** The files of a commit. */
export interface Checkout {
  readonly tree: PackedTree;
  readonly commit: string;
}

/** Repositories' trees. They are kept by their commits: for them a repository is only asked what its branches are. */
export class Checkouts {
  readonly #kept: KeptTrees;

  constructor(kept: KeptSources) {
    this.#kept = new KeptTrees(kept);
  }

  /**
   * The files of a commit with its submodules, or of a directory in it: root's, of the commit's time, without ".git" unless that is wanted.
   * Fails with `invalid-argument` on what is no such repository, commit or directory, and with git's words.
   */
  async get(context: Context, operation: GitOperation, options: CheckoutOptions): Promise<Checkout> {
    checkGitOperation(operation);
    const work = await mkdtemp(join(options.directory, 'git-'));
    try {
      return await this.#get(context, operation, options, work);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  async #get(
    context: Context,
    operation: GitOperation,
    options: CheckoutOptions,
    work: string,
  ): Promise<Checkout> {
    const gitOwn = await gitOptions(operation, options, work);
    const repository = new Repository(context, { ...operation, url: withoutUser(operation.url) }, gitOwn);
    const commit = await repository.commit();
    checkCommit(commit, operation.checksum);
    const source = sourceOf(operation, commit);
    const kept = await this.#kept.get(context, source.id, options.directory);
    const tree = kept ?? (await repository.checkOut(commit, options));
    if (kept === undefined) await this.#kept.add(context, source, tree);
    return { tree: await subdirectory(context, tree, operation.subdirectory), commit };
  }
}

/** Whoever asks with another password asks for another repository. */
function sourceOf({ url, keepGitDirectory }: GitOperation, commit: string): NewSource {
  const key = JSON.stringify(['git', url, commit, keepGitDirectory]);
  return {
    ...{ id: hexOf(digestOf(key)), type: 'source.git.checkout', facts: {} },
    description: `git snapshot for ${withoutUser(url)}#${commit}`,
  };
}

/** One repository that is fetched from. */
class Repository {
  readonly #context: Context;
  readonly #operation: GitOperation;
  readonly #options: GitOptions;

  constructor(context: Context, operation: GitOperation, options: GitOptions) {
    this.#context = context;
    this.#operation = operation;
    this.#options = options;
  }

  /** The commit that is meant: an annotated tag is the commit that it names. */
  async commit(): Promise<string> {
    const { url, ref } = this.#operation;
    if (fullCommit.test(ref)) return ref;
    const listed = await this.#git('ls-remote', '--', url, ...(ref === '' ? ['HEAD'] : [ref, `${ref}^{}`]));
    const found = new Map(
      listed
        .split('\n')
        .map((line): [string, string] => [line.split('\t')[1] ?? '', line.split('\t')[0] ?? '']),
    );
    const names = ref === '' ? ['HEAD'] : namesOf(ref);
    const commit = names
      .map((name) => found.get(name))
      .find((each) => each !== undefined && fullCommit.test(each));
    if (commit !== undefined) return commit;
    if (/^[0-9a-f]{7,}$/.test(ref)) return this.#commitOfPrefix(ref);
    throw notFound(`repository does not contain ref ${ref || 'HEAD'}`);
  }

  async checkOut(commit: string, options: CheckoutOptions): Promise<PackedTree> {
    await this.#fetch(commit);
    await this.#git('checkout', '--quiet', '--force', '--detach', commit);
    const { directory } = this.#options;
    if (existsSync(join(directory, '.gitmodules'))) {
      await this.#git('submodule', 'update', '--init', '--recursive', '--depth=1');
    }
    const time = await this.#git('show', '--no-patch', '--format=%ct', commit);
    const { keepGitDirectory } = this.#operation;
    return packDirectory(this.#context, directory, {
      ...{
        directory: options.directory,
        seconds: Number(time.trim()),
        maxBytes: options.maxBytes ?? MAX_BYTES,
      },
      skips: (name) => name === '.git' && !keepGitDirectory,
    });
  }

  /** Alone if the server allows it, else with all branches and tags. */
  async #fetch(commit: string): Promise<void> {
    await this.#init();
    const { url } = this.#operation;
    try {
      await this.#git('fetch', '--quiet', '--depth=1', '--no-tags', '--', url, commit);
    } catch (error) {
      if (!isCode(error, 'unavailable')) throw error;
      await this.#git(
        'fetch',
        '--quiet',
        '--',
        url,
        '+refs/heads/*:refs/remotes/origin/*',
        '+refs/tags/*:refs/tags/*',
      );
    }
  }

  async #commitOfPrefix(prefix: string): Promise<string> {
    await this.#init();
    await this.#git('fetch', '--quiet', '--', this.#operation.url, '+refs/heads/*:refs/remotes/origin/*');
    return (await this.#git('rev-parse', '--verify', '--end-of-options', `${prefix}^{commit}`)).trim();
  }

  async #init(): Promise<void> {
    if (existsSync(join(this.#options.directory, '.git'))) return;
    await this.#git('init', '--quiet');
    // What relative addresses of submodules begin at.
    await this.#git('remote', 'add', '--', 'origin', this.#operation.url);
  }

  #git(...args: readonly string[]): Promise<string> {
    return git(this.#context, args, this.#options);
  }
}

/** Docker's order: the name as it is, then tags, then branches. */
function namesOf(ref: string): string[] {
  return [ref, `refs/tags/${ref}`, `refs/heads/${ref}`].flatMap((name) => [`${name}^{}`, name]);
}

function checkCommit(commit: string, checksum: string): void {
  if (checksum !== '' && !commit.startsWith(checksum)) {
    throw invalid(`expected checksum to match ${checksum}, got ${commit}`);
  }
}

async function gitOptions(
  { url }: GitOperation,
  { agent, token, onOutput }: CheckoutOptions,
  work: string,
): Promise<GitOptions> {
  const [home, directory] = [join(work, 'home'), join(work, 'tree')];
  await Promise.all([mkdir(home), mkdir(directory)]);
  const header = headerFor(url, token);
  return { home, directory, agent, header, ...(onOutput === undefined ? {} : { onOutput }) };
}

/** What proves to a web server who we are: in no URL, so that it is in no file of a repository. */
function headerFor(text: string, token: string | undefined): GitOptions['header'] {
  const url = /^https?:/.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return undefined;
  const own =
    url.username === ''
      ? undefined
      : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const credentials = own ?? (token === undefined ? undefined : `x-access-token:${token}`);
  if (credentials === undefined) return undefined;
  return {
    url: `${url.origin}/`,
    value: `Authorization: basic ${Buffer.from(credentials).toString('base64')}`,
  };
}

/** Links are followed, but inside the checkout alone: they are looked up in the tree, not on this host. */
async function subdirectory(context: Context, tree: PackedTree, path: string): Promise<PackedTree> {
  if (path === '') return tree;
  const found = tree.below(await followLinks(context, tree, fromText(`/${path}`)));
  if (found === undefined)
    throw notFound(`invalid subdirectory ${JSON.stringify(path)}: not a directory of the repository`);
  return found;
}
