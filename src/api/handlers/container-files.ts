import { invalid } from '../../base/errors.ts';
import type { FilesystemChange, PathStat } from '../../containers/contract.ts';
import { PATH_STAT_HEADER } from '../../wire/archive-types.ts';
import { formatTime } from '../../wire/times.ts';
import type { Call, HandlersOf } from '../call.ts';
import { sendStream } from '../streams/send-stream.ts';

export const containerFileHandlers: HandlersOf<
  'containerPathStat' | 'containerPathRead' | 'containerPathWrite' | 'containerExport' | 'containerChanges'
> = {
  async containerPathStat(call) {
    const { engine, context, name, response } = call;
    announce(call, await engine.containers.statPath(context, name, pathOf(call)));
    await response.send(200);
  },

  async containerPathRead(call) {
    const { engine, context, name, response } = call;
    const { stat, tar } = await engine.containers.readPath(context, name, pathOf(call));
    announce(call, stat);
    await sendStream(response, 'application/x-tar', tar);
  },

  async containerPathWrite(call) {
    const { engine, context, name, query, request } = call;
    await engine.containers.writePath(context, name, pathOf(call), request.body, {
      noOverwriteDirNonDir: query.noOverwriteDirNonDir,
      copyOwners: query.copyUIDGID,
    });
  },

  async containerExport({ engine, context, name, response }) {
    await sendStream(response, 'application/octet-stream', await engine.containers.export(context, name));
  },

  async containerChanges({ engine, context, name }) {
    const changes = await engine.containers.changes(context, name);
    return changes.length === 0 ? null : changes.map(renderChange);
  },
};

function pathOf({ query }: { readonly query: { readonly path: string } }): string {
  if (query.path === '') throw invalid('bad parameter: path cannot be empty');
  return query.path;
}

function announce({ response }: Pick<Call, 'response'>, stat: PathStat): void {
  const { name, size, mode, mtime, linkTarget } = stat;
  const text = JSON.stringify({ name, size, mode, mtime: formatTime(mtime), linkTarget });
  response.header(PATH_STAT_HEADER, Buffer.from(text).toString('base64'));
}

const changeKinds: Record<FilesystemChange['kind'], number> = { modified: 0, added: 1, deleted: 2 };

function renderChange({ path, kind }: FilesystemChange): { Path: string; Kind: number } {
  return { Path: path, Kind: changeKinds[kind] };
}
