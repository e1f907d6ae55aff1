import { posix } from 'node:path';
import type { Context } from '../base/context.ts';
import { internal, invalid } from '../base/errors.ts';
import { withoutCredentials } from '../base/without-credentials.ts';
import { readIgnoreFile } from '../dockerfile/ignore-file.ts';
import type { ImageMaker } from '../images/contract.ts';
import { detectCompression, peek } from '../oci/compression.ts';
import { hexOf } from '../oci/digest.ts';
import { fromText } from '../oci/tar/entry.ts';
import { commitAlgorithm } from './attest/materials.ts';
import type { ComparedContexts } from './compared-contexts.ts';
import type { BuildRequest, ContextSource, OpenBuildContext, OpenTree, RemoteSource } from './contract.ts';
import { makeVertex, type Operation } from './definition/vertex.ts';
import type { FileTree } from './file-tree.ts';
import { readFile } from './files/read-file.ts';
import { openTarTree } from './files/tar-tree.ts';
import { parseGitUrl } from './frontend/remote-sources.ts';
import type { Result } from './solver/result.ts';
import type { Step, StepMakers } from './solver/step.ts';

export interface ContextParts {
  readonly steps: StepMakers;
  readonly maker: Pick<ImageMaker, 'leaseLayers'>;
  readonly compared: ComparedContexts;
  /** Host directory for what is there only while it is used. */
  readonly directory: string;
}

type Style = BuildRequest['style'];

const DEFAULT_NAME = 'Dockerfile';
const IGNORE_FILE = '.dockerignore';
const DOWNLOAD = '/download';
const MAX_FILE = 4 << 20;
/** Where a tar header says that it is one. */
const TAR_MAGIC = 257;

async function openTar(
  context: Context,
  { directory }: ContextParts,
  tar: AsyncIterable<Uint8Array>,
): Promise<OpenTree> {
  const { tree } = await openTarTree(context, tar, { directory, zeroOwners: true });
  return { tree, [Symbol.dispose]: () => tree[Symbol.dispose]() };
}

function openLocal(
  context: Context,
  parts: ContextParts,
  source: Exclude<ContextSource, { kind: 'remote' }>,
): Promise<OpenTree> {
  if (source.kind === 'tar') return openTar(context, parts, source.tar);
  return parts.compared.finish(context, source.id, source.tar);
}

/** Takes in files; a single one from the web that is no archive is all that there is. */
export async function openTree(
  context: Context,
  parts: ContextParts,
  source: ContextSource,
): Promise<OpenTree> {
  if (source.kind !== 'remote') return openLocal(context, parts, source);
  const remote = await openRemote(context, parts, source.url);
  return remote.opened ?? { tree: remote.download, [Symbol.dispose]: () => {} };
}

/** Takes in a context and finds its Dockerfile. Fails with `invalid-argument` in the words of the style. */
export async function openContext(
  context: Context,
  parts: ContextParts,
  source: ContextSource,
  dockerfile: string,
  style: Style,
): Promise<OpenBuildContext> {
  if (source.kind !== 'remote') {
    const opened = await openLocal(context, parts, source);
    return closingOnFailure(opened, () => withDockerfile(context, opened, dockerfile, style));
  }
  const { opened, download, origin } = await openRemote(context, parts, source.url);
  if (opened !== undefined) {
    return closingOnFailure(opened, async () => {
      return { ...(await withDockerfile(context, opened, dockerfile, style)), source: origin };
    });
  }
  const text = await readFile(context, download, DOWNLOAD, MAX_FILE);
  const empty = await openTar(context, parts, emptyTar());
  return { ...empty, dockerfile: text?.toString() ?? '', filename: DEFAULT_NAME, source: origin };
}

type Remote = (
  | { readonly opened: OpenTree; readonly download?: never }
  /** One file that is no archive. */
  | { readonly opened: undefined; readonly download: FileTree }
) & { readonly origin: RemoteSource | undefined };

