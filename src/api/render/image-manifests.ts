import type { Engine } from '../../engine/contract.ts';
import type { ImageManifest, ImageManifests } from '../../images/contract.ts';
import type { ImageInspect, ImageManifest as WireManifest } from '../../wire/image-types.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import { renderDescriptor, renderPlatform } from './descriptor.ts';

export type RenderedManifests = Pick<ImageInspect, 'Descriptor' | 'Manifests'>;

/** IDs of the containers that were made of each image. */
export type ImageUsers = ReadonlyMap<string, readonly string[]>;

export function imageUsers(engine: Engine): ImageUsers {
  const users = new Map<string, string[]>();
  for (const { id, imageId } of engine.containers.list()) {
    const own = users.get(imageId);
    if (own === undefined) users.set(imageId, [id]);
    else own.push(id);
  }
  return users;
}

/** What an image is listed with: with a list of `users`, its manifests too. */
export function renderManifests(
  { target, manifests }: ImageManifests,
  version: ApiVersion,
  users: ImageUsers | undefined,
): RenderedManifests {
  const hasDescriptor = target !== undefined && differs(version, 'imageDescriptor');
  return {
    ...(hasDescriptor ? { Descriptor: renderDescriptor(target) } : {}),
    ...(users === undefined ? {} : { Manifests: manifests.map((one) => renderManifest(one, users)) }),
  };
}

function renderManifest(one: ImageManifest, users: ImageUsers): WireManifest {
  const { descriptor, available, kind, contentSize, unpackedSize, platform, image, subject } = one;
  return {
    ID: descriptor.digest,
    Descriptor: renderDescriptor(descriptor),
    Available: available,
    Size: { Content: contentSize, Total: contentSize + unpackedSize },
    Kind: kind,
    ...(platform === undefined
      ? {}
      : {
          ImageData: {
            Platform: renderPlatform(platform),
            Containers: image === undefined ? [] : [...(users.get(image) ?? [])],
            Size: { Unpacked: unpackedSize },
          },
        }),
    ...(subject === undefined ? {} : { AttestationData: { For: subject } }),
  };
}
