import type { HandlersOf } from '../call.ts';

/** Nothing builds here yet, so there is nothing to remove; `system prune` asks all the same. */
export const buildHandlers: HandlersOf<'buildPrune'> = {
  buildPrune: () => ({ CachesDeleted: null, SpaceReclaimed: 0 }),
};
