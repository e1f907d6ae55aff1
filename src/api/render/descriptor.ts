import type { Descriptor, Platform } from '../../oci/image.ts';
import type { Platform as WirePlatform } from '../../wire/platform.ts';
import type { DistributionInspect } from '../../wire/registry-types.ts';

export function renderDescriptor(descriptor: Descriptor): DistributionInspect['Descriptor'] {
  const { mediaType, digest, size, urls, annotations, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(urls === undefined ? {} : { urls: [...urls] }),
    ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
    ...(platform === undefined ? {} : { platform: renderPlatform(platform) }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

export function renderPlatform({ 'os.features': features, ...platform }: Platform): WirePlatform {
  return { ...platform, ...(features === undefined ? {} : { 'os.features': [...features] }) };
}
