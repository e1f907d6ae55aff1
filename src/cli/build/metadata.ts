import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { BuildOutcome } from './build-outcome.ts';

/** What `--metadata-file` holds, with buildx's keys. */
export function metadataOf({ images }: BuildOutcome, names: readonly string[]): Record<string, string> {
  const id = images[0]?.id;
  const full = names.map((name) => formatReference(withDefaultTag(parseReference(name))));
  return {
    ...(id === undefined ? {} : { 'containerimage.config.digest': id, 'containerimage.digest': id }),
    ...(full.length === 0 ? {} : { 'image.name': full.join(',') }),
  };
}
