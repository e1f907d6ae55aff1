import { isJsonObject } from '../../../base/json.ts';
import { type FoundPackage, foundPackage } from './found-package.ts';
import { readStanzas } from './stanzas.ts';

export type PackageReader = (text: string) => readonly FoundPackage[];

/** Files that say what is installed, by their paths: as bytes' text, read as data. */
const readers: readonly (readonly [path: RegExp, read: PackageReader])[] = [
  [/^var\/lib\/dpkg\/status$/, dpkgPackages],
  // Images without a package manager have a file for each package.
  [/^var\/lib\/dpkg\/status\.d\/[^/]+(?<!\.md5sums)$/, dpkgPackages],
  [/^(?:usr\/)?lib\/apk\/db\/installed$/, apkPackages],
  [/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/, npmPackage],
  [/\.dist-info\/METADATA$/, pythonPackage],
  [/\.egg-info(?:\/PKG-INFO)?$/, pythonPackage],
];

/** How a file is read, by its path below the root; undefined for one that says nothing of packages. */
export function readerOf(path: string): PackageReader | undefined {
  return readers.find(([pattern]) => pattern.test(path))?.[1];
}

/** dpkg's: what is removed but for its configuration is not there any more. */
export function dpkgPackages(text: string): readonly FoundPackage[] {
  return [...readStanzas(text)].flatMap((stanza) => {
    const status = stanza.get('Status');
    if (status !== undefined && !status.endsWith(' installed')) return [];
    return present(
      foundPackage('deb', {
        ...{ name: stanza.get('Package'), version: stanza.get('Version') },
        ...{ architecture: stanza.get('Architecture'), supplier: stanza.get('Maintainer') },
      }),
    );
  });
}

/** apk's, whose fields are single letters. */
export function apkPackages(text: string): readonly FoundPackage[] {
  return [...readStanzas(text)].flatMap((stanza) =>
    present(
      foundPackage('apk', {
        ...{ name: stanza.get('P'), version: stanza.get('V'), architecture: stanza.get('A') },
        ...{ license: stanza.get('L'), supplier: stanza.get('m') },
      }),
    ),
  );
}

export function npmPackage(text: string): readonly FoundPackage[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (!isJsonObject(value)) return [];
  const { name, version, license: given } = value;
  const license = isJsonObject(given) ? given['type'] : given;
  return present(foundPackage('npm', { name, version, license }));
}

/** Only the head of the file: its description follows. */
export function pythonPackage(text: string): readonly FoundPackage[] {
  const [head] = readStanzas(text);
  return present(
    foundPackage('pypi', {
      ...{ name: head?.get('Name'), version: head?.get('Version') },
      ...{ license: head?.get('License-Expression') ?? head?.get('License'), supplier: head?.get('Author') },
    }),
  );
}

function present(found: FoundPackage | undefined): FoundPackage[] {
  return found === undefined ? [] : [found];
}