/** As Docker has it, "github.com/a/b" is a repository. */
function withScheme(url: string): string {
  return url.replace(/^github\.com\/[^#?]*/, (path) => `https://${path.replace(/(\.git)?$/, '.git')}`);
}

/** A checkout, an archive's files, or one file. */
async function openRemote(context: Context, parts: ContextParts, url: string): Promise<Remote> {
  const git = parseGitUrl(withScheme(url));
  if (git !== undefined) {
    const { tree, commit } = await fetched(context, parts, git);
    const origin = commit === undefined ? undefined : originOf(url, commitAlgorithm(commit), commit);
    return { opened: { tree, [Symbol.dispose]: () => {} }, origin };
  }
  if (!/^https?:\/\//.test(url)) {
    throw invalid(`remoteURL (${withoutCredentials(url)}) could not be recognized as URL`);
  }
  const operation = { kind: 'http', url, filename: DOWNLOAD.slice(1), checksum: '' } as const;
  const { tree: download } = await fetched(context, parts, operation);
  const origin = await originOfDownload(context, url, download);
  const { head, rest } = await peek(dataOf(context, download), TAR_MAGIC + 5);
  const isTar = Buffer.from(head).subarray(TAR_MAGIC).toString('latin1').startsWith('ustar');
  if (isTar || detectCompression(head) !== 'none') {
    return { opened: await openTar(context, parts, rest), origin };
  }
  return { opened: undefined, download, origin };
}

function originOf(url: string, algorithm: 'sha1' | 'sha256', hex: string): RemoteSource {
  return { url, checksum: { algorithm, hex } };
}

async function originOfDownload(
  context: Context,
  url: string,
  tree: FileTree,
): Promise<RemoteSource | undefined> {
  for await (const { content } of tree.list(context, DOWNLOAD)) {
    if (content !== undefined) return originOf(url, 'sha256', hexOf(content));
  }
  return undefined;
}

async function* emptyTar(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1024);
}

async function* dataOf(context: Context, tree: FileTree): AsyncGenerator<Uint8Array> {
  for await (const part of tree.read(context, DOWNLOAD, () => true))
    if (part instanceof Uint8Array) yield part;
}

/** What a download or a checkout gives, as it does for ADD. */
async function fetched(
  context: Context,
  parts: ContextParts,
  operation: Extract<Operation, { kind: 'http' | 'git' }>,
): Promise<Pick<Extract<Result, { kind: 'files' }>, 'tree' | 'commit'>> {
  const { steps, maker } = parts;
  using lease = maker.leaseLayers(context);
  using empty = await openTar(context, parts, emptyTar());
  const vertex = makeVertex(operation, [], {
    name: '[internal] load remote build context',
    ignoresCache: false,
  });
  const step: Step = {
    ...{ context, vertex, operation, lease, inputs: [] },
    surroundings: { ...nothing, context: empty.tree },
    tell: { output: () => {}, progress: () => {} },
  };
  const made =
    operation.kind === 'git'
      ? await steps.git.make({ ...step, operation })
      : await steps.http.make({ ...step, operation });
  if (made.kind !== 'files') throw internal('a remote context is no files');
  return made;
}

const nothing: Omit<Step['surroundings'], 'context'> = {
  namedContexts: {},
  secrets: async () => undefined,
  ssh: () => undefined,
  credentials: () => undefined,
  sourceDate: undefined,
  style: 'buildkit',
};

async function closingOnFailure<T>(opened: Disposable, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    opened[Symbol.dispose]();
    throw error;
  }
}

async function withDockerfile(
  context: Context,
  opened: OpenTree,
  dockerfile: string,
  style: Style,
): Promise<OpenBuildContext> {
  const { tree } = opened;
  const asked = dockerfile === '' ? DEFAULT_NAME : dockerfile;
  const found =
    (await dockerfileAt(context, tree, asked)) ??
    (asked === DEFAULT_NAME ? await dockerfileAt(context, tree, asked.toLowerCase()) : undefined);
  if (found === undefined) throw noDockerfile(asked, style);
  if (found.text.trim() === '') {
    const name = style === 'classic' ? ` (${found.path})` : '';
    throw invalid(`the Dockerfile${name} cannot be empty`);
  }
  return {
    tree: await withoutIgnored(context, tree, found.path),
    dockerfile: found.text,
    filename: found.path,
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

function noDockerfile(name: string, style: Style): Error {
  if (style === 'classic') return invalid(`Cannot locate specified Dockerfile: ${name}`);
  return invalid(`failed to read dockerfile: open ${name}: no such file or directory`);
}

async function dockerfileAt(
  context: Context,
  tree: FileTree,
  name: string,
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  const path = posix.resolve('/', name);
  const bytes = await readFile(context, tree, fromText(path), MAX_FILE);
  return bytes === undefined ? undefined : { path: path.slice(1), text: bytes.toString() };
}

/** What clients have to send though the build is not to see it: both files themselves, where `.dockerignore` names them. */
async function withoutIgnored(context: Context, tree: FileTree, dockerfile: string): Promise<FileTree> {
  const text = await readFile(context, tree, `/${IGNORE_FILE}`, MAX_FILE);
  if (text === undefined) return tree;
  const rules = readIgnoreFile(text.toString());
  const ignored = [IGNORE_FILE, dockerfile].filter((path) => rules.ignores(path)).map(fromText);
  return ignored.length === 0 ? tree : (tree.withoutFiles?.(ignored) ?? tree);
}
