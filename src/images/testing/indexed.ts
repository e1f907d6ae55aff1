import type { Context } from '../../base/context.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/image.ts';
import { hostPlatform } from '../../oci/platform.ts';
import type { ImageIndex, IndexMember } from '../contract.ts';
import type { StoredImages } from '../images.ts';
import { stream, tar } from './archives.ts';

export const host = hostPlatform();
export const foreign: Platform = { os: 'linux', architecture: 's390x' };

/** Of each platform's image its only layer. */
export const foreignLayer = tar({ 'etc/issue': 'foreign\n' });
export const hostLayer = tar({ 'etc/issue': 'at home\n' });

export const statement = {
  predicateType: 'https://slsa.dev/provenance/v1',
  bytes: Buffer.from('{"made":"here"}'),
};

/** One image for each of both platforms; the foreign one's comes first. */
export async function makeImages(context: Context, images: StoredImages): Promise<[Digest, Digest]> {
  const make = async (platform: Platform, layer: Uint8Array): Promise<Digest> => {
    using lease = images.maker.leaseLayers(context);
    const { diffId } = await images.maker.receiveLayer(context, lease, stream(layer));
    const history = [{ created_by: `made for ${platform.architecture}` }];
    const config = { ...platform, history, rootfs: { type: 'layers' as const, diff_ids: [diffId] } };
    return (await images.maker.create(context, { config, parent: undefined, references: [] })).id;
  };
  return [await make(foreign, foreignLayer), await make(host, hostLayer)];
}

export function memberOf(
  image: IndexMember['image'],
  platform: Platform,
  change: Partial<IndexMember> = {},
): IndexMember {
  return {
    ...{ image, platform, manifestAnnotations: {}, descriptorAnnotations: {}, statements: () => [] },
    ...change,
  };
}

/** An index of both with a statement about this host's. */
export async function makeIndexed(
  context: Context,
  images: StoredImages,
  ...references: string[]
): Promise<ImageIndex & { readonly foreign: Digest; readonly host: Digest }> {
  const [one, other] = await makeImages(context, images);
  const members = [memberOf(one, foreign), memberOf(other, host, { statements: () => [statement] })];
  const index = await images.maker.createIndex(context, { members, annotations: {}, references });
  return { ...index, foreign: one, host: other };
}
