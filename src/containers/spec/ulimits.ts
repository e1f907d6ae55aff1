import { invalid } from '../../base/errors.ts';
import type { HostConfig } from '../../wire/container-config.ts';

type Ulimit = NonNullable<HostConfig['Ulimits']>[number];

const names = new Set([
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
]);

/** Fails with `invalid-argument` for a limit that does not exist, or whose soft value is above the hard one. */
export function checkUlimit({ Name: name, Soft: soft, Hard: hard }: Ulimit): void {
  if (!names.has(name.toLowerCase())) throw invalid(`invalid ulimit type: ${name}`);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
}

/** OCI's rlimits; -1 is "unlimited". */
export function buildRlimits(
  ulimits: HostConfig['Ulimits'],
): readonly { type: string; soft: number; hard: number }[] {
  return (ulimits ?? []).map(({ Name, Soft, Hard }) => ({
    type: `RLIMIT_${Name.toUpperCase()}`,
    soft: Soft,
    hard: Hard,
  }));
}
