import type { Context } from '../../base/context.ts';
import type { ImageStatement, Images } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatPlatform } from '../../oci/platform.ts';
import type { MadeImage } from '../build-run.ts';
import type { BuildListener, BuildRequest } from '../contract.ts';
import type { FileTree } from '../file-tree.ts';
import { toldStep } from '../told-step.ts';
import { materialsOf } from './materials.ts';
import type { AttestationOptions } from './options.ts';
import { provenanceOf, provenanceTypes } from './provenance.ts';
import { scanImage } from './sbom/scan-image.ts';
import { spdxOf } from './sbom/spdx.ts';
import { type StatementParts, statementOf } from './statement.ts';

export interface AttestParts {
  readonly images: Pick<Images, 'find'>;
  /** The filesystem that layers make, to be read until it is disposed of. */
  readonly openLayers: (context: Context, layers: readonly Digest[]) => Promise<FileTree & AsyncDisposable>;
}

export interface Attestation {
  readonly request: BuildRequest;
  readonly attestations: AttestationOptions;
  /** When the build began. */
  readonly begun: Date;
  readonly listener: BuildListener;
}

/** What is said about an image, once it is known which manifest it is about. */
export type Attester = (manifest: Digest) => readonly ImageStatement[];

/** Finds out all that is to be said about an image. */
export async function openAttester(
  context: Context,
  parts: AttestParts,
  { request, attestations, begun, listener }: Attestation,
  made: MadeImage,
): Promise<Attester> {
  const { provenance, sbom } = attestations;
  const all: StatementParts[] = [];
  if (sbom) {
    const name = `[${formatPlatform(made.platform)}] looking for what is installed`;
    const predicate = await toldStep(listener, name, () => sbomOf(context, parts, request, made));
    all.push({ layout: 'v0.1', predicateType: 'https://spdx.dev/Document', predicate });
  }
  if (provenance !== undefined) {
    const materials = await materialsOf(context, parts.images, made, request.contextSource);
    const { version } = provenance;
    all.push({
      layout: version === 'v1' ? 'v1' : 'v0.1',
      predicateType: provenanceTypes[version],
      predicate: provenanceOf({ request, made, materials, begun }, provenance),
    });
  }
  const names = namesOf(request);
  return (manifest) => all.map((each) => statementOf(each, { names, platform: made.platform, manifest }));
}

function namesOf({ tags, statementNames = [] }: BuildRequest): readonly string[] {
  return tags.length > 0 ? tags : statementNames;
}

async function sbomOf(
  context: Context,
  { images, openLayers }: AttestParts,
  request: BuildRequest,
  { id, config = images.find(id)?.config, platform }: MadeImage,
): Promise<object> {
  await using tree = await openLayers(context, config?.rootfs.diff_ids ?? []);
  const found = await scanImage(context, tree);
  const created = config?.created === undefined ? new Date(0) : new Date(config.created);
  return spdxOf({ image: id, name: namesOf(request)[0] ?? id, platform, created }, found);
}
