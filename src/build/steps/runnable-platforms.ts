import type { Platform } from '../../oci/image.ts';
import { hostPlatform, normalisePlatform } from '../../oci/platform.ts';
import { emulatorFor } from './emulators.ts';

const foreign = [
  'amd64',
  'arm64',
  'arm',
  '386',
  'riscv64',
  'ppc64le',
  's390x',
  'loong64',
  'mips64le',
  'mips64',
];

/** Platforms whose programs run here, this host's first: the kernel's own and those that it has emulators for in every container. */
export async function runnablePlatforms(directory?: string): Promise<readonly Platform[]> {
  const host = hostPlatform();
  const others = foreign.filter((architecture) => architecture !== host.architecture);
  const found = await Promise.all(
    others.map(async (architecture): Promise<Platform[]> => {
      const emulator = await emulatorFor({ architecture }, directory);
      const isUsable = emulator?.enabled && emulator.isFixed;
      return isUsable ? [normalisePlatform({ os: host.os, architecture })] : [];
    }),
  );
  return [host, ...found.flat()];
}
