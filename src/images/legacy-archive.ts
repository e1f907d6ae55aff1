import { invalid } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { Digest } from '../oci/digest.ts';
import { digestOf } from '../oci/digest.ts';
import type { Archive } from './archive.ts';
import { type ArchivedImage, missing } from './archived-image.ts';
import { parseImageConfig } from './config.ts';

/** Keys of a version 1 configuration that say where it is in the chain, or what dockerd counts itself. */
const droppedKeys = new Set([
  'id',
  'parent',
  'Size',
  'parent_id',
  'layer_id',
  'throwaway',
  'rootfs',
  'history',
]);

/** Twice what Docker could stack then. */
const MAX_CHAIN = 256;

/** Bytes of all configurations together: each image repeats the history of those below it. */
const MAX_CONFIGS = 64 << 20;

const MAX_IMAGES = 4_096;

/**
 * The images of an archive from before Docker 1.10: a directory for each layer's image with its `json` and `layer.tar`, the names in
 * `repositories`. Each becomes an image as dockerd makes it, parents too. Undefined when it is no such archive.
 */
export function readLegacyArchive(archive: Archive): ArchivedImage[] | undefined {
  const repositories = archive.json('repositories');
  const directories = archive.directoriesWith('json');
  if (repositories === undefined && directories.length === 0) return undefined;
  if (directories.length > MAX_IMAGES) throw invalid(`the archive has more than ${MAX_IMAGES} images`);
  const chain = new LegacyChain(archive);
  for (const directory of directories) chain.add(directory);
  const names = namesOf(repositories ?? {});
  for (const oldId of names.keys()) {
    if (!chain.images.has(oldId)) throw invalid(`invalid target ID: ${oldId}`);
  }
  return [...chain.images].map(([oldId, image]) => ({ ...image, references: names.get(oldId) ?? [] }));
}

class LegacyChain {
  readonly #archive: Archive;
  #configBytes = 0;
  /** By their old IDs, parents first. */
  readonly images = new Map<string, ArchivedImage>();

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  /** Adds an image after those that it is made from. */
  add(oldId: string): void {
    const pending: { readonly oldId: string; readonly document: JsonObject }[] = [];
    for (let id = oldId; id !== '' && !this.images.has(id); ) {
      if (pending.length === MAX_CHAIN) throw tooLong(oldId);
      const document = this.#archive.json(`${id}/json`);
      if (!isJsonObject(document)) throw missing(`${id}/json`);
      pending.push({ oldId: id, document });
      id = text(document['parent']);
    }
    for (const { oldId: id, document } of pending.reverse()) this.images.set(id, this.#make(id, document));
  }

  #make(oldId: string, document: JsonObject): ArchivedImage {
    const parent = this.images.get(text(document['parent']));
    const layer = this.#archive.layer(`${oldId}/layer.tar`);
    if (layer === undefined) throw missing(`${oldId}/layer.tar`);
    const diffIds: Digest[] = [...(parent?.config.rootfs.diff_ids ?? []), layer.diffId];
    if (diffIds.length > MAX_CHAIN) throw tooLong(oldId);
    const configBytes = new TextEncoder().encode(
      JSON.stringify({
        ...withoutChain(document),
        history: [...(parent?.config.history ?? []), stepOf(document)],
        rootfs: { type: 'layers', diff_ids: diffIds },
      }),
    );
    this.#configBytes += configBytes.length;
    if (this.#configBytes > MAX_CONFIGS) throw invalid('the configurations of the archive are too large');
    return {
      id: digestOf(configBytes),
      config: parseImageConfig(configBytes),
      configBytes,
      references: [],
      layerSizes: [...(parent?.layerSizes ?? []), layer.size],
      parent: parent?.id,
      manifest: undefined,
    };
  }
}

function tooLong(oldId: string): Error {
  return invalid(`the image ${oldId} has more than ${MAX_CHAIN} layers`);
}

function withoutChain(document: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(document).filter(([key]) => !droppedKeys.has(key)));
}

/** What a version 1 configuration says of its own step, as an entry of the history. */
function stepOf(document: JsonObject): JsonObject {
  const container = document['container_config'];
  const command = isJsonObject(container) && Array.isArray(container['Cmd']) ? container['Cmd'] : [];
  const step = {
    created: text(document['created']),
    created_by: command.filter((word) => typeof word === 'string').join(' '),
    author: text(document['author']),
    comment: text(document['comment']),
  };
  return Object.fromEntries(Object.entries(step).filter(([, value]) => value !== ''));
}

/** References by old ID, of `{"name": {"tag": "old ID"}}`. */
function namesOf(repositories: unknown): Map<string, string[]> {
  const names = new Map<string, string[]>();
  if (!isJsonObject(repositories)) throw invalid('invalid repositories: not an object');
  for (const [name, tags] of Object.entries(repositories)) {
    if (!isJsonObject(tags)) throw invalid('invalid repositories: tags must be an object');
    for (const [tag, oldId] of Object.entries(tags)) {
      if (typeof oldId !== 'string') throw invalid('invalid repositories: an ID must be a string');
      names.set(oldId, [...(names.get(oldId) ?? []), `${name}:${tag}`]);
    }
  }
  return names;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
