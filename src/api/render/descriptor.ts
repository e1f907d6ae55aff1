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

export function renderPlatform(platform: Platform): WirePlatform {
  const { architecture, os, variant, 'os.version': version, 'os.features': features } = platform;
  return {
    architecture,
    os,
    ...(version === undefined ? {} : { 'os.version': version }),
    ...(features === undefined ? {} : { 'os.features': [...features] }),
    ...(variant === undefined ? {} : { variant }),
  };
}
