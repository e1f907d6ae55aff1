import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import type { ImageMaker, ImageStatement, ManifestOptions } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import { type AttestParts, openAttester } from '../attest/attest.ts';
import { type AttestationOptions, attestationOptions } from '../attest/options.ts';
import type { MadeImage } from '../build-run.ts';
import type { BuildListener, BuildRequest, BuildResult } from '../contract.ts';
import { sourceDateOf } from '../source-date.ts';
import { toldStep } from '../told-step.ts';
import { annotationsOf, readAnnotations } from './annotations.ts';

export interface IndexParts extends AttestParts {
  readonly imageMaker: Pick<ImageMaker, 'createIndex'>;
}

/** What the names of a build are to stand for. */
export type WantedResult =
  | { readonly kind: 'image'; readonly manifest: ManifestOptions | undefined }
  | ({ readonly kind: 'index' } & WantedIndex);

interface WantedIndex {
  readonly request: BuildRequest;
  readonly annotations: ReturnType<typeof readAnnotations>;
  readonly attestations: AttestationOptions;
  readonly begun: Date;
}

/** An index of several images, or of one about which something is said. Fails with `invalid-argument`, before anything is made. */
export function wantedResult(request: BuildRequest): WantedResult {
  const attestations = attestationOptions(request.attestations ?? {});
  const annotations = readAnnotations(request.annotations ?? {});
  const { provenance, sbom } = attestations;
  const isSaid = provenance !== undefined || sbom;
  const isOne = request.platforms.length === 1 && !isSaid;
  const ofIndex = annotations.find(({ level }) => level.startsWith('index'));
  if (isOne && ofIndex !== undefined) {
    const what = ofIndex.level.replace('-', ' ');
    throw invalid(`${what} annotations not supported for single platform export`);
  }
  if (isOne) return { kind: 'image', manifest: ownManifest(request, annotations) };
  return {
    kind: 'index',
    request: { ...request, sourceDate: sourceDateOf(request) },
    annotations,
    attestations,
    begun: new Date(),
  };
}

/** Undefined where what is made when it is pushed will do. */
function ownManifest(
  { compression, platforms }: BuildRequest,
  given: WantedIndex['annotations'],
): ManifestOptions | undefined {
  const annotations = annotationsOf(given, 'manifest', platforms[0]);
  if (compression === undefined && Object.keys(annotations).length === 0) return undefined;
  return { annotations, encoding: compression ?? 'gzip' };
}

/** An index of what was made, with what is to be said about it. */
export async function makeIndex(
  context: Context,
  parts: IndexParts,
  wanted: WantedIndex & { readonly listener: BuildListener },
  made: readonly MadeImage[],
): Promise<Pick<BuildResult, 'images' | 'index'>> {
  const { annotations, request, listener } = wanted;
  const said = new Map<Digest, readonly ImageStatement[]>();
  const opening = made.map((each) => openAttester(context, parts, wanted, each));
  // When one fails, the others no longer read anything.
  await Promise.allSettled(opening);
  const attesters = await Promise.all(opening);
  const members = made.map(({ id, config, platform }, index) => ({
    ...{ image: config ?? id, platform },
    manifestAnnotations: annotationsOf(annotations, 'manifest', platform),
    descriptorAnnotations: annotationsOf(annotations, 'manifest-descriptor', platform),
    encoding: request.compression,
    statements: (manifest: Digest): readonly ImageStatement[] => {
      const statements = attesters[index]?.(manifest) ?? [];
      said.set(manifest, statements);
      return statements;
    },
  }));
  const { digest, size, ...index } = await toldStep(listener, 'exporting manifests', () =>
    parts.imageMaker.createIndex(context, {
      members,
      annotations: annotationsOf(annotations, 'index'),
      references: request.tags,
    }),
  );
  const images = index.members.map(({ image, ...member }) => ({
    ...{ ...member, id: image },
    statements: said.get(member.manifest) ?? [],
  }));
  return { images, index: { digest, size } };
}
