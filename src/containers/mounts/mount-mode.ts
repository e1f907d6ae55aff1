import { invalid } from '../../base/errors.ts';

/** The third part of "source:destination:mode", by what each word is about. */
export interface MountMode {
  readonly readOnly: boolean;
  readonly propagation: string | undefined;
  readonly noCopy: boolean | undefined;
}

const kinds: Readonly<Record<string, string>> = {
  ro: 'access',
  rw: 'access',
  z: 'label',
  Z: 'label',
  private: 'propagation',
  rprivate: 'propagation',
  slave: 'propagation',
  rslave: 'propagation',
  shared: 'propagation',
  rshared: 'propagation',
  nocopy: 'copy',
  consistent: 'consistency',
  cached: 'consistency',
  delegated: 'consistency',
};

export const DEFAULT_PROPAGATION = 'rprivate';

export function isPropagation(word: string): boolean {
  return kinds[word] === 'propagation';
}

/** Undefined for words that are no mode, or two of one kind. */
export function readMode(text: string): MountMode | undefined {
  const byKind = new Map<string, string>();
  for (const word of text === '' ? [] : text.split(',')) {
    const kind = Object.hasOwn(kinds, word) ? kinds[word] : undefined;
    if (kind === undefined || byKind.has(kind)) return undefined;
    byKind.set(kind, word);
  }
  return {
    readOnly: byKind.get('access') === 'ro',
    propagation: byKind.get('propagation'),
    noCopy: byKind.has('copy') ? true : undefined,
  };
}

/** Fails with `invalid-argument` "invalid mode: X". */
export function parseMode(text: string): MountMode {
  const mode = readMode(text);
  if (mode === undefined) throw invalid(`invalid mode: ${text}`);
  return mode;
}

/** `--volumes-from` "container[:mode]". Propagation and copying are the first container's business. */
export function parseVolumesFrom(text: string): { readonly container: string; readonly readOnly: boolean } {
  if (text === '') throw invalid('volumes-from specification cannot be an empty string');
  const colon = text.indexOf(':');
  if (colon < 0) return { container: text, readOnly: false };
  const word = text.slice(colon + 1);
  const mode = parseMode(word);
  if (mode.propagation !== undefined || mode.noCopy !== undefined) throw invalid(`invalid mode: ${word}`);
  return { container: text.slice(0, colon), readOnly: mode.readOnly };
}
