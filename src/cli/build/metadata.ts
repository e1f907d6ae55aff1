import { isJsonObject } from '../../base/json.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { BuildOutcome } from './build-outcome.ts';

/** A manifest as a registry has it now. */
export interface PushedManifest {
  readonly digest: string;
  readonly size: number;
}

export interface MetadataFacts {
  readonly outcome: BuildOutcome;
  readonly names: readonly string[];
  /** Undefined where nothing was pushed. */
  readonly pushed: PushedManifest | undefined;
  /** The build's name for itself. */
  readonly id: string;
  /** Of the entry that names the result. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** What `--metadata-file` holds, with buildx's keys, sorted as buildx does. */
export function metadataOf({
  outcome,
  names,
  pushed,
  id,
  annotations,
}: MetadataFacts): Record<string, unknown> {
  const { images, index } = outcome;
  const [image] = images;
  const full = names.map((name) => formatReference(withDefaultTag(parseReference(name))));
  const target = index ?? pushed;
  const digest = target?.digest ?? (image?.manifest || image?.id);
  const entries: Record<string, unknown> = {
    ...provenanceOf(outcome),
    ...(id === '' ? {} : { 'buildx.build.ref': `default/default/${id}` }),
    ...(image === undefined || index !== undefined ? {} : { 'containerimage.config.digest': image.id }),
    ...(target === undefined
      ? {}
      : {
          'containerimage.descriptor': {
            mediaType: typeOf(outcome, target),
            ...target,
            ...annotated(annotations),
          },
        }),
    ...(digest === undefined ? {} : { 'containerimage.digest': digest }),
    ...(full.length === 0 ? {} : { 'image.name': full.join(',') }),
  };
  return Object.fromEntries(Object.entries(entries).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** What `--iidfile` holds: an image's ID, or the digest of what stands for several. */
export function idOf({ images, index }: Pick<BuildOutcome, 'images' | 'index'>): string | undefined {
  return index?.digest ?? images[0]?.id;
}

/** An image without a manifest of its own is pushed with one of Docker's. */
function typeOf({ images, index }: BuildOutcome, { digest }: PushedManifest): string {
  if (index !== undefined) return mediaTypes.ociIndex;
  return images[0]?.manifest === digest ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
}

function annotated(annotations: Readonly<Record<string, string>>): object {
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

/** What is said of how the images were made: of several platforms, each one's by its name. */
function provenanceOf({ images, statements }: BuildOutcome): Record<string, unknown> {
  const found = statements.filter(({ PredicateType }) =>
    PredicateType.startsWith('https://slsa.dev/provenance/'),
  );
  return Object.fromEntries(
    found.map(({ Platform, Data }) => {
      const suffix = images.length > 1 ? `/${Platform}` : '';
      const statement: unknown = JSON.parse(Buffer.from(Data, 'base64').toString());
      const predicate = isJsonObject(statement) ? statement['predicate'] : undefined;
      return [`buildx.build.provenance${suffix}`, predicate];
    }),
  );
}
