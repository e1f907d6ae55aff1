import { conflict, notFound } from '../../base/errors.ts';
import type { Image, Images } from '../../images/contract.ts';
import type { Platform } from '../../oci/image.ts';
import { formatPlatform, platformFit } from '../../oci/platform.ts';
import type { FakeState } from './fake-engine.ts';
import { endless, parts } from './fake-streams.ts';
import { image, imageId } from './samples.ts';

/** Images of which only names matter: what is called "missing" is not there, what is called "broken" fails on its way. */
export function fakeImages(state: FakeState): Images {
  const { calls, stored } = state;
  const named = (text: string, { id, tags }: Image): boolean => {
    const name = text.replace('docker.io/library/', '');
    return id === name || tags.includes(name) || tags.includes(`${name}:latest`);
  };
  const find = (name: string, platform?: Platform): Image | undefined =>
    stored.images.find((one) => named(name, one) && (!platform || platformFit(platform, one.platform) > 0));
  const get = (name: string, platform?: Platform): Image => {
    const found = find(name, platform);
    if (found !== undefined) return found;
    if (platform === undefined || find(name) === undefined) {
      throw notFound(`No such image: ${name.includes(':') ? name : `${name}:latest`}`);
    }
    throw notFound(
      `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(platform)})`,
    );
  };
  const consume = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const part of bytes) state.uploaded += part.length;
  };
  return {
    get,
    find,
    list: () => stored.images,
    manifests: async () => stored.manifests,
    tag: async (_context, source, target) => void calls.push(['tag', get(source).id, target]),
    async remove(_context, name, { platforms = [] }) {
      for (const platform of platforms) get(name, platform);
      return [{ Untagged: name }, { Deleted: get(name).id }];
    },
    async load(_context, archive) {
      await consume(archive);
      if (state.uploaded === 0) throw conflict('invalid tar header');
      return [{ reference: 'busybox:latest', id: imageId }];
    },
    async import(_context, tar, options) {
      calls.push(['import', options]);
      await consume(tar);
      return image();
    },
    async pull(_context, reference, options) {
      calls.push(['pull', reference, options]);
      if (reference.includes('missing')) throw notFound(`manifest for ${reference} not found`);
      options.onFound?.();
      const layer = imageId;
      options.onLayer?.({ layer, step: 'found', current: 0, total: 4 });
      options.onLayer?.({ layer, step: 'retrying', current: 0, total: 4, seconds: 1 });
      options.onLayer?.({ layer, step: 'receiving', current: 2, total: 4 });
      options.onLayer?.({ layer, step: 'unpacked', current: 4, total: 4 });
      if (reference.includes('broken')) throw new Error('the connection broke');
      return { image: image(), digest: imageId, reference, isNew: !reference.includes('known') };
    },
    remoteTags: async () => ['1', '2'],
    history: () => [{ id: imageId, created: undefined, createdBy: 'CMD', size: 0, comment: '', tags: [] }],
    async push(_context, reference, options) {
      calls.push(['push', reference, options]);
      if (reference.includes('missing')) {
        throw notFound('An image does not exist locally with the tag: missing');
      }
      const layer = imageId;
      const sizes = { current: 0, total: 4 };
      options.onLayer?.({ layer, step: 'preparing', ...sizes });
      options.onLayer?.({ layer, step: 'retrying', ...sizes, seconds: 1 });
      options.onLayer?.({ layer, step: 'pushing', current: 0, total: 0 });
      options.onLayer?.({ layer, step: 'pushing', current: 2, total: 4 });
      options.onLayer?.({ layer, step: 'mounted', from: 'other/place', ...sizes });
      const pushed = { tag: '1', digest: imageId, size: 527 };
      options.onPushed?.(pushed);
      return [pushed];
    },
    save(context, references, options) {
      calls.push(['save', references, options]);
      const name = references.join();
      if (name.includes('endless')) return endless(context.signal, () => calls.push(['save ended']));
      return parts(name, notFound(`No such image: ${name}`));
    },
    commit: async () => image(),
    async layers(_context, reference) {
      get(reference);
      const sum = { count: 1, bytes: 2 };
      return [
        {
          ...{ diffId: imageId, digests: [], createdBy: 'ADD', size: 3, diskSize: 4, files: 5 },
          ...{ added: sum, changed: sum, removed: sum, wasted: 6 },
        },
      ];
    },
    async *layerChanges(_context, reference, layer) {
      get(reference);
      yield { kind: 'added', path: `/${layer}`, bytes: 1 };
      yield { kind: 'removed', path: '/b\n', bytes: 0 };
    },
    mount: async (_context, reference) => ({ id: get(reference).id, path: '/run/view' }),
    unmount: async (_context, reference) => reference === imageId,
    mounts: () => [{ id: imageId, path: '/run/view' }],
    usage: async () => ({
      total: 100,
      unused: 10,
      images: new Map([[imageId, { shared: 30, unique: 60 }]]),
    }),
    async prune(_context, { filter }) {
      const chosen = stored.images.filter(filter);
      return { items: chosen.map(({ id }) => ({ Deleted: id })), bytes: chosen.length * 10 };
    },
  };
}
