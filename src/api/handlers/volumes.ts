import type { Context } from '../../base/context.ts';
import { isCode, SampanError } from '../../base/errors.ts';
import type { Engine } from '../../engine/contract.ts';
import type { Volume } from '../../volumes/contract.ts';
import { differs } from '../../wire/versions.ts';
import type { HandlersOf } from '../call.ts';
import { flagFilter, matchesLabels } from '../filters/match.ts';
import { selectVolumes, usedVolumes } from '../filters/volumes.ts';
import { renderVolume } from '../render/volume.ts';

export const volumeHandlers: HandlersOf<
  'volumeList' | 'volumeCreate' | 'volumePrune' | 'volumeInspect' | 'volumeUpdate' | 'volumeRemove'
> = {
  async volumeList({ engine, context, query }) {
    const warnings = await engine.volumes.discover(context);
    return {
      Volumes: selectVolumes(engine, query.filters).map((volume) => renderVolume(volume)),
      Warnings: warnings.length === 0 ? null : [...warnings],
    };
  },

  async volumeCreate({ engine, context, body }) {
    const volume = await engine.volumes.create(context, {
      name: body.Name,
      driver: body.Driver,
      labels: body.Labels ?? {},
      options: body.DriverOpts ?? {},
    });
    return renderVolume(volume);
  },

  async volumePrune({ engine, context, query: { filters }, version }) {
    const all = flagFilter(filters, 'all') ?? !differs(version, 'volumePruneAnonymousOnly');
    const used = usedVolumes(engine);
    const deleted: string[] = [];
    let bytes = 0;
    for (const { name, anonymous, labels } of engine.volumes.list().filter(isPlain)) {
      if (used.has(name) || !(all || anonymous) || !matchesLabels(filters, labels)) continue;
      const freed = await removeUnused(engine, context, name);
      if (freed === undefined) continue;
      bytes += freed;
      deleted.push(name);
    }
    engine.volumes.pruned(bytes);
    return { VolumesDeleted: deleted, SpaceReclaimed: bytes };
  },

  async volumeInspect({ engine, context, name }) {
    const volume = engine.volumes.get(name);
    return renderVolume(volume, await engine.volumes.status(context, name));
  },

  volumeUpdate() {
    throw new SampanError(
      'unavailable',
      'volume update only valid for cluster volumes, but swarm is unavailable',
    );
  },

  async volumeRemove({ engine, context, name, query }) {
    try {
      await engine.volumes.remove(context, name, { force: query.force });
    } catch (error) {
      if (!query.force || !isCode(error, 'not-found')) throw error;
    }
  },
};

/** What lies on devices or with plugins is removed only by name, as with Docker. */
function isPlain({ driver, options }: Volume): boolean {
  return driver === 'local' && Object.keys(options).length === 0;
}

/** Bytes that are free now; undefined when somebody took the volume, or took it away, meanwhile. */
async function removeUnused(engine: Engine, context: Context, name: string): Promise<number | undefined> {
  try {
    const bytes = await engine.storage.volumeBytes(context, name);
    await engine.volumes.remove(context, name);
    return bytes;
  } catch (error) {
    if (isCode(error, 'conflict') || isCode(error, 'not-found')) return undefined;
    throw error;
  }
}
