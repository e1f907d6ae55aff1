import { CommandError } from '../command-error.ts';
import { checkFields, fieldsOf } from './fields.ts';
import type { BuildOptions } from './flags.ts';

/** A cache as BuildKit names it: "registry" with "ref". */
export interface CacheFlag {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface CacheFlags {
  readonly imports: readonly CacheFlag[];
  readonly exports: readonly CacheFlag[];
}

const form = [
  ...['mode', 'compression', 'force-compression', 'oci-mediatypes', 'image-manifest', 'ignore-error'],
] as const;

type Fields = Readonly<Record<string, { readonly needed?: string; readonly known: readonly string[] }>>;

const imports: Fields = {
  registry: { needed: 'ref', known: ['ref'] },
  local: { needed: 'src', known: ['src', 'digest', 'tag'] },
};
const exports: Fields = {
  registry: { needed: 'ref', known: ['ref', ...form] },
  local: { needed: 'dest', known: ['dest', 'tag', ...form] },
  inline: { known: ['mode'] },
};

/** What `--cache-from` and `--cache-to` say: `type=registry,ref=a`, or names of images alone. Throws CommandError. */
export function cacheFlags(options: Pick<BuildOptions, 'cache-from' | 'cache-to'>): CacheFlags {
  return {
    imports: options['cache-from'].flatMap((value) => flagsOf(value, 'import', imports)),
    exports: options['cache-to'].flatMap((value) => flagsOf(value, 'export', exports)),
  };
}

/** The images that the classic builder may take layers from. Throws CommandError. */
export function cacheImages(values: readonly string[]): string[] {
  return values
    .flatMap((value) => flagsOf(value, 'import', { registry: { needed: 'ref', known: ['ref'] } }))
    .flatMap(({ attributes }) => attributes['ref'] ?? []);
}

function flagsOf(value: string, direction: 'import' | 'export', types: Fields): CacheFlag[] {
  if (value === '') return [];
  if (value === 'inline' && direction === 'export') return [{ type: 'inline', attributes: {} }];
  if (!value.includes('=')) {
    return value.split(',').map((ref) => ({ type: 'registry', attributes: { ref } }));
  }
  const fields = fieldsOf(value);
  const type = fields.get('type');
  if (type === undefined) throw new CommandError(`type required in ${JSON.stringify(value)}`);
  const { needed, known } = (Object.hasOwn(types, type) ? types[type] : undefined) ?? {};
  if (known === undefined) throw unsupported(direction, type, Object.keys(types));
  checkFields(value, fields, ['type', ...known]);
  if (needed !== undefined && (fields.get(needed) ?? '') === '') {
    throw new CommandError(`${type} cache ${direction}er requires ${needed}`);
  }
  const attributes = Object.fromEntries([...fields].filter(([name]) => name !== 'type'));
  return [{ type, attributes }];
}

function unsupported(direction: string, type: string, types: readonly string[]): CommandError {
  const others = types.map((other) => `type=${other}`).join(', ');
  return new CommandError(
    `cache ${direction} of type ${JSON.stringify(type)} is not supported: use ${others}`,
  );
}
