import { invalid } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import type { BlobMove, BuildRequest, CacheWish } from '../../build/contract.ts';
import type { Engine } from '../../engine/contract.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { Call, HandlersOf } from '../call.ts';
import { sendStream } from '../streams/send-stream.ts';

type Query = Call<'build'>['query'];

export const buildDirectoryHandlers: HandlersOf<
  'buildDirectoryAdd' | 'buildDirectoryGive' | 'buildDirectoryTake'
> = {
  buildDirectoryAdd({ engine, body }) {
    const blobs = new Map<Digest, number>();
    for (const { Digest: digest, Size: size } of body.Blobs ?? []) {
      if (!isDigest(digest) || size < 0) throw invalid(`invalid blob ${JSON.stringify(digest)}`);
      blobs.set(digest, size);
    }
    return { ID: engine.builder.directories.add(blobs) };
  },

  async buildDirectoryGive({ engine, context, name, query, request }) {
    await engine.builder.directories.give(context, name, digestOf(query.digest), request.body);
    for await (const _ of request.body);
  },

  async buildDirectoryTake({ engine, context, name, query, response }) {
    const bytes = engine.builder.directories.take(context, name, digestOf(query.digest));
    await sendStream(response, 'application/octet-stream', bytes);
  },
};

function digestOf(text: string): Digest {
  if (isDigest(text)) return text;
  throw invalid(`invalid digest ${JSON.stringify(text)}`);
}

/**
 * The caches elsewhere that a build has to do with. Directories are the build's until the stack is disposed; `tell` hears what is wanted of
 * them. Fails with `invalid-argument`.
 */
export function cacheWishes(
  builder: Engine['builder'],
  { cacheimports, cacheexports }: Pick<Query, 'cacheimports' | 'cacheexports'>,
  stack: DisposableStack,
  tell: (move: BlobMove) => void,
): Pick<BuildRequest, 'cacheImports' | 'cacheExports'> {
  const wish = (value: unknown): CacheWish => {
    const { Type, Attrs, Directory } = isJsonObject(value) ? value : {};
    const attributes = isJsonObject(Attrs) ? Attrs : {};
    if (typeof Type !== 'string' || !Object.values(attributes).every((text) => typeof text === 'string')) {
      throw invalid('error reading caches: each needs a Type, and texts in Attrs');
    }
    const directory =
      typeof Directory === 'string'
        ? stack.use(builder.directories.use(Directory, tell)).directory
        : undefined;
    return { type: Type, attributes: attributes as CacheWish['attributes'], directory };
  };
  return {
    cacheImports: listOf(cacheimports).map(wish),
    cacheExports: listOf(cacheexports).map(wish),
  };
}

function listOf(source: string): readonly unknown[] {
  if (source === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value)) throw invalid('error reading caches: not a JSON list');
  return value;
}
