import { invalid } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import type { BuildRequest, CacheWish } from '../../build/contract.ts';
import type { Descriptor } from '../../oci/image.ts';
import { sessionStore } from '../session/content-store.ts';
import type { ClientSession } from '../sessions.ts';
import type { FrontendAttributes } from './frontend-options.ts';

/** A cache as requests name it. */
interface CacheEntry {
  readonly type?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What a solve request says of caches elsewhere. */
export interface CacheEntries {
  readonly imports: readonly CacheEntry[];
  readonly exports: readonly CacheEntry[];
}

/** The caches of a build. Those that are directories are asked for over the session; `onFinish` hears what one is known by. */
export function cacheWishes(
  { imports, exports }: CacheEntries,
  attributes: FrontendAttributes,
  session: ClientSession,
  onFinish: (manifest: Descriptor) => void,
): Required<Pick<BuildRequest, 'cacheImports' | 'cacheExports'>> {
  const wishOf =
    (place: 'src' | 'dest') =>
    ({ type = '', attributes: own = {} }: CacheEntry): CacheWish => {
      const path = type === 'local' ? (own[place] ?? '') : '';
      const directory = path === '' ? undefined : sessionStore(session, `local:${path}`, onFinish);
      return { type, attributes: own, directory };
    };
  const all = [...imports, ...frontendImports(attributes)];
  const unique = new Map(all.map((entry) => [JSON.stringify([entry.type, entry.attributes]), entry]));
  return {
    cacheImports: [...unique.values()].map(wishOf('src')),
    cacheExports: exports.map(wishOf('dest')),
  };
}

/** What clients tell their front end, too: JSON, or names of images in older ones. Fails with `invalid-argument`. */
function frontendImports(attributes: FrontendAttributes): CacheEntry[] {
  const names = (attributes['cache-from'] ?? '').split(',').filter((name) => name !== '');
  const images = names.map((ref) => ({ type: 'registry', attributes: { ref } }));
  const text = attributes['cache-imports'] ?? '';
  return text === '' ? images : [...images, ...entriesOf(text)];
}

function entriesOf(text: string): CacheEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value)) throw invalid('failed to unmarshal cache-imports: not a JSON list');
  return value.map((entry: unknown) => {
    const { Type, Attrs } = isJsonObject(entry) ? entry : {};
    const pairs = Object.entries(isJsonObject(Attrs) ? Attrs : {});
    return {
      type: String(Type),
      attributes: Object.fromEntries(pairs.map(([name, given]) => [name, String(given)])),
    };
  });
}
