/** A piece of software that some package manager or compiler left its note of in an image. */
export interface FoundPackage {
  readonly type: 'deb' | 'apk' | 'npm' | 'pypi' | 'golang';
  readonly name: string;
  readonly version: string;
  /** Of a Linux distribution's packages; empty for others. */
  readonly architecture: string;
  /** As the package says; empty when it says nothing. */
  readonly license: string;
  readonly supplier: string;
}

/** Longer texts are no name, version or licence of anything. */
const MAX_TEXT = 512;

/** Undefined where there is no name or no version that could be one. */
export function foundPackage(
  type: FoundPackage['type'],
  given: { readonly [Key in Exclude<keyof FoundPackage, 'type'>]?: unknown },
): FoundPackage | undefined {
  const text = (value: unknown): string =>
    typeof value === 'string' && value.length <= MAX_TEXT && value.isWellFormed() && !hasControls(value)
      ? value.trim()
      : '';
  const [name, version] = [text(given.name), text(given.version)];
  if (name === '' || version === '') return undefined;
  const [architecture, license, supplier] = [given.architecture, given.license, given.supplier].map(text);
  return {
    ...{ type, name, version },
    ...{ architecture: architecture ?? '', license: license ?? '', supplier: supplier ?? '' },
  };
}

function hasControls(text: string): boolean {
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (code < 32 || code === 127) return true;
  }
  return false;
}
