import { familiarRepository, type Reference, withDefaultTag } from '../../oci/reference.ts';

export interface PackageUrl {
  readonly type: string;
  /** Parts of the way to the name: a distribution, an npm scope. */
  readonly namespace?: string;
  readonly name: string;
  readonly version?: string;
  readonly qualifiers?: Readonly<Record<string, string>>;
}

/** "pkg:deb/debian/bash@5.2-2?arch=amd64": the package URL specification, its canonical form. */
export function packageUrl({
  type,
  namespace = '',
  name,
  version = '',
  qualifiers = {},
}: PackageUrl): string {
  const path = [type, ...namespace.split('/'), name].filter((part) => part !== '').map(escaped);
  const pairs = Object.entries(qualifiers)
    .filter(([, value]) => value !== '')
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${escaped(value)}`);
  const query = pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  return `pkg:${path.join('/')}${version === '' ? '' : `@${escaped(version)}`}${query}`;
}

/** An image of a registry; of one platform ("linux/amd64"), if it is of one. */
export function imageUrl(reference: Reference, platform: string): string {
  const tagged = withDefaultTag(reference);
  const path = familiarRepository(tagged);
  const slash = path.lastIndexOf('/');
  return packageUrl({
    type: 'docker',
    namespace: slash < 0 ? '' : path.slice(0, slash),
    name: path.slice(slash + 1),
    version: tagged.tag ?? tagged.digest ?? '',
    qualifiers: { platform },
  });
}

/** Colons are left as they are. */
function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}
