import type { BuildStatement } from '../../wire/build-messages.ts';

/** What is said about the image of one platform, as files beside its own: by BuildKit's names. */
export function statementFiles(
  statements: readonly BuildStatement[],
  platform: string,
): ReadonlyMap<string, Uint8Array> {
  const own = statements.filter(({ Platform }) => Platform === platform);
  return new Map(
    own.map(({ PredicateType, Data }) => [
      PredicateType.includes('/provenance/') ? 'provenance.json' : 'sbom.spdx.json',
      Buffer.from(Data, 'base64'),
    ]),
  );
}
