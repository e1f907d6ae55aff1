import type { Context } from '../../base/context.ts';
import { invalid, notFound, SampanError } from '../../base/errors.ts';
import type { Builder, BuildRequest } from '../../build/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import { BytesMessage } from '../protobuf/session-messages.ts';
import { openDirectory, readTexts } from '../session/directories.ts';
import type { ClientSession } from '../sessions.ts';
import type { BuildProgress } from './build-progress.ts';
import type { FrontendOptions, FrontendSources } from './frontend-options.ts';

/** What a build is made of: open as long as the build runs. */
export type BuildFiles = Pick<
  BuildRequest,
  'dockerfile' | 'filename' | 'context' | 'namedContexts' | 'contextSource'
>;

/** The image that another build made, or remote files. */
export type NamedInput = { readonly image: Digest } | { readonly url: string };

export interface SourceParts {
  readonly builder: Builder;
  readonly session: ClientSession;
  /** The session that a directory is asked for, by its name: several builds may share one. */
  readonly sessionOf: (name: string) => Promise<ClientSession>;
  /** What the client hands over as a definition. Fails with `unimplemented` where it is something else. */
  readonly inputOf: (name: string) => NamedInput;
  /** The image that "STORE[:tag]@digest" names in a layout of the client's, here as long as the build runs. */
  readonly layoutImage: (place: string) => Promise<Digest>;
  readonly progress: BuildProgress;
}

const IMAGE = 'docker-image://';
const LOCAL = 'local:';
const INPUT = 'input:';
const LAYOUT = 'oci-layout://';
const IGNORE_FILE = '.dockerignore';
/** Of a client's own: what it was given on its standard input. */
const UPLOADED = 'http://buildkit-session/';
const PULL = '/moby.upload.v1.Upload/Pull';

/** Brings everything here that is built from with these options. Its files go with `stack`. */
export async function openSources(
  context: Context,
  parts: SourceParts,
  { sources, options }: { readonly sources: FrontendSources; readonly options: FrontendOptions },
  stack: DisposableStack,
): Promise<BuildFiles> {
  const namedContexts: Record<string, BuildRequest['namedContexts'][string]> = {};
  for (const [name, place] of Object.entries(sources.named)) {
    namedContexts[name] = await openNamed(context, parts, name, place, stack);
  }
  const main =
    sources.remote === undefined
      ? await openLocal(context, parts, { sources, options, namedContexts }, stack)
      : await openRemote(context, parts, sources.remote, sources, stack);
  return { ...main, namedContexts };
}

/** Only the Dockerfile, for whoever asks about it. */
export async function readDockerfile(
  context: Context,
  { sessionOf, progress }: SourceParts,
  { filename, dockerfileName }: FrontendSources,
): Promise<{ readonly text: string; readonly ignoreFile: Uint8Array | undefined }> {
  const own = `${filename}${IGNORE_FILE}`;
  const name = `[internal] load build definition from ${filename}`;
  const files = await progress.step(name, async (tell) => {
    const includes = [filename, own, filename.toLowerCase()];
    const wish = { name: dockerfileName, includes, excludes: [], follows: [] };
    const session = await sessionOf(dockerfileName);
    const found = await readTexts(context, session, wish, (bytes) => tell('transferring dockerfile:', bytes));
    if (found.has(filename) || (filename === 'Dockerfile' && found.has('dockerfile'))) return found;
    throw notFound(`failed to read dockerfile: open ${filename}: no such file or directory`);
  });
  const bytes = files.get(filename) ?? files.get(filename.toLowerCase());
  const text = Buffer.from(bytes ?? []).toString();
  if (text.trim() === '') throw invalid(`the Dockerfile cannot be empty`);
  return { text, ignoreFile: files.get(own) };
}

interface LocalBuild extends Pick<BuildFiles, 'namedContexts'> {
  readonly sources: FrontendSources;
  readonly options: FrontendOptions;
}

async function openLocal(
  context: Context,
  parts: SourceParts,
  local: LocalBuild,
  stack: DisposableStack,
): Promise<Omit<BuildFiles, 'namedContexts'>> {
  const { sources } = local;
  const { filename, contextName } = sources;
  const { text, ignoreFile } = await readDockerfile(context, parts, sources);
  const excludes = patternsOf(ignoreFile ?? (await readIgnoreFile(context, parts, contextName)));
  const tree = await openClientTree(
    context,
    parts,
    {
      ...{ name: contextName, excludes, what: 'build context' },
      follows: await neededPaths(context, parts.builder, local, text),
    },
    stack,
  );
  return { dockerfile: text, filename, context: tree };
}

