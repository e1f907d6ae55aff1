import type { Volume } from '../../volumes/contract.ts';
import { formatTime } from '../../wire/times.ts';
import type { Volume as WireVolume } from '../../wire/volume-types.ts';

export function renderVolume(volume: Volume): WireVolume {
  return {
    CreatedAt: formatTime(volume.created),
    Driver: volume.driver,
    Labels: orNull(volume.labels),
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: orNull(volume.options),
    Scope: 'local',
  };
}

function orNull(map: Readonly<Record<string, string>>): Record<string, string> | null {
  return Object.keys(map).length === 0 ? null : { ...map };
}
