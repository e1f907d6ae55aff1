import type { HostConfig } from '../../wire/container-config.ts';

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
