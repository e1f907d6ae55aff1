import type {
  History,
  ImageDelete,
  ImageInspect,
  ImagePruneResponse,
  ImageSummary,
} from '../wire/image-types.ts';
import type { TypeOf } from '../wire/schema.ts';
import type { Client } from './client.ts';
import type { Filters } from './containers.ts';
import { escapePath } from './query.ts';

const at = (name: string, rest = ''): string => `/images/${escapePath(name)}${rest}`;

/** A platform as the API takes it in a query: JSON in OCI's form. */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
}

export interface ImageListOptions {
  readonly all?: boolean | undefined;
  readonly filters?: Filters | undefined;
  readonly manifests?: boolean | undefined;
  readonly sharedSize?: boolean | undefined;
}

export function listImages(client: Client, options: ImageListOptions = {}): Promise<ImageSummary[]> {
  const { sharedSize, ...rest } = options;
  return client.json('GET', '/images/json', { query: { ...rest, 'shared-size': sharedSize } });
}

export function inspectImage(client: Client, name: string): Promise<ImageInspect> {
  return client.json('GET', at(name, '/json'));
}

/** The answer's text, for those who show it as it came. */
export function inspectImageText(client: Client, name: string, platform?: Platform): Promise<string> {
  return client.text('GET', at(name, '/json'), { query: { platform: platform && { ...platform } } });
}

export function imageHistory(
  client: Client,
  name: string,
  platform?: Platform,
): Promise<TypeOf<typeof History>[]> {
  return client.json('GET', at(name, '/history'), { query: { platform: platform && { ...platform } } });
}

export function tagImage(client: Client, name: string, repository: string, tag: string): Promise<void> {
  return client.send('POST', at(name, '/tag'), { query: { repo: repository, tag } });
}

export interface ImageRemoveOptions {
  readonly force?: boolean | undefined;
  readonly noPrune?: boolean | undefined;
  readonly platforms?: readonly Platform[] | undefined;
}

export function removeImage(
  client: Client,
  name: string,
  options: ImageRemoveOptions = {},
): Promise<TypeOf<typeof ImageDelete>[]> {
  const platforms = options.platforms?.map((platform) => JSON.stringify(platform));
  return client.json('DELETE', at(name), {
    query: { force: options.force, noprune: options.noPrune, platforms },
  });
}

/** Without filters, images that have no name. */
export function pruneImages(client: Client, filters?: Filters): Promise<ImagePruneResponse> {
  return client.json('POST', '/images/prune', { query: { filters } });
}

/** Loads an archive; the answer is a stream of progress messages. */
export async function loadImages(
  client: Client,
  archive: AsyncIterable<Uint8Array>,
  options: { readonly quiet: boolean; readonly platforms?: readonly Platform[] | undefined },
): Promise<{ readonly isJson: boolean; readonly body: AsyncIterable<Uint8Array> }> {
  const platform = options.platforms?.map((one) => JSON.stringify(one));
  const { headers, body } = await client.request('POST', '/images/load', {
    query: { quiet: options.quiet ? '1' : '0', platform },
    headers: { 'Content-Type': 'application/x-tar' },
    body: archive,
  });
  return { isJson: headers.get('content-type') === 'application/json', body };
}

export interface ImportOptions {
  /** A URL that the daemon fetches; without it `archive` is sent. */
  readonly source: string;
  readonly reference?: string | undefined;
  readonly message?: string | undefined;
  readonly changes?: readonly string[] | undefined;
  readonly platform?: string | undefined;
}

export async function importImage(
  client: Client,
  options: ImportOptions,
  archive?: AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await client.request('POST', '/images/create', {
    query: {
      fromSrc: options.source,
      repo: options.reference,
      message: options.message,
      changes: options.changes,
      platform: options.platform?.toLowerCase(),
    },
    headers: { 'Content-Type': 'text/plain' },
    body: archive,
  });
  return body;
}

export interface PullOptions {
  /** Tag or digest; without it every tag. */
  readonly tag?: string | undefined;
  readonly platform?: string | undefined;
  /** Base64url of the registry's credentials as JSON. */
  readonly auth?: string | undefined;
}

export async function pullImage(
  client: Client,
  name: string,
  options: PullOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await client.request('POST', '/images/create', {
    query: { fromImage: name, tag: options.tag, platform: options.platform?.toLowerCase() },
    ...(options.auth === undefined ? {} : { headers: { 'X-Registry-Auth': options.auth } }),
  });
  return body;
}

export interface PushOptions {
  /** Without it all tags of the repository. */
  readonly tag?: string | undefined;
  readonly platform?: Platform | undefined;
  /** What is pushed instead, without a tag: an image's ID or an index's digest. */
  readonly source?: string | undefined;
  /** Base64url of the registry's credentials as JSON. */
  readonly auth: string;
}

/** Pushes `name`, which has no tag of its own; the answer is a stream of progress messages. */
export async function pushImage(
  client: Client,
  name: string,
  options: PushOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const { tag, platform, auth, source } = options;
  const { body } = await client.request('POST', at(name, '/push'), {
    query: { tag, source, platform: platform && { ...platform } },
    headers: { 'X-Registry-Auth': auth },
  });
  return body;
}

/** One archive with all of the images. */
export async function saveImages(
  client: Client,
  names: readonly string[],
  platforms?: readonly Platform[],
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const platform = platforms?.map((one) => JSON.stringify(one));
  const { body } = await client.request('GET', '/images/get', { query: { names, platform }, signal });
  return body;
}
