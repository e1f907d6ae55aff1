import type { Client } from '../../client/client.ts';
import { exportContainer } from '../../client/container-files.ts';
import { createContainer, removeContainer } from '../../client/containers.ts';
import { isNotFound } from '../../client/errors.ts';
import { imageLayerChanges, imageLayers } from '../../client/image-contents.ts';
import { readTar } from '../../oci/tar/archive.ts';
import { toText } from '../../oci/tar/entry.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';

/** Calls `use` with a tar of all files of an image. */
export async function withImageFiles(
  client: Client,
  image: string,
  use: (archive: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const paths = await pathsOf(client, image);
  // It is never started, so what it would run does not matter; images of files alone do not say.
  const { Id } = await createContainer(client, {
    Image: image,
    Cmd: ['/'],
    Entrypoint: [],
    NetworkDisabled: true,
  });
  try {
    const archive = await exportContainer(client, Id);
    await use(paths === undefined ? archive : only(paths, archive));
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

/** Without what is not in `paths`. */
async function* only(
  paths: ReadonlySet<string>,
  archive: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const { entry, body } of readTar(archive)) {
    if (entry.type === 'note' || !paths.has(cleaned(toText(entry.name)))) continue;
    yield formatTarHeader(entry);
    yield* body();
    yield tarPadding(entry.type === 'file' ? entry.size : 0);
  }
  yield tarEnd;
}

function cleaned(path: string): string {
  return path.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '');
}
