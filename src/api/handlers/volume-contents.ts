import type { VolumeSnapshot } from '../../volumes/contract.ts';
import { formatTime } from '../../wire/times.ts';
import type { VolumeSnapshot as WireVolumeSnapshot } from '../../wire/volume-types.ts';
import type { HandlersOf } from '../call.ts';
import { renderVolume } from '../render/volume.ts';
import { sendStream } from '../streams/send-stream.ts';

export const volumeContentHandlers: HandlersOf<
  | 'volumeRename'
  | 'volumeClone'
  | 'volumeSnapshotList'
  | 'volumeSnapshot'
  | 'volumeSnapshotRemove'
  | 'volumeRestore'
  | 'volumeExport'
  | 'volumeImport'
> = {
  volumeRename: async ({ engine, context, name, query }) =>
    renderVolume(await engine.volumes.rename(context, name, query.name)),

  volumeClone: async ({ engine, context, name, query }) =>
    renderVolume(await engine.volumes.clone(context, name, query.name)),

  volumeSnapshotList: ({ engine, name }) => engine.volumes.snapshots(name).map(renderSnapshot),

  volumeSnapshot: async ({ engine, context, name, query }) =>
    renderSnapshot(await engine.volumes.snapshot(context, name, query.snapshot)),

  async volumeSnapshotRemove({ engine, context, name, query }) {
    await engine.volumes.removeSnapshot(context, name, query.snapshot);
  },

  async volumeRestore({ engine, context, name, query }) {
    await engine.volumes.restore(context, name, query.snapshot);
  },

  async volumeExport({ engine, context, name, response }) {
    await sendStream(response, 'application/x-tar', await engine.volumes.export(context, name));
  },

  volumeImport: async ({ engine, context, name, request }) =>
    renderVolume(await engine.volumes.import(context, name, request.body)),
};

function renderSnapshot({ name, created }: VolumeSnapshot): WireVolumeSnapshot {
  return { Name: name, CreatedAt: formatTime(created) };
}
