import type { Context } from '../base/context.ts';
import { invalid, notFound } from '../base/errors.ts';
import type { Manifest } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { formatPlatform } from '../oci/platform.ts';
import type { Reference } from '../oci/reference.ts';
import type { RemoteDocument, ResolveOptions } from './contract.ts';
import { fittingManifests, type ParsedDocument, parseDocument, requireImage } from './manifests.ts';
import type { FetchedManifest, Repository } from './repository.ts';

const MAX_NESTING = 4;
/** Documents of one image that are fetched at most: nested indexes may offer many that fit. */
const MAX_DOCUMENTS = 32;

export interface Found {
  /** Outermost first. */
  readonly documents: readonly [RemoteDocument, ...RemoteDocument[]];
  readonly manifest: Manifest;
}

/** Follows the reference through indexes to the manifest for the platform. */
export async function findManifest(
  context: Context,
  repository: Repository,
  reference: Reference,
  { platform, onRetry }: Pick<ResolveOptions, 'platform' | 'onRetry'>,
): Promise<Found> {
  let fetched = 0;
  const search = async (
    name: string,
    size: number | undefined,
    depth: number,
  ): Promise<Found | undefined> => {
    if (depth > MAX_NESTING || ++fetched > MAX_DOCUMENTS) throw invalid('invalid index: nested too deeply');
    const answer = await repository.manifest(context, name, size, onRetry);
    const parsed = parseDocument(answer.bytes, answer.contentType);
    const document = documentOf(answer, parsed);
    if (parsed.kind === 'manifest') {
      requireImage(parsed.manifest);
      return { documents: [document], manifest: parsed.manifest };
    }
    for (const entry of fittingManifests(parsed.index, platform)) {
      const found = await search(entry.digest, entry.size, depth + 1);
      if (found !== undefined) return { ...found, documents: [document, ...found.documents] };
    }
    return undefined;
  };
  const found = await search(nameOf(reference), undefined, 0);
  if (found !== undefined) return found;
  throw notFound(
    `no matching manifest for ${formatPlatform(platform)} in the manifest list entries: no match for platform in manifest: not found`,
  );
}

/** The tag or digest that a registry is asked for. */
export function nameOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? '';
}

/** A document with the media type that it has by its own words, its sender's, or its form. */
export function documentOf({ digest, bytes }: FetchedManifest, parsed: ParsedDocument): RemoteDocument {
  const fallback = parsed.kind === 'index' ? mediaTypes.ociIndex : mediaTypes.ociManifest;
  return { digest, bytes, mediaType: parsed.mediaType ?? fallback };
}
