import { invalid } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import type { Archive } from './archive.ts';
import { type ArchivedImage, assembleImage } from './archived-image.ts';
import { isTextList } from './config.ts';
import { Layout } from './oci-layout.ts';

/** The images of a docker-save archive, by its manifest.json. One that is an OCI layout too may have the images' manifests as well. */
export function readDockerArchive(archive: Archive, list: unknown): ArchivedImage[] {
  if (list === null) throw invalid('invalid manifest, manifest cannot be null (but can be [])');
  if (!Array.isArray(list)) throw invalid('invalid manifest.json: not a list');
  const index = archive.json('index.json');
  const layout = index === undefined ? undefined : new Layout(archive, index);
  const images = list.map((item) => readItem(archive, item, layout));
  return images.map((image) => ({ ...image, parent: checkedParent(image, images) }));
}

function readItem(archive: Archive, item: unknown, layout: Layout | undefined): ArchivedImage {
  if (!isJsonObject(item) || typeof item['Config'] !== 'string' || !isTextList(item['Layers'] ?? [])) {
    throw invalid('invalid manifest.json: an entry lacks Config or Layers');
  }
  const references = item['RepoTags'] ?? [];
  if (!isTextList(references)) throw invalid('invalid manifest.json: RepoTags must be a list of strings');
  const parent = typeof item['Parent'] === 'string' && isDigest(item['Parent']) ? item['Parent'] : undefined;
  const image = assembleImage(archive, item['Config'], (item['Layers'] ?? []) as string[]);
  return { ...image, references, parent, manifest: layout?.manifestOf(image.id) };
}

/** The parent, when it is in the archive as well. Fails when it cannot be one. */
function checkedParent(image: ArchivedImage, images: readonly ArchivedImage[]): Digest | undefined {
  const parent = images.find(({ id }) => id === image.parent && id !== image.id);
  if (parent === undefined) return undefined;
  const [steps, below] = [image.config.history ?? [], parent.config.history ?? []];
  const isOneStep = steps.length === 0 ? below.length === 0 : steps.length === below.length + 1;
  const isSame = JSON.stringify(steps.slice(0, below.length)) === JSON.stringify(below);
  if (isOneStep && isSame) return parent.id;
  throw invalid(`image ${parent.id} is not a valid parent for ${image.id}`);
}
