import { invalid, messageOf, SampanError } from '../../../base/errors.ts';
import type { LayerEncoding } from '../../../images/contract.ts';
import { type Digest, isDigest } from '../../../oci/digest.ts';
import { parseReference, type Reference, withDefaultTag } from '../../../oci/reference.ts';
import type { CacheDirectory, CacheWish } from '../../contract.ts';
import type { ManifestForm } from './cache-manifest.ts';

/** Where a cache is that is read. */
export type CacheImport =
  | { readonly type: 'registry'; readonly reference: Reference }
  | { readonly type: 'local'; readonly directory: CacheDirectory; readonly digest: Digest };

/** Where a cache is written to, and how. */
export type CacheExport = ExportForm &
  (
    | { readonly type: 'registry'; readonly reference: Reference }
    | { readonly type: 'local'; readonly directory: CacheDirectory }
  );

interface ExportForm {
  /** The steps of all stages, or those alone whose layers are in the image. */
  readonly mode: 'min' | 'max';
  readonly encoding: LayerEncoding;
  readonly form: ManifestForm;
  /** A failure is told, but the build does not fail by it. */
  readonly ignoresErrors: boolean;
}

export interface CacheOptions {
  readonly imports: readonly CacheImport[];
  readonly exports: readonly CacheExport[];
  /** The image has a cache of its steps in itself. */
  readonly inline: boolean;
}

/** BuildKit's others, which are services of other companies. */
const foreignTypes: readonly string[] = ['gha', 's3', 'azblob'];
const encodings: readonly string[] = ['uncompressed', 'gzip', 'zstd'] satisfies LayerEncoding[];

/** What a build is asked for, by BuildKit's names. Fails with `invalid-argument`, and with `unimplemented` on what only others have. */
export function cacheOptions(imports: readonly CacheWish[], exports: readonly CacheWish[]): CacheOptions {
  return {
    imports: imports.map(importOf),
    exports: exports.flatMap((wish) => exportOf(wish) ?? []),
    inline: exports.some(({ type }) => type === 'inline'),
  };
}

function importOf({ type, attributes, directory }: CacheWish): CacheImport {
  if (type === 'registry') {
    return { type, reference: referenceOf(attributes['ref'], 'registry cache importer requires ref') };
  }
  if (type !== 'local') throw unknownType('importer', type);
  const digest = attributes['digest'] ?? '';
  if (!isDigest(digest)) throw invalid('local cache importer requires explicit digest');
  if (directory === undefined) throw invalid('local cache importer requires src');
  return { type, directory, digest };
}

/** Undefined for a cache that has no place of its own. */
function exportOf({ type, attributes, directory }: CacheWish): CacheExport | undefined {
  if (type === 'inline') {
    const mode = attributes['mode'] ?? 'min';
    if (mode !== 'min') throw invalid(`inline cache export has mode=min only, not ${JSON.stringify(mode)}`);
    return undefined;
  }
  if (type === 'registry') {
    const reference = referenceOf(attributes['ref'], 'registry cache exporter requires ref');
    if (reference.digest !== undefined) throw invalid('registry cache exporter needs a tag, not a digest');
    return { type, reference, ...formOf(attributes) };
  }
  if (type !== 'local') throw unknownType('exporter', type);
  if (directory === undefined) throw invalid('local cache exporter requires dest');
  return { type, directory, ...formOf(attributes) };
}

function formOf(attributes: CacheWish['attributes']): ExportForm {
  const mode = attributes['mode'] ?? 'min';
  if (mode !== 'min' && mode !== 'max') throw invalid(`invalid cache export mode ${JSON.stringify(mode)}`);
  const ociMediaTypes = flag(attributes, 'oci-mediatypes', true);
  return {
    mode,
    encoding: encodingOf(attributes['compression'] ?? 'gzip', ociMediaTypes),
    form: { ociMediaTypes, imageManifest: flag(attributes, 'image-manifest', ociMediaTypes) },
    ignoresErrors: flag(attributes, 'ignore-error', false),
  };
}

function encodingOf(text: string, ociMediaTypes: boolean): LayerEncoding {
  if (text === 'estargz') throw new SampanError('unimplemented', 'compression estargz is not supported');
  if (!isEncoding(text)) throw invalid(`unsupported compression type ${JSON.stringify(text)}`);
  if (text === 'zstd' && !ociMediaTypes) throw invalid('compression zstd needs oci-mediatypes=true');
  return text;
}

function isEncoding(text: string): text is LayerEncoding {
  return encodings.includes(text);
}

function referenceOf(text: string | undefined, missing: string): Reference {
  if (text === undefined || text === '') throw invalid(missing);
  try {
    return withDefaultTag(parseReference(text));
  } catch (error) {
    throw invalid(`invalid cache reference ${JSON.stringify(text)}: ${messageOf(error)}`);
  }
}

function unknownType(what: 'importer' | 'exporter', type: string): SampanError {
  if (!foreignTypes.includes(type)) return invalid(`unknown cache ${what}: ${JSON.stringify(type)}`);
  const others = what === 'exporter' ? 'registry, local or inline' : 'registry or local';
  return new SampanError(
    'unimplemented',
    `cache ${what} ${JSON.stringify(type)} is not supported: use ${others}`,
  );
}

const yes = /^(?:1|t|T|TRUE|true|True)$/;
const no = /^(?:0|f|F|FALSE|false|False)$/;

/** As Go reads them. */
function flag(attributes: CacheWish['attributes'], name: string, otherwise: boolean): boolean {
  const text = attributes[name];
  if (text === undefined) return otherwise;
  if (yes.test(text)) return true;
  if (no.test(text)) return false;
  throw invalid(`failed to parse ${name}: invalid syntax: ${JSON.stringify(text)}`);
}

/** Whether the build argument that older clients set asks for a cache in the image: any other text than a clear yes does not. */
export function wantsInlineCache(args: Readonly<Record<string, string>>): boolean {
  return yes.test(args['BUILDKIT_INLINE_CACHE'] ?? '');
}
