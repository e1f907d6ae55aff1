import type { Volume } from '../../volumes/contract.ts';
import { formatTime } from '../../wire/times.ts';
import type { Volume as WireVolume } from '../../wire/volume-types.ts';

/** `status` as its driver tells it. */
export function renderVolume(volume: Volume, status?: Readonly<Record<string, unknown>>): WireVolume {
  return {
    CreatedAt: formatTime(volume.created),
    Driver: volume.driver,
    Labels: orNull(volume.labels),
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: orNull(volume.options),
    Scope: volume.scope,
    ...(status === undefined ? {} : { Status: { ...status } }),
  };
}

function orNull(map: Readonly<Record<string, string>>): Record<string, string> | null {
  return Object.keys(map).length === 0 ? null : { ...map };
}
