import type { Surroundings } from '../solver/step.ts';

/** The time, in seconds since the epoch, of what has none of its own. */
export function secondsOf({ sourceDate }: Pick<Surroundings, 'sourceDate'>): number {
  return sourceDate ?? Math.floor(Date.now() / 1000);
}
