import { isCode } from '../../base/errors.ts';
import { differs } from '../../wire/versions.ts';
import type { HandlersOf } from '../call.ts';
import { flagFilter, matchesLabels } from '../filters/match.ts';
import { selectVolumes, usedVolumes } from '../filters/volumes.ts';
import { renderVolume } from '../render/volume.ts';

export const volumeHandlers: HandlersOf<
  'volumeList' | 'volumeCreate' | 'volumePrune' | 'volumeInspect' | 'volumeRemove'
> = {
  volumeList: ({ engine, query }) => ({
    Volumes: selectVolumes(engine, query.filters).map(renderVolume),
    Warnings: null,
  }),

  async volumeCreate({ engine, context, body }) {
    const volume = await engine.volumes.create(context, {
      name: body.Name,
      driver: body.Driver || 'local',
      labels: body.Labels ?? {},
      options: body.DriverOpts ?? {},
    });
    return renderVolume(volume);
  },

  async volumePrune({ engine, context, query: { filters }, version }) {
    const all = flagFilter(filters, 'all') ?? !differs(version, 'volumePruneAnonymousOnly');
    const used = usedVolumes(engine);
    const deleted: string[] = [];
    for (const { name, anonymous, labels } of engine.volumes.list()) {
      if (used.has(name) || !(all || anonymous) || !matchesLabels(filters, labels)) continue;
      await engine.volumes.remove(context, name);
      deleted.push(name);
    }
    return { VolumesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: 0 };
  },

  volumeInspect: ({ engine, name }) => renderVolume(engine.volumes.get(name)),

  async volumeRemove({ engine, context, name, query }) {
    try {
      await engine.volumes.remove(context, name);
    } catch (error) {
      if (!query.force || !isCode(error, 'not-found')) throw error;
    }
  },
};
