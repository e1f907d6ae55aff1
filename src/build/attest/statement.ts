import type { ImageStatement } from '../../images/contract.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import type { Platform } from '../../oci/image.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { parseReference } from '../../oci/reference.ts';
import { imageUrl } from './package-url.ts';

export interface StatementParts {
  /** Of the in-toto statement around it. */
  readonly layout: 'v0.1' | 'v1';
  readonly predicateType: string;
  readonly predicate: object;
}

export interface StatementSubject {
  /** The image's names; without any it is nameless, for which in-toto has "_". */
  readonly names: readonly string[];
  readonly platform: Platform;
  readonly manifest: Digest;
}

/** What is said about an image, as in-toto writes it. */
export function statementOf(
  { layout, predicateType, predicate }: StatementParts,
  { names, platform, manifest }: StatementSubject,
): ImageStatement {
  const urls = names.map((name) => imageUrl(parseReference(name), formatPlatform(platform)));
  const digest = { sha256: hexOf(manifest) };
  const document = {
    _type: `https://in-toto.io/Statement/${layout}`,
    predicateType,
    subject: (urls.length === 0 ? ['_'] : urls).map((name) => ({ name, digest })),
    predicate,
  };
  return { predicateType, bytes: new TextEncoder().encode(JSON.stringify(document)) };
}
