import { createHash } from 'node:crypto';
import { build } from '../../../base/build-facts.ts';
import { type Digest, hexOf } from '../../../oci/digest.ts';
import type { Platform } from '../../../oci/image.ts';
import { formatPlatform } from '../../../oci/platform.ts';
import { packageUrl } from '../package-url.ts';
import type { Distribution } from './distribution.ts';
import { licenceExpression } from './licences.ts';
import type { PlacedPackage, ScannedImage } from './scan-image.ts';

export interface SpdxSubject {
  readonly image: Digest;
  readonly name: string;
  readonly platform: Platform;
  readonly created: Date;
}

const IMAGE = 'SPDXRef-Image';
const UNKNOWN = 'NOASSERTION';
const common = {
  downloadLocation: UNKNOWN,
  filesAnalyzed: false,
  licenseConcluded: UNKNOWN,
  copyrightText: UNKNOWN,
};

/** What was found in an image as an SPDX 2.3 document. The same image gives the same document. */
export function spdxOf(
  { image, name, platform, created }: SpdxSubject,
  { distribution, packages, omissions }: ScannedImage,
): object {
  const listed = packages.map((each) => packageOf(each, distribution));
  const unique = [...new Map(listed.map((each) => [each.SPDXID, each])).values()];
  unique.sort((one, other) => (one.SPDXID < other.SPDXID ? -1 : 1));
  return {
    ...{ spdxVersion: 'SPDX-2.3', dataLicense: 'CC0-1.0', SPDXID: 'SPDXRef-DOCUMENT', name },
    documentNamespace: `https://spdx.org/spdxdocs/sampan-${hexOf(image)}`,
    creationInfo: {
      created: created.toISOString().replace(/\.\d+Z$/, 'Z'),
      creators: [`Tool: sampan-${build.version}`],
      ...(omissions.length === 0 ? {} : { comment: omissions.join(' ') }),
    },
    packages: [imageOf(image, name, platform), ...unique],
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', IMAGE),
      ...unique.map(({ SPDXID }) => relationship(IMAGE, 'CONTAINS', SPDXID)),
    ],
  };
}

function imageOf(image: Digest, name: string, platform: Platform): object {
  return {
    ...{ SPDXID: IMAGE, name, versionInfo: image, ...common, licenseDeclared: UNKNOWN },
    primaryPackagePurpose: 'CONTAINER',
    comment: formatPlatform(platform),
  };
}

function packageOf(found: PlacedPackage, distribution: Distribution) {
  const { name, version, license, supplier, path } = found;
  const url = urlOf(found, distribution);
  const id = createHash('sha256')
    .update(JSON.stringify([url, path]))
    .digest('hex')
    .slice(0, 16);
  const expression = licenceExpression(license);
  return {
    SPDXID: `SPDXRef-Package-${found.type}-${name.replace(/[^A-Za-z0-9.-]+/g, '-')}-${id}`,
    ...{ name, versionInfo: version, ...common },
    ...(supplier === '' ? {} : { supplier: supplierOf(supplier) }),
    licenseDeclared: expression ?? UNKNOWN,
    ...(expression === undefined && license !== ''
      ? { licenseComments: `The package says: ${license}` }
      : {}),
    sourceInfo: `found in ${path}`,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: url }],
  };
}

function urlOf(
  { type, name, version, architecture }: PlacedPackage,
  { id, version: release }: Distribution,
): string {
  if (type === 'deb' || type === 'apk') {
    const namespace = id || (type === 'deb' ? 'debian' : 'alpine');
    const distro = release === '' ? '' : `${namespace}-${release}`;
    return packageUrl({ type, namespace, name, version, qualifiers: { arch: architecture, distro } });
  }
  const plain = type === 'pypi' ? name.toLowerCase().replaceAll('_', '-') : name;
  const slash = plain.lastIndexOf('/');
  const namespace = slash < 0 ? '' : plain.slice(0, slash);
  return packageUrl({ type, namespace, name: plain.slice(slash + 1), version });
}

/** "Name <address>" is a person's or a team's: nobody can tell. */
function supplierOf(text: string): string {
  const [, name = text, address] = /^(.*?)\s*<([^<>]+)>$/.exec(text) ?? [];
  return `Organization: ${name}${address === undefined ? '' : ` (${address})`}`;
}

function relationship(from: string, type: string, to: string): object {
  return { spdxElementId: from, relationshipType: type, relatedSpdxElement: to };
}
