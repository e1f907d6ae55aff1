import type { Context } from '../../base/context.ts';
import type { PushTarget } from '../../distribution/contract.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';
import { blobsOf, type ImageManifest } from '../manifest/image-manifest.ts';
import { checkPlatform, checkRegistry, makeManifestList } from '../manifest/manifest-list.ts';
import { ManifestStore, noSuchManifest } from '../manifest/manifest-store.ts';
import { ManifestRegistry, manifestReference } from '../manifest/registry.ts';

export const command = defineCommand({
  flags: {
    insecure: flag(
      bool(),
      '',
      'Accept a registry without TLS, or with a certificate that nobody vouches for',
    ),
    purge: flag(bool(), 'p', 'Remove the list here when it is pushed'),
  },
  args: { exactly: 1 },
  async run({ args: [name = ''], options, session }) {
    const list = manifestReference(name);
    const store = new ManifestStore(session.configDirectory);
    const images = store.list(list);
    if (images === undefined) throw noSuchManifest(list);
    if (images.length === 0) throw new CommandError(`${formatReference(list)} not found`);
    for (const image of images) {
      checkPlatform(image);
      checkRegistry(list, image);
    }
    const { context, target } = await new ManifestRegistry(session, options.insecure).target(list);
    for (const image of images) {
      if (image.reference.path === list.path) continue;
      await mountBlobs(context, target, list, image);
    }
    for (const image of images) {
      if (image.reference.path === list.path) continue;
      const { digest, mediaType } = image.descriptor;
      const stored = await target.putManifest(context, digest, mediaType, Buffer.from(image.text));
      const pushed = formatReference({ ...list, tag: undefined, digest });
      session.io.out(`Pushed ref ${pushed} with digest: ${stored}\n`);
    }
    const { mediaType, text } = makeManifestList(images.map(({ descriptor }) => descriptor));
    const nameThere = list.tag ?? list.digest ?? '';
    const digest = await target.putManifest(context, nameThere, mediaType, Buffer.from(text));
    session.io.out(`${digest}\n`);
    if (options.purge) store.remove(list);
  },
});

/** A repository must have the blobs that its manifests name; those of another one are lent to it, not copied. */
async function mountBlobs(
  context: Context,
  target: PushTarget,
  list: Reference,
  image: ImageManifest,
): Promise<void> {
  const { path } = image.reference;
  for (const digest of blobsOf(image)) {
    if ((await target.stat(context, digest)) !== undefined) continue;
    if (await target.mount(context, digest, path)) continue;
    // Layers of Windows itself are not in registries.
    if (image.descriptor.platform?.os === 'windows') continue;
    throw new CommandError(`error mounting ${path}@${digest} to ${formatReference(list)}`);
  }
}
