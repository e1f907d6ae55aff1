import { invalid } from '../base/errors.ts';
import type { Platform } from './image.ts';

const architectureAliases: Readonly<Record<string, Partial<Platform> & { architecture: string }>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  x64: { architecture: 'amd64' },
  i386: { architecture: '386' },
  i486: { architecture: '386' },
  i586: { architecture: '386' },
  i686: { architecture: '386' },
  ia32: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

const knownOperatingSystems = new Set([
  'linux',
  'windows',
  'darwin',
  'freebsd',
  'netbsd',
  'openbsd',
  'solaris',
  'plan9',
]);

/** Go's names. */
const knownArchitectures = /^(386|amd64|arm|arm64|loong64|mips(64)?(le)?|ppc64(le)?|riscv64|s390x|wasm)$/;

const componentPattern = /^[A-Za-z0-9_.-]+$/;

/** The platform of this process, as images name it. */
export function hostPlatform(): Platform {
  return normalisePlatform({ os: process.platform, architecture: process.arch });
}

/** "linux/arm64/v8", "linux/amd64", "arm64" or "linux". Fails with `invalid-argument` in containerd's words. */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const broken = parts.find((part) => !componentPattern.test(part));
  if (broken !== undefined) {
    throw invalid(
      `${JSON.stringify(broken)} is an invalid component of ${JSON.stringify(text)}: platform specifier component must match "${componentPattern.source}": invalid argument`,
    );
  }
  if (parts.length > 3)
    throw invalid(`${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`);
  const [first = '', second, variant] = parts.map((part) => part.toLowerCase());
  const host = hostPlatform();
  if (second === undefined) {
    if (knownOperatingSystems.has(first)) return { ...host, os: first };
    const platform = normalisePlatform({ os: host.os, architecture: first });
    if (!knownArchitectures.test(platform.architecture)) {
      throw invalid(`${JSON.stringify(text)}: unknown operating system or architecture: invalid argument`);
    }
    return platform;
  }
  return normalisePlatform({
    os: first,
    architecture: second,
    ...(variant === undefined ? {} : { variant }),
  });
}

/** Aliases resolved and the variant that goes without saying dropped (arm64/v8) or added (arm/v7). */
export function normalisePlatform(platform: Platform): Platform {
  const { variant: givenVariant, ...rest } = platform;
  const alias = architectureAliases[platform.architecture];
  const architecture = alias?.architecture ?? platform.architecture;
  let variant = givenVariant || alias?.variant;
  if (architecture === 'arm64' && variant === 'v8') variant = undefined;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  if (architecture === 'arm' && variant === undefined) variant = 'v7';
  if (architecture === 'arm' && /^[5-8]$/.test(variant ?? '')) variant = `v${variant}`;
  return { ...rest, architecture, ...(variant === undefined ? {} : { variant }) };
}

export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
}

/**
 * How well an image's platform serves the one that is wanted: 0 not at all, higher is better. An exact variant is best; an older
 * one of the same family (arm v7 for v6's images, amd64 v3 for v2's) still runs.
 */
export function platformFit(wanted: Platform, offered: Platform): number {
  const want = normalisePlatform(wanted);
  const offer = normalisePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return 0;
  const wantLevel = variantLevel(want);
  const offerLevel = variantLevel(offer);
  return offerLevel > wantLevel ? 0 : 100 - (wantLevel - offerLevel);
}

function variantLevel(platform: Platform): number {
  const base = platform.architecture === 'arm64' ? 8 : 1;
  const level = /^v(\d+)/.exec(platform.variant ?? '')?.[1];
  return level === undefined ? base : Number(level);
}
