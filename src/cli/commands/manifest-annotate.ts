import type { Platform } from '../../oci/image.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { strings, text } from '../flag-types.ts';
import { orderPlatform } from '../manifest/image-manifest.ts';
import { ManifestStore } from '../manifest/manifest-store.ts';
import { manifestReference } from '../manifest/registry.ts';

export const command = defineCommand({
  flags: {
    arch: flag(text(), '', 'Architecture that the image is for'),
    os: flag(text(), '', 'Operating system that it is for'),
    'os-features': flag(strings, '', 'Features that it needs of the operating system'),
    'os-version': flag(text(), '', 'Version of the operating system'),
    variant: flag(text(), '', 'Variant of the architecture'),
  },
  args: { exactly: 2 },
  async run({ args, options, session }) {
    const [listName = '', imageName = ''] = args;
    const list = manifestReference(listName, `annotate: error parsing name for manifest list ${listName}: `);
    const image = manifestReference(imageName, `annotate: error parsing name for manifest ${imageName}: `);
    const store = new ManifestStore(session.configDirectory);
    const manifest = store.get(list, image);
    if (manifest === undefined) {
      throw new CommandError(`manifest for image ${imageName} does not exist in ${listName}`);
    }
    const platform = annotated(manifest.descriptor.platform ?? { architecture: '', os: '' }, options);
    if (!isKnown(platform)) {
      throw new CommandError(
        `manifest entry for image has unsupported os/arch combination: ${options.os}/${options.arch}`,
      );
    }
    store.save(list, image, { ...manifest, descriptor: { ...manifest.descriptor, platform } });
  },
});

interface Annotations {
  readonly arch: string;
  readonly os: string;
  readonly 'os-features': readonly string[];
  readonly 'os-version': string;
  readonly variant: string;
}

function annotated(platform: Platform, options: Annotations): Platform {
  const features = new Set([...(platform['os.features'] ?? []), ...options['os-features']]);
  return orderPlatform({
    architecture: options.arch || platform.architecture,
    os: options.os || platform.os,
    'os.version': options['os-version'] || (platform['os.version'] ?? ''),
    'os.features': [...features],
    variant: options.variant || (platform.variant ?? ''),
  });
}

/** What Docker takes for an operating system with an architecture. */
const architectures: Readonly<Record<string, string>> = {
  darwin: '386 amd64 arm arm64',
  dragonfly: 'amd64',
  freebsd: '386 amd64 arm',
  linux: '386 amd64 arm arm64 loong64 mips64 mips64le ppc64le riscv64 s390x',
  netbsd: '386 amd64 arm',
  openbsd: '386 amd64 arm',
  plan9: '386 amd64',
  solaris: 'amd64',
  windows: '386 amd64 arm64',
};

function isKnown({ os, architecture }: Platform): boolean {
  const known = Object.hasOwn(architectures, os) ? (architectures[os] ?? '') : '';
  return known.split(' ').includes(architecture);
}
