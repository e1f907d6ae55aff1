import { type FilesystemChange, PATH_STAT_HEADER, PathStat } from '../wire/archive-types.ts';
import type { ContainerConfig } from '../wire/container-config.ts';
import type { Client } from './client.ts';
import { ProtocolError } from './errors.ts';
import { escapePath } from './query.ts';

const at = (id: string, rest: string): string => `/containers/${escapePath(id)}${rest}`;

/** What is at a path of a container; a link is not followed. Throws ApiError 404 when nothing is there. */
export async function statContainerPath(client: Client, id: string, path: string): Promise<PathStat> {
  const { headers, body } = await client.request('HEAD', at(id, '/archive'), { query: { path } });
  for await (const _ of body);
  return decodeStat(headers);
}

/** A tar of what is at a path of a container, its members named from the path's last component on. */
export async function readContainerPath(
  client: Client,
  id: string,
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly stat: PathStat; readonly tar: AsyncIterable<Uint8Array> }> {
  const { headers, body } = await client.request('GET', at(id, '/archive'), { query: { path }, signal });
  return { stat: decodeStat(headers), tar: body };
}

function decodeStat(headers: ReadonlyMap<string, string>): PathStat {
  try {
    const bytes = Uint8Array.from(atob(headers.get(PATH_STAT_HEADER.toLowerCase()) ?? ''), (one) =>
      one.charCodeAt(0),
    );
    return PathStat.decode(JSON.parse(new TextDecoder().decode(bytes)), '');
  } catch (cause) {
    throw new ProtocolError(
      `the daemon did not say what is at the path: ${PATH_STAT_HEADER} cannot be read`,
      { cause },
    );
  }
}

export interface WritePathOptions {
  /** A directory does not replace another kind of file, nor the reverse. */
  readonly noOverwriteDirNonDir?: boolean | undefined;
  /** Owners as in the tar instead of the container's user. */
  readonly copyOwners?: boolean | undefined;
}

/** Unpacks a tar (plain, gzip or zstd) into a directory of a container. */
export function writeContainerPath(
  client: Client,
  id: string,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  options: WritePathOptions = {},
): Promise<void> {
  const { noOverwriteDirNonDir, copyOwners } = options;
  return client.send('PUT', at(id, '/archive'), {
    query: {
      path,
      noOverwriteDirNonDir: noOverwriteDirNonDir ? 'true' : undefined,
      copyUIDGID: copyOwners ? 'true' : undefined,
    },
    headers: { 'Content-Type': 'application/x-tar' },
    body: tar,
  });
}

/** A tar of the whole root filesystem. */
export async function exportContainer(
  client: Client,
  id: string,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await client.request('GET', at(id, '/export'), { signal });
  return body;
}

/** What differs from the image, sorted by path. */
export async function containerChanges(client: Client, id: string): Promise<FilesystemChange[]> {
  return (await client.json<FilesystemChange[] | null>('GET', at(id, '/changes'))) ?? [];
}

export interface CommitOptions {
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[] | undefined;
  /** Whether the container stands still meanwhile; true by default. */
  readonly pause?: boolean | undefined;
  /** Instead of the container's own. */
  readonly config?: Partial<ContainerConfig> | undefined;
}

/** Makes an image of a container. Returns its ID. */
export async function commitContainer(
  client: Client,
  id: string,
  options: CommitOptions = {},
): Promise<string> {
  const { repository, tag, author, comment, changes, pause, config } = options;
  const { Id } = await client.json<{ readonly Id: string }>('POST', '/commit', {
    query: {
      container: id,
      repo: repository,
      tag,
      author,
      comment,
      changes,
      pause: pause === false ? '0' : undefined,
    },
    json: config,
  });
  return Id;
}
