import { invalid, notFound } from '../base/errors.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { formatPlatform } from '../oci/platform.ts';
import {
  familiarReference,
  familiarRepository,
  formatReference,
  parseReference,
  type Reference,
  repositoryOf,
} from '../oci/reference.ts';
import type { PushedImage, PushOptions } from './contract.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { IndexRecord } from './index-store.ts';
import type { LayerForms } from './layer-forms.ts';
import { requireImage, requireTarget, type Target } from './resolve.ts';
import { readStoredManifest, type StoredManifest } from './stored-manifest.ts';
import { readWholeIndex, type WholeIndex } from './whole-index.ts';

export interface PushPlanParts {
  readonly store: ImageStore;
  readonly content: ContentStore;
  readonly forms: LayerForms;
}

/** What is to get a tag in the registry: an index whole, or an image. */
export interface PlannedPush {
  /** Empty for none but its digest. */
  readonly tag: string;
  /** The image, or of an index the one that suits this host. */
  readonly image: ImageRecord;
  readonly index: WholeIndex | undefined;
  /** Those that the image may be pushed with, best first. */
  readonly manifests: readonly StoredManifest[];
  readonly insteadOf?: PushedImage['insteadOf'];
}

/**
 * What a reference means to push: one tag, or without one all of the repository's. All of it is held by the lease before anything is sent:
 * what is removed meanwhile stays until the push is over. Fails with `not-found` in dockerd's words.
 */
export async function plannedPushes(
  parts: PushPlanParts,
  reference: Reference,
  { platform, source }: Pick<PushOptions, 'platform' | 'source'>,
  lease: Lease,
): Promise<readonly PlannedPush[]> {
  const { store } = parts;
  if (source !== undefined) {
    const target = requireTarget(store, source, platform);
    const name = { ...reference, tag: undefined };
    return [await planPush(parts, name, { ...target, platform }, lease)];
  }
  const plans: PlannedPush[] = [];
  for (const name of namesToPush(store, reference)) {
    const text = formatReference(name);
    const target = { image: requireImage(store, text, platform), index: store.indexOf(text), platform };
    plans.push(await planPush(parts, name, target, lease));
  }
  return plans;
}

/** A tag, or all of a repository's. */
function namesToPush(store: ImageStore, reference: Reference): Reference[] {
  if (reference.digest !== undefined) throw invalid('cannot push a digest reference');
  const prefix = `${repositoryOf(reference)}`;
  const names = [...store.references()].map(parseReference).filter((name) => repositoryOf(name) === prefix);
  const familiar = familiarRepository(reference);
  if (names.length === 0) throw notFound(`An image does not exist locally with the tag: ${familiar}`);
  if (reference.tag !== undefined) {
    if (store.resolve(formatReference(reference)) !== undefined) return [reference];
    throw notFound(`tag does not exist: ${familiarReference(reference)}`);
  }
  const tagged = names.filter(({ tag }) => tag !== undefined).sort(byTag);
  if (tagged.length === 0) throw notFound(`no tags to push for ${familiar}`);
  return tagged;
}

function byTag(one: Reference, other: Reference): number {
  return (one.tag ?? '') < (other.tag ?? '') ? -1 : 1;
}

async function planPush(
  parts: PushPlanParts,
  name: Reference,
  { image, index: record, platform }: Target & { readonly platform: Platform | undefined },
  lease: Lease,
): Promise<PlannedPush> {
  const { store, content } = parts;
  const tag = name.tag ?? '';
  if (record === undefined) return planImage(parts, tag, image, image.manifest, lease);
  const index = platform === undefined ? await readWholeIndex(store, content, record, lease) : undefined;
  if (index !== undefined) return { tag, image, index, manifests: [] };
  if (platform === undefined && store.imagesOf(record).length > 1) throw incomplete(store, name, record);
  const own = record.manifests.find((one) => one.image === image.id)?.descriptor;
  const plan = await planImage(parts, tag, image, own?.digest, lease);
  if (platform !== undefined || own === undefined) return plan;
  const { mediaType, digest, size } = record;
  return { ...plan, insteadOf: { index: { mediaType, digest, size }, manifest: own } };
}

async function planImage(
  { content, forms }: PushPlanParts,
  tag: string,
  image: ImageRecord,
  manifest: Digest | undefined,
  lease: Lease,
): Promise<PlannedPush> {
  lease.hold(image.id);
  const layers = image.config.rootfs.diff_ids;
  for (const digest of layers.flatMap((layer) => [layer, ...forms.of(layer).map((form) => form.digest)])) {
    lease.hold(digest);
  }
  const manifests: StoredManifest[] = [];
  for (const digest of new Set([manifest, image.manifest])) {
    const stored = await readStoredManifest(content, image, digest);
    if (stored !== undefined) manifests.push(stored);
  }
  return { tag, image, index: undefined, manifests };
}

function incomplete(store: ImageStore, name: Reference, record: IndexRecord): Error {
  const here = new Set(store.imagesOf(record).map(({ id }) => id));
  const missing = record.manifests.flatMap(({ kind, image, descriptor: { platform } }) =>
    kind === 'image' && !(image !== undefined && here.has(image)) && platform
      ? [formatPlatform(platform)]
      : [],
  );
  const lacks = missing.length === 0 ? 'of its attestations' : `for ${missing.join(', ')}`;
  return notFound(
    `${familiarReference(name)} is an index of several platforms, and its content ${lacks} is not here`,
    {
      hint: 'Pull the other platforms, or push one with --platform.',
    },
  );
}
