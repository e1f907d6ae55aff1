import { CommandError } from '../command-error.ts';
import { cut } from '../flag-types.ts';

const types: readonly string[] = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'];

/**
 * What `--annotation` asks for, by the keys that the daemon takes: "manifest[linux/arm64],index:key=value" says where each goes. Throws
 * CommandError in buildx's words.
 */
export function annotationsOf(values: readonly string[]): Record<string, string> {
  const annotations: Record<string, string> = {};
  for (const value of values) {
    if (value === '') continue;
    const [whole, text] = cut(value, '=');
    if (!value.includes('=') || whole === '') {
      throw new CommandError(`invalid annotation ${JSON.stringify(value)}, expected key=value`);
    }
    const colon = whole.indexOf(':');
    const key = whole.slice(colon + 1);
    const places = colon < 0 ? ['manifest'] : whole.slice(0, colon).split(',');
    for (const place of places) annotations[`${placeOf(place)}.${key}`] = text;
  }
  return annotations;
}

/** Fields of an output: "annotation-manifest[linux/arm64].key". */
export function annotationFields(fields: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...fields].filter(([name]) => name.startsWith('annotation')));
}

/** Those of the entry that names an image, or an index, in a layout. */
export function descriptorAnnotations(
  annotations: Readonly<Record<string, string>>,
  isIndex: boolean,
): Record<string, string> {
  const prefix = isIndex ? 'annotation-index-descriptor.' : 'annotation-manifest-descriptor.';
  const found = Object.entries(annotations).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

function placeOf(text: string): string {
  const [, type = '', platform] = /^([a-z-]+)(\[[A-Za-z0-9_/.-]+\])?$/.exec(text) ?? [];
  if (type === '') {
    throw new CommandError(
      `invalid annotation type ${JSON.stringify(text)}, expected type and optional platform in square brackets`,
    );
  }
  if (!types.includes(type)) throw new CommandError(`unknown annotation type ${JSON.stringify(type)}`);
  return `annotation-${type}${platform ?? ''}`;
}
