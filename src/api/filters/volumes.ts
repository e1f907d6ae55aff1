import type { Engine } from '../../engine/contract.ts';
import type { Volume } from '../../volumes/contract.ts';
import type { Filters } from '../../wire/query.ts';
import { equalsText, flagFilter, matchesLabels, matchesText } from './match.ts';

export function selectVolumes(engine: Engine, filters: Filters): Volume[] {
  const dangling = flagFilter(filters, 'dangling');
  const used = dangling === undefined ? new Set<string>() : usedVolumes(engine);
  return engine.volumes
    .list()
    .filter(
      (volume) =>
        matchesText(filters, 'name', volume.name) &&
        equalsText(filters, 'driver', volume.driver) &&
        matchesLabels(filters, volume.labels) &&
        (dangling === undefined || !used.has(volume.name) === dangling),
    );
}

/** Names of the volumes that some container mounts, running or not. */
export function usedVolumes(engine: Engine): Set<string> {
  return new Set(
    engine.containers
      .list()
      .flatMap(({ mounts }) =>
        mounts.flatMap(({ type, name }) => (type === 'volume' && name !== undefined ? [name] : [])),
      ),
  );
}
