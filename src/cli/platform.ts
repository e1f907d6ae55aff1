import type { Platform } from '../client/images.ts';
import { CommandError } from './command-error.ts';

const architectureNames: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
  i386: '386',
  i486: '386',
  i586: '386',
  i686: '386',
};

const knownSystems = new Set([
  'linux',
  'windows',
  'darwin',
  'freebsd',
  'netbsd',
  'openbsd',
  'solaris',
  'plan9',
]);

/** Reads `os[/arch[/variant]]`, or an architecture alone. Throws CommandError. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  const invalid = parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part));
  if (invalid) {
    throw new CommandError(
      `invalid platform: ${JSON.stringify(text)} is an invalid component of ${JSON.stringify(text)}: platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument`,
    );
  }
  const [first = '', second, variant] = parts;
  if (second === undefined) {
    if (knownSystems.has(first)) return { architecture: hostArchitecture(), os: first };
    return { architecture: architectureNames[first] ?? first, os: 'linux' };
  }
  const architecture = architectureNames[second] ?? second;
  const implied = architecture === 'arm64' && variant === 'v8' ? undefined : variant;
  return { architecture, os: first, ...(implied === undefined ? {} : { variant: implied }) };
}

function hostArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
