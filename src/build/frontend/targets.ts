import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import { DockerfileError } from '../../dockerfile/errors.ts';

/** The number of the stage that is to be built. */
export function targetOf({ stages }: Dockerfile, target: string): number {
  if (target === '') return stages.length - 1;
  const found = stageBefore(stages.length, target, stages);
  if (found === undefined)
    throw new DockerfileError(`target stage ${JSON.stringify(target)} could not be found`);
  return found;
}

/** The stage of that name or number among the first ones: the last that has the name. */
export function stageBefore(count: number, name: string, stages: Dockerfile['stages']): number | undefined {
  const lower = name.toLowerCase();
  const byName = stages.slice(0, count).findLastIndex(({ from }) => from.name === lower && lower !== '');
  if (byName >= 0) return byName;
  return /^\d{1,6}$/.test(name) && Number(name) < count ? Number(name) : undefined;
}
