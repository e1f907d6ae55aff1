import { invalid, isCode } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { Archive } from './archive.ts';
import {
  type ArchivedContents,
  type ArchivedImage,
  type ArchivedIndex,
  assembleImage,
} from './archived-image.ts';
import { isTextList } from './config.ts';
import { Layout } from './oci-layout.ts';

/** Images that one archive may have. */
const MAX_IMAGES = 4_096;

/**
 * The images of a docker-save archive, by its manifest.json. One that is an OCI layout too may have the images' manifests as well, and the
 * indexes that their names stand for.
 */
export function readDockerArchive(
  archive: Archive,
  list: unknown,
  platform: Platform | undefined,
): ArchivedContents {
  if (list === null) throw invalid('invalid manifest, manifest cannot be null (but can be [])');
  if (!Array.isArray(list)) throw invalid('invalid manifest.json: not a list');
  if (list.length > MAX_IMAGES) throw invalid(`invalid manifest.json: more than ${MAX_IMAGES} images`);
  const images = list.map((item) => readItem(archive, item));
  const byId = new Map(images.map((image) => [image.id, image]));
  const { layout, indexes } = readLayout(archive, platform);
  const own = images.map((image) => ({
    ...image,
    references: image.references.filter((name) => !indexes.some((index) => isNameOf(index, image.id, name))),
    parent: checkedParent(image, byId),
    manifest: layout?.manifestOf(image.id),
  }));
  const isIndexed = ({ id }: ArchivedImage): boolean =>
    indexes.some((index) => index.images.some((one) => one.id === id));
  return { images: own.filter((image) => image.references.length > 0 || !isIndexed(image)), indexes };
}

/** Whether a name of an image is one of an index that has it. */
function isNameOf({ images, references }: ArchivedIndex, id: Digest, name: string): boolean {
  return (
    images.some((image) => image.id === id) &&
    references.some((other) => normalised(other) === normalised(name))
  );
}

function normalised(name: string): string {
  return formatReference(withDefaultTag(parseReference(name)));
}

function readItem(archive: Archive, item: unknown): ArchivedImage {
  if (!isJsonObject(item) || typeof item['Config'] !== 'string' || !isTextList(item['Layers'] ?? [])) {
    throw invalid('invalid manifest.json: an entry lacks Config or Layers');
  }
  const references = item['RepoTags'] ?? [];
  if (!isTextList(references)) throw invalid('invalid manifest.json: RepoTags must be a list of strings');
  const parent = typeof item['Parent'] === 'string' && isDigest(item['Parent']) ? item['Parent'] : undefined;
  const image = assembleImage(archive, item['Config'], (item['Layers'] ?? []) as string[]);
  return { ...image, references, parent, manifest: undefined };
}

/** A layout that is not in order is no layout: dockerd writes an index of nothing for images without names. */
function readLayout(
  archive: Archive,
  platform: Platform | undefined,
): { readonly layout: Layout | undefined; readonly indexes: readonly ArchivedIndex[] } {
  try {
    const layout = new Layout(archive, archive.json('index.json'));
    layout.readManifests();
    return { layout, indexes: layout.indexes(platform) };
  } catch (error) {
    if (isCode(error, 'invalid-argument')) return { layout: undefined, indexes: [] };
    throw error;
  }
}

/** The parent, when it is in the archive as well. Fails when it cannot be one. */
function checkedParent(image: ArchivedImage, images: ReadonlyMap<Digest, ArchivedImage>): Digest | undefined {
  const parent = image.parent === undefined ? undefined : images.get(image.parent);
  if (parent === undefined || parent.id === image.id) return undefined;
  const [steps, below] = [image.config.history ?? [], parent.config.history ?? []];
  const isOneStep = steps.length === 0 ? below.length === 0 : steps.length === below.length + 1;
  const isSame = JSON.stringify(steps.slice(0, below.length)) === JSON.stringify(below);
  if (isOneStep && isSame) return parent.id;
  throw invalid(`image ${parent.id} is not a valid parent for ${image.id}`);
}