/** What alone is asked for; nothing where that is everything, or cannot be said as clients match paths. */
async function neededPaths(
  context: Context,
  builder: Builder,
  { options, namedContexts }: LocalBuild,
  dockerfile: string,
): Promise<readonly string[]> {
  const named = Object.entries(namedContexts).map(([name, tree]) => [
    name,
    'image' in tree ? tree : undefined,
  ]);
  const request = {
    ...options,
    dockerfile,
    namedContexts: Object.fromEntries(named),
    style: 'buildkit',
  } as const;
  const paths = await builder.contextPaths(context, request);
  if (paths === undefined || paths.some((path) => /\*\*|\\/.test(path))) return [];
  // The linter looks at it.
  return [...paths, IGNORE_FILE];
}

function readIgnoreFile(
  context: Context,
  { sessionOf, progress }: SourceParts,
  name: string,
): Promise<Uint8Array | undefined> {
  return progress.step(`[internal] load ${IGNORE_FILE}`, async (tell) => {
    const wish = { name, includes: [IGNORE_FILE], excludes: [], follows: [] };
    const session = await sessionOf(name);
    const found = await readTexts(context, session, wish, (bytes) => tell('transferring context:', bytes));
    return found.get(IGNORE_FILE);
  });
}

interface ClientTree {
  readonly name: string;
  readonly excludes: readonly string[];
  readonly follows?: readonly string[];
  /** "build context" */
  readonly what: string;
}

function openClientTree(
  context: Context,
  { sessionOf, progress, builder }: SourceParts,
  { name, excludes, what, follows = [] }: ClientTree,
  stack: DisposableStack,
): Promise<BuildRequest['context']> {
  return progress.step(`[internal] load ${what}`, async (tell) => {
    const wish = { name, includes: [], excludes, follows };
    const session = await sessionOf(name);
    const told = (bytes: number): void => tell('transferring context:', bytes);
    return stack.use(await openDirectory(context, builder, session, wish, told)).tree;
  });
}

async function openRemote(
  context: Context,
  parts: SourceParts,
  url: string,
  { filename }: FrontendSources,
  stack: DisposableStack,
): Promise<Omit<BuildFiles, 'namedContexts'>> {
  const { builder, session, progress } = parts;
  return await progress.step(`[internal] load remote build context`, async () => {
    const source = url.startsWith(UPLOADED)
      ? ({ kind: 'tar', tar: uploaded(session, new URL(url), context.signal) } as const)
      : ({ kind: 'remote', url } as const);
    const opened = stack.use(await builder.openContext(context, source, filename));
    const { dockerfile, filename: found, tree, source: contextSource } = opened;
    return { dockerfile, filename: found, context: tree, contextSource };
  });
}

async function openNamed(
  context: Context,
  parts: SourceParts,
  name: string,
  place: string,
  stack: DisposableStack,
): Promise<BuildRequest['namedContexts'][string]> {
  if (place.startsWith(IMAGE)) return { image: place.slice(IMAGE.length) };
  if (place.startsWith(LAYOUT)) return { image: await parts.layoutImage(place.slice(LAYOUT.length)) };
  if (place.startsWith(INPUT)) {
    const input = parts.inputOf(place.slice(INPUT.length));
    return 'image' in input ? input : await openNamed(context, parts, name, input.url, stack);
  }
  if (place.startsWith(LOCAL)) {
    const local = place.slice(LOCAL.length);
    const excludes = patternsOf(await readIgnoreFile(context, parts, local));
    return await openClientTree(context, parts, { name: local, excludes, what: `context ${name}` }, stack);
  }
  if (/^(?:https?|git|ssh):\/\//.test(place) || place.startsWith('git@')) {
    return stack.use(await parts.builder.openTree(context, { kind: 'remote', url: place })).tree;
  }
  throw new SampanError(
    'unimplemented',
    `the context ${JSON.stringify(name)} is ${JSON.stringify(place)}, which is not supported`,
  );
}

async function* uploaded(
  { client }: ClientSession,
  { pathname, host }: URL,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  using call = client.open(PULL, { urlpath: pathname, urlhost: host }, signal);
  call.end();
  for await (const message of call.answers) yield BytesMessage.decode(message).data;
}

/** The lines that are patterns, as the client takes them. */
function patternsOf(file: Uint8Array | undefined): readonly string[] {
  const lines = Buffer.from(file ?? [])
    .toString()
    .replace(/^\ufeff/, '')
    .split('\n');
  return lines.filter((line) => !line.startsWith('#')).flatMap((line) => patternOf(line.trim()) ?? []);
}

/** The client's patterns are clean and relative. */
function patternOf(line: string): string | undefined {
  const [, not = '', text = ''] = /^(!?)\s*(.*)$/.exec(line) ?? [];
  const clean = text
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  return clean === '' ? undefined : `${not}${clean}`;
}
