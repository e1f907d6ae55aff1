import { formatReference, type Reference } from '../../oci/reference.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';
import { indentJson } from '../format/json-text.ts';
import { encodeImageManifest, type ImageManifest } from '../manifest/image-manifest.ts';
import { checkRegistry, makeManifestList } from '../manifest/manifest-list.ts';
import { ManifestStore, noSuchManifest } from '../manifest/manifest-store.ts';
import { ManifestRegistry, manifestReference } from '../manifest/registry.ts';

export const command = defineCommand({
  flags: {
    insecure: flag(
      bool(),
      '',
      'Accept a registry without TLS, or with a certificate that nobody vouches for',
    ),
    verbose: flag(bool(), 'v', 'Show what else is known: names, platforms, and the manifests of a list'),
  },
  args: { atLeast: 1, atMost: 2 },
  async run({ args, options, session }) {
    const [first = '', second] = args;
    const image = manifestReference(second ?? first);
    const store = new ManifestStore(session.configDirectory);
    const print = (text: string): void => session.io.out(`${text}\n`);
    if (second !== undefined) {
      const found = store.get(manifestReference(first), image);
      if (found === undefined) throw noSuchManifest(image);
      return print(imageText(found, options.verbose));
    }
    const local = store.list(image);
    if (local !== undefined) return print(localListText(image, local, options.verbose));
    print(await remoteText(new ManifestRegistry(session, options.insecure), image, options.verbose));
  },
});

function imageText(image: ImageManifest, verbose: boolean): string {
  return indentJson(verbose ? encodeImageManifest(image) : image.text, '\t');
}

function verboseList(images: readonly ImageManifest[]): string {
  return indentJson(`[${images.map(encodeImageManifest).join(',')}]`, '\t');
}

function localListText(list: Reference, images: readonly ImageManifest[], verbose: boolean): string {
  if (verbose) return verboseList(images);
  try {
    for (const image of images) checkRegistry(list, image);
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new CommandError(`failed to assemble ManifestDescriptor: ${why}`);
  }
  return makeManifestList(images.map(({ descriptor }) => descriptor)).text;
}

async function remoteText(registry: ManifestRegistry, name: Reference, verbose: boolean): Promise<string> {
  const found = await registry.find(name);
  if (found.kind === 'image') return imageText(found.image, verbose);
  if (!verbose) return makeManifestList(found.entries).text;
  const images: ImageManifest[] = [];
  for (const entry of found.entries) {
    const reference = { ...name, digest: entry.digest };
    const image = await registry.image(reference);
    const { platform = image.descriptor.platform } = entry;
    images.push({ ...image, descriptor: { ...image.descriptor, ...(platform && { platform }) } });
  }
  if (images.length === 0) throw new CommandError(`no such manifest: ${formatReference(name)}`);
  return verboseList(images);
}
