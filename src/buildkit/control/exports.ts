import { invalid, SampanError } from '../../base/errors.ts';
import type { BuildRequest } from '../../build/contract.ts';
import { familiarReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { FrontendAttributes } from './frontend-options.ts';

/** Where a result is to go, as clients name it: "oci" with the attributes "name" and "tar". */
export interface Export {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const ATTESTATION = 'attest:';
const MAX_EXPORTS = 100;

/** Into the store. */
export function isKept({ type }: Export): boolean {
  return type === 'moby' || type === 'image';
}

export function isPushed(wanted: Export): boolean {
  return isKept(wanted) && isTrue(wanted.attributes['push']);
}

/** As an archive of the image. */
export function isArchive({ type }: Export): boolean {
  return type === 'oci' || type === 'docker';
}

/** Only its files. */
function isFiles({ type }: Export): boolean {
  return type === 'local' || type === 'tar';
}

/** Fails before anything is built, with `unimplemented` or `invalid-argument`. */
export function checkExports(wanted: readonly Export[]): void {
  if (wanted.length > MAX_EXPORTS) throw invalid(`more than ${MAX_EXPORTS} outputs`);
  for (const one of wanted) {
    if (!isKept(one) && !isArchive(one) && !isFiles(one)) {
      throw new SampanError('unimplemented', `exporter ${JSON.stringify(one.type)} could not be found`);
    }
    const names = namesOf(one);
    if (isPushed(one) && names.length === 0) throw invalid('tag is needed when pushing to registry');
    if (isTrue(one.attributes['push-by-digest'])) {
      throw new SampanError('unimplemented', 'push-by-digest is not supported: give the image a tag');
    }
    compressionOf(one);
  }
}

/** Several names are written with commas. Fails with `invalid-argument`. */
export function namesOf({ attributes }: Export): readonly string[] {
  const names = (attributes['name'] ?? '').split(',').filter((name) => name !== '');
  return names.map((name) => familiarReference(withDefaultTag(parseReference(name))));
}

/** What of a build request follows from where its result is to go. Fails with `invalid-argument`. */
export function exportOptions(
  wanted: readonly Export[],
  attributes: FrontendAttributes,
): Pick<BuildRequest, 'tags' | 'statementNames' | 'annotations' | 'attestations' | 'compression'> {
  const annotations = wanted.flatMap((one) =>
    Object.entries(one.attributes).filter(([name]) => /^annotation[-.[]/.test(name)),
  );
  return {
    tags: [...new Set(wanted.filter(isKept).flatMap(namesOf))],
    statementNames: [...new Set(wanted.filter((one) => !isKept(one)).flatMap(namesOf))],
    annotations: Object.fromEntries(annotations),
    attestations: attestations(wanted, attributes),
    compression: wanted.map(compressionOf).find((compression) => compression !== undefined),
  };
}

/** What clients add of their own is said where the image leaves this host: here it would only be in the way of those that look at images. */
function attestations(
  wanted: readonly Export[],
  attributes: FrontendAttributes,
): Readonly<Record<string, string>> {
  const leaves = wanted.some((one) => isPushed(one) || one.type === 'oci');
  const given = Object.entries(attributes).filter(([name]) => name.startsWith(ATTESTATION));
  const fields = given.map(([name, value]) => [name.slice(ATTESTATION.length), value.split(',')] as const);
  const taken = fields.filter(([, values]) => leaves || !values.includes('inline-only=true'));
  // That it is what its name says is said again.
  return Object.fromEntries(
    taken.map(([name, values]) => [name, values.filter((value) => value !== `type=${name}`).join(',')]),
  );
}

function compressionOf({ attributes }: Export): BuildRequest['compression'] {
  const { compression } = attributes;
  if (compression === undefined || compression === '') return undefined;
  if (compression === 'uncompressed' || compression === 'gzip' || compression === 'zstd') return compression;
  throw new SampanError('unimplemented', `unsupported layer compression type ${JSON.stringify(compression)}`);
}

export function isTrue(text: string | undefined): boolean {
  return ['1', 't', 'T', 'true', 'True', 'TRUE'].includes(text ?? '');
}
