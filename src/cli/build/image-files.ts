import type { Client } from '../../client/client.ts';
import { exportContainer } from '../../client/container-files.ts';
import { createContainer, removeContainer } from '../../client/containers.ts';
import { isNotFound } from '../../client/errors.ts';
import { imageLayerChanges, imageLayers } from '../../client/image-contents.ts';
import { readTar } from '../../oci/tar/archive.ts';
import { toText } from '../../oci/tar/entry.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import type { BuildOutcome } from './build-outcome.ts';
import { statementFiles } from './statement-files.ts';

/**
 * A tar of all files of what was built, with what is said about it. Each platform's are in a folder of their own where there are several;
 * `split` says otherwise.
 */
export async function* imageFiles(
  { client, outcome }: { readonly client: Client; readonly outcome: BuildOutcome },
  split = outcome.images.length > 1,
): AsyncGenerator<Uint8Array, void, void> {
  for (const { id, platform } of outcome.images) {
    const folder = split ? `${platform.replaceAll('/', '_')}/` : '';
    if (folder !== '') yield formatTarHeader({ type: 'directory', name: folder, mode: 0o755 });
    yield* filesOf(client, id, folder);
    for (const [name, bytes] of statementFiles(outcome.statements, platform)) {
      yield formatTarHeader({ type: 'file', name: folder + name, mode: 0o644, size: bytes.length });
      yield bytes;
      yield tarPadding(bytes.length);
    }
  }
  yield tarEnd;
}

/** Members of a tar, without its end. */
async function* filesOf(
  client: Client,
  image: string,
  folder: string,
): AsyncGenerator<Uint8Array, void, void> {
  const paths = await pathsOf(client, image);
  // It is never started, so what it would run does not matter; images of files alone do not say.
  const { Id } = await createContainer(client, {
    Image: image,
    Cmd: ['/'],
    Entrypoint: [],
    NetworkDisabled: true,
  });
  try {
    yield* members(await exportContainer(client, Id), paths, folder);
  } finally {
    await removeContainer(client, Id, { force: true, volumes: true });
  }
}

/** The image's paths, without those that are made for containers; undefined from a daemon that does not tell. */
async function pathsOf(client: Client, image: string): Promise<ReadonlySet<string> | undefined> {
  const paths = new Set<string>();
  try {
    for (const { DiffId } of await imageLayers(client, image)) {
      for await (const { Kind, Path } of await imageLayerChanges(client, image, DiffId)) {
        const path = cleaned(Path);
        if (Kind === 'removed') removeBelow(paths, path);
        else paths.add(path);
      }
    }
  } catch (reason) {
    if (isNotFound(reason)) return undefined;
    throw reason;
  }
  return paths;
}

function removeBelow(paths: Set<string>, removed: string): void {
  for (const path of paths) if (path === removed || path.startsWith(`${removed}/`)) paths.delete(path);
}

/** Those that are in `paths`, in the folder. */
async function* members(
  archive: AsyncIterable<Uint8Array>,
  paths: ReadonlySet<string> | undefined,
  folder: string,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const { entry, body } of readTar(archive)) {
    const path = cleaned(entry.name);
    if (entry.type === 'note' || path === '' || paths?.has(cleaned(toText(entry.name))) === false) continue;
    const linkName = entry.type === 'hardlink' ? folder + cleaned(entry.linkName) : entry.linkName;
    yield formatTarHeader({ ...entry, name: folder + entry.name.replace(/^(?:\.?\/)+/, ''), linkName });
    yield* body();
    yield tarPadding(entry.type === 'file' ? entry.size : 0);
  }
}

function cleaned(path: string): string {
  return path.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '');
}
